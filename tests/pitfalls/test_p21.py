"""Bad timestamps."""

from fractions import Fraction

import av
import pytest

from tests.conftest import write_clip
from tests.pipeline.red_box import write_red_model
from tests.pitfalls.scenes import read
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store import Store

pytestmark = pytest.mark.video

DT_MAX_S = 2.0


def a_day_ahead(k):
    return 40 * k + (86_400_000 if k >= 60 else 0)


def standing_still(k):
    return 40 * k if k < 50 else 40 * 50 + (k - 50)


def each_twice(k):
    return 80 * (k // 2)


def one_of_many(k):
    return 40 * min(k, 50) + 40 * max(k - 90, 0)


def from_below_zero(k):
    return 40 * k - 200


@pytest.mark.parametrize(
    "pts",
    [a_day_ahead, standing_still, each_twice, one_of_many, from_below_zero],
)
def test_no_timestamp_makes_coverage_out_of_nothing(tmp_path, pts):
    _, store = count(tmp_path, pts)
    hours = read(store)
    assert hours["coverage_s"].sum() <= 4.0 + DT_MAX_S
    seen = hours[hours["coverage_s"] > 0]
    assert set(seen["hour_start_utc"].dt.strftime("%d %H")) == {"02 09"}
    dt_s = read(store, "scores")["dt_s"]
    assert dt_s.between(0, DT_MAX_S).all()


@pytest.mark.parametrize("pts", [each_twice, one_of_many])
def test_frames_of_exactly_one_moment_are_watched_once(tmp_path, pts):
    clip, store = count(tmp_path, pts)
    with av.open(str(clip)) as file:
        times_s = [float(frame.time) for frame in file.decode(video=0)]
    assert len(set(times_s)) < len(times_s) == 100, "the file holds them as written"
    watched_s = max(times_s) - min(times_s)
    hours = read(store)
    assert hours["coverage_s"].sum() == pytest.approx(watched_s, abs=0.25)
    scores = read(store, "scores")
    assert scores["t_utc"].is_monotonic_increasing
    assert scores["t_utc"].is_unique
    assert scores["dt_s"].sum() == pytest.approx(watched_s, abs=0.25)


def count(tmp_path, pts):
    """Run over four seconds of frames with these times."""
    clip = write_clip(
        tmp_path / "gate_20260302T090000Z.mkv", 100, pts=pts,
        time_base=Fraction(1, 1000), options={"bf": "0", "crf": "20"},
    )  # fmt: skip
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    run_paths([str(clip)], options)
    return clip, Store.open(options.store)
