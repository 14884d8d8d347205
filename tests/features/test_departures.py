"""Trucks that left: a bound below and a bound above."""

import numpy as np
import pandas as pd
import pytest

from tests.features.fill import hours_frame
from truckcount.errors import FeatureError
from truckcount.features import departures


def rows(direction, n, coverage_s=3600.0, **columns):
    return hours_frame("2026-01-05", n, coverage_s, direction=direction, **columns)


def test_the_bounds_are_out_and_out_with_unknown():
    hours = pd.concat(
        [rows("in", [9, 9]), rows("out", [3, 0]), rows("unknown", [2, 1])]
    )
    left = departures(hours)
    assert left["n_out"].tolist() == [3, 0]
    assert left["n_out_max"].tolist() == [5, 1]
    assert len(left) == 2


def test_unwatched_is_null_and_so_is_what_tells_no_directions():
    seen = [3600.0, 0.0]
    hours = pd.concat(
        [
            rows("in", [1, np.nan], seen),
            rows("out", [3, np.nan], seen),
            rows("unknown", [0, np.nan], seen),
            rows("any", [7, 7], camera="dc-02"),
        ]
    )
    left = departures(hours)
    assert left["n_out"].isna().tolist() == [False, True, True, True]
    assert left["n_out_max"].isna().tolist() == [False, True, True, True]
    assert left["coverage_s"].tolist() == [3600, 0, 3600, 3600]


def test_out_alone_gives_no_bound():
    with pytest.raises(FeatureError, match="direction=None"):
        departures(rows("out", [1]))


def test_bins_are_bounded_as_hours_are():
    hours = pd.concat([rows("out", [3, 0], 900.0), rows("unknown", [2, 1], 900.0)])
    bins = hours.rename(columns={"hour_start_utc": "bin_start_utc"})
    left = departures(bins.assign(bin_minutes=15))
    assert left["n_out_max"].tolist() == [5, 1]
    assert left["bin_start_utc"].tolist() == hours["hour_start_utc"].tolist()[:2]
