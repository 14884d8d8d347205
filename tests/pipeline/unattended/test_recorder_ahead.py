"""A recorder whose clock is years ahead: its files are counted, and it is told."""

import json

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended.status import read_status
from truckcount.store.check import check_store

pytestmark = pytest.mark.video


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """One clip of March and one that says 2099."""
    root = tmp_path_factory.mktemp("desk")
    rec = root / "rec"
    rec.mkdir()
    for day in ("20260302", "20990302"):
        write_traffic(rec / f"gate_{day}T100000Z.mp4", {1.0: 1}, 6)
    options = RunOptions(store=root / "store", model=write_red_model(root))
    return root, options, run_paths([str(rec)], options)


def test_a_file_of_the_future_is_counted_with_a_warning(desk):
    _, options, result = desk
    now, later = result.file_outcomes
    assert (now.time_quality, now.warnings) == ("exact", ())
    assert (later.status, later.passages, later.time_quality) == ("done", 1, "guess")
    (warning,) = later.warnings
    assert "starts at 2099-03-02T10:00:00" in warning
    assert "set the recorder's clock" in warning
    hours = pd.read_parquet(options.store / "hours").set_index("hour_start_utc")
    assert not hours.loc[hours.index.year == 2099, "is_final"].any()
    assert len(hours) == 2, "no null hours of decades"
    assert check_store(options.store) == []


def test_counting_again_says_so_again_and_strict_times_refuse_it(desk):
    root, options, _ = desk
    again = run_paths([str(root / "rec")], options)
    assert [o.status for o in again.file_outcomes] == ["reused", "reused"]
    assert "2099" in again.file_outcomes[1].warnings[0]
    strict = RunOptions(store=root / "strict", model=options.model, is_strict_time=True)
    first, second = run_paths([str(root / "rec")], strict).file_outcomes
    assert (first.status, second.status) == ("done", "no_time")
    assert "yet to come" in second.error


def test_status_tells_lag_by_the_files_of_the_past(desk):
    _, options, _ = desk
    now_s = pd.Timestamp("2026-03-02T11:00:06Z").timestamp()
    found = json.loads(json.dumps(read_status(options.store, now_s=now_s)))
    (camera,) = found["cameras"]
    assert camera["lag_s"] == pytest.approx(3600, abs=0.2)
    assert camera["last_hour_utc"] == "2026-03-02T10:00:00Z"
    assert (camera["n_in_future"], camera["week_gaps"]) == (1, [])
    said = "gate: 1 files start in the future: set its recorder's clock"
    assert said in found["reasons"]


def test_a_camera_of_the_future_alone_is_critical(desk):
    _, options, _ = desk
    now_s = pd.Timestamp("2026-03-01T00:00Z").timestamp()
    found = read_status(options.store, now_s=now_s)
    assert found["cameras"][0]["lag_s"] is None
