"""VFR."""

import pytest

from tests.counting.simulate import scores_of
from tests.pitfalls.scenes import S_US, T0_US, piece, publish, read


def test_half_an_hour_each_at_two_rates_is_an_hour(tmp_path):
    """Five samples a second of 25 fps, then each frame of 1 fps."""
    fast = [T0_US + k * S_US // 5 for k in range(1800 * 5)]
    slow = [T0_US + (1800 + k) * S_US for k in range(1800)]
    scores = scores_of([[] for _ in (*fast, *slow)], [*fast, *slow])
    (hour,) = read(publish(tmp_path, [piece("a", scores)])).to_dict("records")
    assert hour["coverage_s"] == pytest.approx(3600, abs=2)
    assert hour["max_gap_s"] < 2
    assert hour["is_final"]
