"""`truckcount recount` and `restate`: old against new, and no video decoded in vain."""

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import CAMERAS
from tests.pipeline.red_box import write_red_model, write_traffic

pytestmark = pytest.mark.video


@pytest.fixture
def counted(truckcount, tmp_path):
    """A store of two hours with two trucks and one."""
    model = write_red_model(tmp_path)
    films = tmp_path / "films"
    films.mkdir()
    write_traffic(films / "gate_20260302T085952Z.mp4", {1.0: 1, 3.0: -1})
    write_traffic(films / "gate_20260302T120000Z.mp4", {1.0: 1})
    said = truckcount("run", films, "--model", model, "--quiet")
    assert said.code == 0
    return films, model


def n_trucks():
    return pd.read_parquet("store/hours")["n_trucks"].sum()


def test_a_threshold_is_tried_and_then_taken(truckcount, counted):
    _, model = counted
    said = truckcount("recount", "store", "--model", model, "--on", 0.99, "--dry-run")
    assert said.code == 0
    assert "nothing written" in said.err
    assert n_trucks() == 3
    said = truckcount("recount", "store", "--model", model, "--on", 0.99, "--json")
    (camera,) = said.json
    assert (camera["sum_old"], camera["sum_new"], camera["is_published"]) == (
        3,
        1,
        True,
    )
    assert camera["worst"][0]["n_old"] == 2
    assert n_trucks() == 1
    assert truckcount("store", "check", "store").code == 0


def test_bins_are_made_without_a_word_that_nothing_was(truckcount, counted):
    _, model = counted
    said = truckcount("recount", "store", "--model", model, "--bins", 15)
    assert "no hour changed, no revision written" in said.err
    assert pd.read_parquet("store/bins_15")["n_trucks"].sum() == 3


def test_the_wrong_model_is_refused_with_what_to_do(truckcount, counted):
    said = truckcount("recount", "store")
    assert said.code == 2
    assert "--model" in said.err


def test_another_speed_is_among_what_to_look_at(truckcount, counted):
    films, model = counted
    options = ["--model", model, "--store", "quick", "--speed", "fast", "--quiet"]
    assert truckcount("run", films, *options).code == 0
    said = truckcount("recount", "quick", "--model", model)
    assert said.code == 2
    assert "--sample-fps, --speed, --precision and --backend of the run" in said.err
    assert truckcount("recount", "quick", "--model", model, "--speed", "fast").code == 0
    other = truckcount("recount", "store", "--model", model, "--precision", "bf16")
    assert "none of its scores are of model" in other.err


def test_another_gate_is_shown_and_published_only_when_told(truckcount, counted):
    films, model = counted
    gate = ["--gate", "0,0 0.3,0 0.3,0.55 0,0.55"]  # the lane of those that go right
    said = truckcount("restate", "store", "--model", model, *gate)
    assert said.code == 0
    assert "--publish" in said.err
    assert n_trucks() == 3
    (films / "gate_20260302T120000Z.mp4").rename("away.mp4")
    said = truckcount(
        "restate", "store", "--model", model, *gate, "--publish", "--json"
    )
    (camera,) = said.json
    assert camera["n_files_decoded"] == 0, "scored when it was shown"
    assert camera["files_missing"] == []
    hours = pd.read_parquet("store/hours")
    new = hours[hours["gate"] == "main"]
    assert new["n_trucks"].dropna().tolist() == [1, 1]
    assert truckcount("store", "check", "store").code == 0


def test_a_video_that_is_gone_keeps_its_hours(truckcount, counted):
    films, model = counted
    (films / "gate_20260302T120000Z.mp4").unlink()
    said = truckcount(
        "restate", "store", "--model", model, "--sample-fps", 4, "--publish"
    )
    assert said.code == 3
    assert "gate_20260302T120000Z.mp4" in said.err
    assert n_trucks() == 3
    history = pd.read_parquet("store/history")
    assert history.groupby("hour_start_utc")["revision"].max().tolist()[-1] == 1
    assert truckcount("store", "check", "store").code == 0


def test_gates_that_are_not_given_are_those_the_store_was_counted_with(
    truckcount, counted
):
    """`restate` showed, and `recount` wanted, the whole picture of every camera."""
    films, model = counted
    Path("cameras.toml").write_text(CAMERAS.replace("dock", "gate"))
    told = ["--model", model, "--cameras", "cameras.toml", "--store", "gates"]
    assert truckcount("run", films, *told, "--quiet").code == 0
    for command in (["recount", "gates"], ["restate", "gates"]):
        said = truckcount(*command, "--model", model, "--json")
        (camera,) = said.json
        assert (said.code, camera["n_hours"], camera["n_changed"]) == (0, 2, 0)
        assert camera["worst"] == []
