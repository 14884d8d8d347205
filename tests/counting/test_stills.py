"""Who stands in single pictures, and what that says of an hour."""

from dataclasses import replace

import numpy as np
import pytest

from tests.counting.simulate import GATE, T0_US, scores_of
from truckcount.counting import CountingOptions, count_still_hours
from truckcount.domain.sample import FLAG_DARK

HOUR_US = 3_600_000_000
BOX = (0.5, 0.5, 0.16, 0.14, 0.9)
PLAIN = replace(GATE, in_vector=None, dwell=(95.0, 0.08))
MINUTES = [T0_US + k * 60_000_000 for k in range(60)]


def rows_of(pictures, gate=PLAIN, flags=None):
    scores = scores_of(pictures, MINUTES[: len(pictures)])
    if flags is not None:
        scores = replace(scores, quality_flags=np.array(flags, np.int32))
    return count_still_hours(
        scores, gate, CountingOptions(), from_us=T0_US, to_us=T0_US + HOUR_US
    )


def test_presence_is_turned_into_trucks_by_the_dwell():
    away = (0.95, 0.5, 0.16, 0.14, 0.9)
    pictures = [[BOX] if k % 3 == 0 else [away] for k in range(60)]
    (row,) = rows_of(pictures)
    assert row.n_trucks is None
    assert row.coverage_s == 0
    assert (row.n_samples, row.occupancy_mean) == (60, pytest.approx(1 / 3))
    assert row.n_trucks_est == pytest.approx(3600 / 3 / 95)
    assert row.n_trucks_se > row.n_trucks_se_indep > 0


def test_without_a_dwell_there_is_no_estimate():
    (row,) = rows_of([[BOX]] * 10, replace(PLAIN, dwell=None))
    assert row.occupancy_mean == 1
    assert row.n_trucks_est is None


def test_a_parked_truck_is_left_out():
    """It stands for 30 minutes, ten dwells are 16; another one passes."""
    other = (0.35, 0.3, 0.16, 0.14, 0.9)
    pictures = [[BOX, other] if k == 7 else [BOX] if k < 30 else [] for k in range(60)]
    (row,) = rows_of(pictures)
    assert row.occupancy_mean == pytest.approx(1 / 60)


def test_a_parked_truck_is_one_though_some_pictures_are_dark():
    """Of one that stood for half an hour, each ten minutes counted by themselves."""
    flags = [FLAG_DARK if k % 10 == 9 else 0 for k in range(60)]
    pictures = [[BOX] if k < 30 and not flags[k] else [] for k in range(60)]
    (row,) = rows_of(pictures, flags=flags)
    assert (row.n_samples, row.occupancy_mean) == (54, 0)


def test_boxes_of_no_width_are_no_error():
    (row,) = rows_of([[(0.5, 0.5, w, 0.14, 0.9)] for w in (0.0, 0.16, 0.0)])
    assert row.occupancy_mean == 1


def test_the_row_without_direction_carries_the_estimate():
    rows = rows_of([[BOX], []] * 5, replace(PLAIN, in_vector=(1.0, 0.0)))
    assert [r.direction for r in rows if r.n_trucks_est is not None] == ["unknown"]


def test_unusable_stills_and_empty_hours_say_nothing():
    (row,) = rows_of([[BOX]] * 3, flags=[0, FLAG_DARK, FLAG_DARK])
    assert row.n_samples == 1
    (row,) = rows_of([])
    assert (row.n_samples, row.occupancy_mean, row.n_trucks_est) == (0, None, None)
