"""Film with frames seconds apart sees no truck pass: that is not watching a road."""

import numpy as np
import pandas as pd
import pytest

from tests.conftest import write_clip
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store.check import check_store


def asphalt(k):
    """Draw a road on which nothing is, not even to a network that errs on drawings."""
    grain = np.random.default_rng(k).normal(110, 4, (96, 160, 1))
    return np.repeat(grain, 3, axis=2).astype(np.uint8)


def run_film(tmp_path, pace_s, toml=""):
    clip = tmp_path / "slow_20260302T080000Z.mp4"
    # frames that last: a header that says 25 a second would be another film
    write_clip(clip, 20, fps=25, pts=lambda k: round(25 * pace_s) * k, image=asphalt)
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(f'[cameras.slow]\ntimezone = "UTC"\n{toml}')
    store = tmp_path / "store"
    options = RunOptions(store=store, cameras=cameras)
    result = run_paths([str(clip)], options)
    assert not list(check_store(store))
    return result, pd.read_parquet(store / "hours")


@pytest.mark.parametrize("pace_s", [1.2, 2, 5])
def test_a_film_that_loses_every_truck_was_not_watched(tmp_path, pace_s):
    result, hours = run_film(tmp_path, pace_s)
    (warning,) = [w for w in result.file_outcomes[0].warnings if "apart" in w]
    assert f"{pace_s:g} s apart" in warning
    assert "source_kind" in warning
    assert hours.n_trucks.isna().all()
    assert (hours.coverage_s == 0).all()
    assert hours.unusable_s.tolist() == pytest.approx([20 * pace_s], abs=pace_s)
    assert result.file_outcomes[0].work.coverage_s == {"frame": 0.0}


def test_a_film_of_a_frame_a_second_was_watched(tmp_path):
    result, hours = run_film(tmp_path, 1)
    assert not any("apart" in w for w in result.file_outcomes[0].warnings)
    assert hours.n_trucks.tolist() == [0]
    assert hours.coverage_s.tolist() == pytest.approx([20], abs=1)


def test_a_time_lapse_that_is_told_to_be_stills_is_no_cause_to_warn(tmp_path):
    result, hours = run_film(tmp_path, 5, 'source_kind = "stills"\n')
    assert not any("apart" in w for w in result.file_outcomes[0].warnings)
    assert (hours.source_kind == "stills").all()
