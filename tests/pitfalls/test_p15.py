"""Short coverage zero."""

from itertools import pairwise

import numpy as np
import pytest

from tests.pitfalls.scenes import (
    HOUR_US,
    film,
    piece,
    publish,
    quiet,
    read,
    through,
)
from truckcount.features.grid import N_CELLS, make_grid
from truckcount.features.totals import measure_total

WEEK_US = 168 * HOUR_US


def test_forty_quiet_seconds_are_a_zero_without_an_estimate(tmp_path):
    (hour,) = read(publish(tmp_path, [quiet(40)])).to_dict("records")
    assert hour["n_trucks"] == 0
    assert hour["coverage_s"] == pytest.approx(40)
    assert hour["coverage_s"] / 3600 == pytest.approx(0.011, abs=2e-4)
    assert hour["n_trucks_est"] is None or hour["n_trucks_est"] != hour["n_trucks_est"]
    assert not hour["is_final"]


def test_forty_quiet_seconds_weigh_a_ninetieth_of_an_hour_in_their_cell(tmp_path):
    """Neither as much as the whole hours of the weeks after, nor nothing."""
    scene = film([through(t) for t in range(100, 3500, 500)], 3600)
    files = [piece(f"w{k}", scene, shift_us=k * WEEK_US) for k in (1, 2)]
    hours = read(
        publish(
            tmp_path, [quiet(40), *files], now_us=3 * WEEK_US + files[0].record.start_us
        )
    )
    watched = hours[hours["coverage_s"] > 0]
    assert watched["n_trucks"].tolist() == [0, 7, 7]
    assert watched["coverage_s"].tolist() == pytest.approx([40, 3600, 3600])
    grid = make_grid(hours, {})
    seen = np.flatnonzero(grid.seen)
    (cell,) = set(grid.cell[seen])
    assert all(b - a == 168 for a, b in pairwise(seen))
    # the cell alone: all else of these weeks was not watched
    total = measure_total(
        grid, grid.day[0], grid.day[-1] + 1, profile=np.eye(N_CELLS)[cell]
    )
    f = 40 / 3600
    assert total.cov_w == pytest.approx((2 + f) / 3)
    assert total.total == pytest.approx(3 * 14 / (2 + f))
