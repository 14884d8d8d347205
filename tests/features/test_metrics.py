"""Counts against a reference: values of the specification, and nulls."""

import numpy as np
import pandas as pd
import pytest

from truckcount.errors import FeatureError
from truckcount.features.metrics import Measure, bias, geh, wape


@pytest.mark.parametrize(
    ("m", "c", "value"), [(110, 100, 0.976), (20, 5, 4.243), (0, 0, 0.0), (7, 7, 0.0)]
)
def test_geh_is_that_of_its_definition(m, c, value):
    assert geh(m, c).value == pytest.approx(value, abs=0.0005)


def test_the_share_of_good_hours_is_told_with_the_mean():
    found = geh([110, 200], [100, 100])
    assert found.share_under_5 == 0.5
    assert found.n_pairs == 2


def test_wape_and_bias_are_over_the_sum():
    assert wape([9, 12, 0], [10, 10, 0]) == Measure(0.15, 3)
    assert bias([9, 12, 0], [10, 10, 0]) == Measure(0.05, 3)
    assert wape([3], [0]) == Measure(None, 1)
    assert bias([], []) == Measure(None, 0)
    assert geh([], []) == (None, None, 0)


@pytest.mark.parametrize(
    "m",
    [
        [9, None, 5],
        [9, np.nan, 5],
        pd.Series([9, None, 5], dtype="Int32"),
        np.array([9, np.nan, 5]),
    ],
    ids=["none", "nan", "Int32", "array"],
)
def test_a_pair_with_a_null_is_left_out(m):
    assert bias(m, [10, 10, 5]) == Measure(-1 / 15, 2)
    assert bias(m, [10, 10, 5], coverage=[3600, 3600, 0]) == Measure(-0.1, 1)


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(FeatureError, match="2 counts"):
        wape([1, 2], [1])
    with pytest.raises(FeatureError, match="negative"):
        bias([-1], [1])


def test_series_in_another_order_are_refused():
    ours, theirs = pd.Series([1, 2, 3]), pd.Series([3, 2, 1], index=[2, 1, 0])
    with pytest.raises(FeatureError, match="align them"):
        wape(ours, theirs)
    assert wape(*ours.align(theirs)) == Measure(0.0, 3)
    with pytest.raises(FeatureError, match="align them"):
        bias(ours, [1, 2, 3], coverage=theirs)
    with pytest.raises(FeatureError, match="1 values of coverage"):
        bias(ours, [1, 2, 3], coverage=[3600])
