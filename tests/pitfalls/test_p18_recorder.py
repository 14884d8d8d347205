"""The autumn hour written twice by a recorder is flagged, not merged."""

import os

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

pytestmark = pytest.mark.video

CAMERAS = """\
[cameras.dock]
timezone = "America/Chicago"
match = ["dock*.mp4"]
"""
FIRST_END_S = pd.Timestamp("2025-11-02T06:10:08Z").timestamp()


@pytest.fixture
def twice(tmp_path):
    """01:10 local, twice: 06:10Z and 07:10Z, with one and with two trucks."""
    files = [
        write_traffic(tmp_path / f"dock{k}_20251102_011000.mp4", trucks)
        for k, trucks in enumerate([{1.0: 1}, {1.0: 1, 3.5: -1}])
    ]
    (tmp_path / "cameras.toml").write_text(CAMERAS)
    options = RunOptions(
        store=tmp_path / "store",
        model=write_red_model(tmp_path),
        cameras=tmp_path / "cameras.toml",
    )
    return files, options


def test_copies_without_their_file_times_are_not_counted(twice):
    files, options = twice
    result = run_paths([str(f) for f in files], options)
    assert [o.status for o in result.file_outcomes] == ["ambiguous_time"] * 2
    assert all("--start" in o.error for o in result.file_outcomes)
    assert result.exit_code == 4
    assert not (options.store / "hours").exists()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_file_times_tell_the_two_hours_apart(twice, order):
    files, options = twice
    for k, file in enumerate(files):
        os.utime(file, (FIRST_END_S + 3600 * k,) * 2)
    result = run_paths([str(files[k]) for k in order], options)
    assert {o.status for o in result.file_outcomes} == {"done"}
    hours = pd.read_parquet(options.store / "hours")
    assert hours["n_trucks"].tolist() == [1, 2]
    assert hours["hour_start_utc"].dt.hour.tolist() == [6, 7]
    assert hours["local_start"].nunique() == 1
    again = run_paths([str(f) for f in files], options)
    assert {o.status for o in again.file_outcomes} == {"reused"}
