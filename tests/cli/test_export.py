"""`truckcount export delta`: each revision once, or one line that says why not."""

import sys

import pandas as pd
import pytest


@pytest.fixture
def store(truckcount, scene):
    assert truckcount("run", *scene.clips, *scene.options(), "--quiet").code == 0
    return "store"


def test_a_table_gets_each_revision_once(truckcount, store, tmp_path):
    deltalake = pytest.importorskip("deltalake", reason="extra `delta` is missing")
    history = pd.read_parquet(tmp_path / "store" / "history")
    said = truckcount("export", "delta", store, "--to", "lake/hours")
    assert (said.code, said.out) == (0, "")
    assert said.err == f"lake/hours: {len(history)} revisions appended\n"
    found = deltalake.DeltaTable("lake/hours").to_pandas()
    assert found["n_trucks"].sum() == history["n_trucks"].sum() == 3
    again = truckcount("export", "delta", store, "--to", "lake/hours")
    assert again.err == "lake/hours: up to date\n"
    told = truckcount("export", "delta", store, "--to", "lake/hours", "--json")
    assert told.json == {"table": "lake/hours", "n_appended": 0}


def test_a_missing_extra_is_named(truckcount, store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "deltalake", None)
    said = truckcount("export", "delta", store, "--to", "lake")
    assert (said.code, said.out) == (2, "")
    assert "pip install 'truckcount[delta]'" in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "lake").exists()


def test_a_place_that_takes_no_table_is_one_line(truckcount, store, tmp_path):
    pytest.importorskip("deltalake", reason="extra `delta` is missing")
    (tmp_path / "lake").write_text("a file")
    said = truckcount("export", "delta", store, "--to", "lake")
    assert said.code == 2
    assert said.err.startswith("truckcount: lake cannot be written")
    assert len(said.err.splitlines()) == 1


def test_a_folder_that_is_no_store_is_5(truckcount, tmp_path):
    pytest.importorskip("deltalake", reason="extra `delta` is missing")
    assert truckcount("export", "delta", tmp_path, "--to", "lake").code == 5
