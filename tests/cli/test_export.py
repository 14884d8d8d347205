"""`truckcount export`: what a store holds in formats of others, or why not."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import CAMERAS
from tests.pipeline.red_box import write_traffic


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


def test_csv_holds_the_hours_and_tells_null_from_zero(truckcount, store, tmp_path):
    said = truckcount("export", "csv", store, "-o", "hours.csv")
    hours = pd.read_parquet(tmp_path / "store" / "hours")
    assert (said.code, said.out) == (0, "")
    assert said.err == f"hours.csv: {len(hours)} rows\n"
    found = pd.read_csv("hours.csv", comment="#", keep_default_na=False, dtype=str)
    assert list(found.columns) == list(hours.columns)
    dark = found[found["hour_start_utc"] == "2026-03-02T09:00:00Z"]
    assert set(dark["n_trucks"]) == {""}, "an hour that nobody watched is no zero"
    seen = found[found["hour_start_utc"] == "2026-03-02T11:00:00Z"]
    by_direction = dict(zip(seen["direction"], seen["n_trucks"], strict=True))
    assert by_direction == {"in": "1", "out": "0", "unknown": "0"}


def test_csv_of_a_part_and_of_a_moment(truckcount, store):
    part = (
        "--camera",
        "dock",
        "--from",
        "2026-03-02T11:00",
        "--to",
        "2026-03-02T12:00",
    )
    told = truckcount("export", "csv", store, "-o", "a.csv", *part, "--json")
    assert told.json == {"file": "a.csv", "n_rows": 3}
    then = ("--as-of", "2026-03-02T12:30Z")  # counted later than that
    told = truckcount("export", "csv", store, "-o", "b.csv", *then, "--json")
    assert told.json["n_rows"] == 0
    naive = truckcount("export", "csv", store, "-o", "b.csv", "--as-of", "2026-03-02")
    assert naive.code == 2
    assert "no zone" in naive.err


def test_csv_says_what_it_cannot_do(truckcount, store, tmp_path):
    odd = truckcount("export", "csv", store, "-o", "a.csv", "--camera", "dok")
    assert odd.code == 2
    assert "did you mean 'dock'" in odd.err
    nowhere = truckcount("export", "csv", store, "-o", "no/such/a.csv")
    assert nowhere.code == 2
    assert len(nowhere.err.splitlines()) == 1
    inside = truckcount("export", "csv", store, "-o", "store/hours/a.csv")
    assert "outside" in inside.err
    assert inside.code == 2
    pd.read_parquet(tmp_path / "store" / "hours")


@pytest.fixture
def day(truckcount, scene, tmp_path):
    """A store whose gate looks east: a local day of short clips and one without."""
    text = CAMERAS.replace("in = [1.0, 0.0]", "in = [1.0, 0.0]\ncompass_out = 3")
    Path("cameras.toml").write_text(text)
    seen = [write_traffic(tmp_path / "dock_20260302T080000Z.mp4", {1.0: 1}, 6)]
    run = ("run", *seen, "--cameras", "cameras.toml", "--model", scene.model, "--quiet")
    assert truckcount(*run).code == 0
    return "store"


def test_a_day_that_was_not_watched_whole_is_named(truckcount, day):
    given = ("-o", "v.txt", "--state", "32", "--station", "dock/main=RENO01")
    said = truckcount("export", "tmg", day, *given)
    assert (said.code, said.out) == (0, "")
    first, *_, last = said.err.splitlines()
    assert first == "left out, not watched whole: dock/main/in 2026-03-02"
    assert last.startswith("v.txt: 0 records, ")
    assert Path("v.txt").read_text() == ""
    told = truckcount("export", "tmg", day, *given, "--json").json
    assert told["n_records"] == 0
    assert "dock/main/out 2026-03-02" in told["left_out"]


@pytest.mark.parametrize(
    ("state", "station", "reason"),
    [
        ("32", "dock/main", "want CAMERA/GATE=ID"),
        ("32", "dock/side=RENO01", "it has dock/main"),
        ("32", "dok/main=RENO01", "did you mean 'dock'"),
        ("32", "dock/main=RENO-01", "1-6 letters and digits"),
        ("NV", "dock/main=RENO01", "two digits"),
    ],
)
def test_a_station_that_cannot_be_is_2(truckcount, day, state, station, reason):
    given = ("-o", "v.txt", "--state", state, "--station", station)
    said = truckcount("export", "tmg", day, *given)
    assert said.code == 2
    assert reason in said.err
    assert not Path("v.txt").exists()


def test_a_gate_without_a_compass_says_how_to_give_one(truckcount, store):
    given = ("-o", "v.txt", "--state", "32", "--station", "dock/main=RENO01")
    said = truckcount("export", "tmg", store, *given)
    assert said.code == 2
    assert "compass_out in cameras.toml is missing" in said.err
