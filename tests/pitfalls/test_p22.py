"""VFR."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.conftest import write_clip
from tests.counting.simulate import scores_of
from tests.pipeline.red_box import write_red_model
from tests.pitfalls.scenes import S_US, T0_US, piece, publish, read
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store import Store

N_FAST, N_SLOW = 1500, 600  # a minute of 25 fps, ten of 1 fps


def test_half_an_hour_each_at_two_rates_is_an_hour(tmp_path):
    """Five samples a second of 25 fps, then each frame of 1 fps."""
    fast = [T0_US + k * S_US // 5 for k in range(1800 * 5)]
    slow = [T0_US + (1800 + k) * S_US for k in range(1800)]
    scores = scores_of([[] for _ in (*fast, *slow)], [*fast, *slow])
    (hour,) = read(publish(tmp_path, [piece("a", scores)])).to_dict("records")
    assert hour["coverage_s"] == pytest.approx(3600, abs=2)
    assert hour["max_gap_s"] < 2
    assert hour["is_final"]


@pytest.mark.video
@pytest.mark.parametrize("is_slow_first", [False, True])
def test_a_real_film_of_two_rates_covers_what_its_times_say(tmp_path, is_slow_first):
    """It begins two minutes before 09:00: frames / fps would be 84 s of 660."""
    steps_ms = [40] * N_FAST + [1000] * N_SLOW
    if is_slow_first:
        steps_ms.reverse()
    pts_ms = np.concatenate([[0], np.cumsum(steps_ms)])
    clip = write_clip(
        tmp_path / "gate_20260302T085800Z.mkv", len(steps_ms), fps=25,
        pts=lambda k: int(pts_ms[k]), time_base=Fraction(1, 1000),
        options={"bf": "0", "preset": "ultrafast"},
    )  # fmt: skip
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    run_paths([str(clip)], options)
    hours = read(Store.open(options.store)).sort_values("hour_start_utc")
    with av.open(str(clip)) as file:
        assert file.streams.video[0].base_rate == 25
        stream = file.streams.video[0]
        times_s = sorted(
            float(packet.pts * packet.time_base)
            for packet in file.demux(stream)
            if packet.pts is not None
        )
    assert len(times_s) == len(steps_ms)
    before, after = 120.0, times_s[-1] - 120.0
    assert hours["hour_start_utc"].dt.hour.tolist() == [8, 9]
    assert hours["coverage_s"].tolist() == pytest.approx([before, after], abs=2)
    assert (hours["unusable_s"] == 0).all()
    (segment,) = read(Store.open(options.store), "segments").to_dict("records")
    assert segment["duration_s"] == pytest.approx(times_s[-1], abs=2)
