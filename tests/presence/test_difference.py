"""The gate skips what stands still, on quiet and on noisy cameras, and nothing else."""

import numpy as np
import pytest

from truckcount.presence.difference import (
    LEAST_LEVELS,
    MAX_REUSE_TICKS,
    MOST_LEVELS,
    ViewGate,
    shrink,
)

SCENE = np.random.default_rng(1).uniform(40, 200, (12, 20)).astype(np.float32)


def film(n, noise, seed=0):
    rng = np.random.default_rng(seed)
    return [
        SCENE + rng.normal(0, noise, SCENE.shape).astype(np.float32) for _ in range(n)
    ]


def scored(cells):
    """Return the ticks that would be scored, with the gate."""
    gate = ViewGate()
    ticks = [k for k, c in enumerate(cells) if gate.is_changed(k, c)]
    return ticks, gate


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.8], ids=["none", "day", "night"])
def test_noise_alone_is_scored_once_in_ten_ticks(noise):
    ticks, _ = scored(film(100, noise))
    assert ticks == list(range(0, 100, MAX_REUSE_TICKS))


def test_the_threshold_follows_the_camera_s_noise_within_its_bounds():
    limits = [scored(film(60, noise))[1].threshold for noise in (0.0, 0.3, 0.8, 9.0)]
    assert limits[0] == LEAST_LEVELS
    assert limits[0] <= limits[1] < limits[2]
    assert limits[3] == MOST_LEVELS


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.7])
def test_one_cell_that_changes_is_scored_at_once(noise):
    cells = film(9, noise)
    cells[5][6, 10] += MOST_LEVELS + 3
    assert 5 in scored(cells)[0]


def test_a_change_too_slow_to_see_adds_up():
    cells = [SCENE + 0.7 * k for k in range(9)]
    assert scored(cells)[0] == [0, 5]


def test_traffic_is_not_taken_for_noise():
    cells = film(60, 0.2)
    for k, c in enumerate(cells):
        c[3:8, k % 15 : k % 15 + 5] += 60
    assert scored(cells)[1].threshold < LEAST_LEVELS + 0.5


def test_cells_are_means_of_luma():
    view = np.zeros((32, 64, 3), np.uint8)
    view[:16, :16] = (0, 200, 0)
    view[16:32, :8] = (100, 100, 100)
    cells = shrink(view)
    assert cells.shape == (2, 4)
    assert cells[0, 0] == pytest.approx(0.587 * 200, abs=1)
    assert cells[1, 0] == pytest.approx(50, abs=0.5)
    assert cells[:, 1:].max() == 0
