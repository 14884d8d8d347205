"""`--speed fastest` in the main job: calibrates once, counts the same, says why."""

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline import speed_plan
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.restating.store_recount import RecountOptions, recount_store
from truckcount.pipeline.run import run_paths
from truckcount.store.check import check_store

pytestmark = pytest.mark.video
TRUCKS = {1.0: 1, 6.0: -1, 11.0: 1, 16.0: 1, 21.0: -1, 26.0: 1}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return write_traffic(folder / "gate_20260302T080000Z.mp4", TRUCKS, 32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def count(film, model, tmp_path):
    def call(speed, store="store", **more):
        options = RunOptions(store=tmp_path / store, model=model, speed=speed, **more)
        return run_paths([str(film)], options)

    return call


def test_too_little_video_is_read_exactly_and_said_so(count):
    result = count("fastest")
    (plan,) = result.speed["plans"].values()
    assert plan["speed"] == "exact"
    assert "32 s of new video are not worth a calibration" in plan["reason"]
    assert result.config_hash == count("exact", "other").config_hash


def test_a_calibrated_camera_counts_the_same_and_keeps_its_plan(
    count, model, monkeypatch, tmp_path
):
    monkeypatch.setattr(speed_plan, "WORTH_S", 30.0)
    exact, fastest = count("exact", "exact"), count("fastest")
    (plan,) = fastest.speed["plans"].values()
    assert plan["n_passages"] == len(TRUCKS)
    assert (plan["speed"], plan["sample_fps"]) != ("exact", 5.0)
    assert fastest.totals["by_direction"] == exact.totals["by_direction"]
    assert fastest.config_hash != exact.config_hash
    assert check_store(tmp_path / "store") == []
    hours = pd.read_parquet(tmp_path / "store" / "hours")
    assert hours["coverage_s"].max() == pytest.approx(32, abs=1.1)

    again = count("fastest")
    assert [o.status for o in again.file_outcomes] == ["reused"]
    assert "before" in again.speed["plans"].popitem()[1]["reason"]
    assert again.config_hash == fastest.config_hash

    options = RunOptions(store=tmp_path / "store", model=model, speed="fastest")
    (recounted,) = recount_store(options.store, options, RecountOptions())
    assert (recounted.n_camera_hours, recounted.n_left_out) == (1, 0)
    assert recounted.comparison.n_changed == 0


def test_a_calibration_opens_no_larger_picture_than_the_run(count, monkeypatch):
    monkeypatch.setattr(speed_plan, "WORTH_S", 30.0)
    (plan,) = count("fastest", max_pixels=1000).speed["plans"].values()
    assert "no file could be calibrated on" in plan["reason"]


def test_a_camera_without_a_plan_is_recounted_as_exact(count, model, tmp_path):
    count("fastest")
    options = RunOptions(store=tmp_path / "store", model=model, speed="fastest")
    (recounted,) = recount_store(options.store, options, RecountOptions())
    assert (recounted.n_camera_hours, recounted.n_left_out) == (1, 0)
