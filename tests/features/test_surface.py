"""`truckcount.features` has every name that the specification's section 11 lists."""

import inspect

import pytest

from truckcount import errors, features

CALLS = {
    "load_hours": ["store", "as_of", "start", "end", "cameras", "gates", "direction",
                   "final_only", "vintage"],
    "load_passages": ["store", "camera", "start", "end"],
    "load_segments": ["store", "camera", "start", "end"],
    "load_scores": ["store", "camera", "start", "end"],
    "departures": ["hours"],
    "rollup": ["hours", "freq", "calendar", "by", "site_map"],
    "yoy": ["totals"],
    "qtd": ["hours", "calendar", "as_of"],
    "panel_index": ["totals"],
    "asof_panel": ["store", "decisions", "spec"],
    "metrics.geh": ["m", "c", "coverage"],
    "metrics.wape": ["m", "c", "coverage"],
    "metrics.bias": ["m", "c", "coverage"],
    "calib.draw": ["frame", "seed"],
    "calib.estimate": ["audit", "method"],
    "calib.drift": ["audit"],
    "export.csv": ["store", "dest"],
    "export.tmg": ["store", "dest"],
    "export.delta": ["store", "dest"],
}  # fmt: skip
ERRORS = {
    "MissingHoursError": errors.FeatureError,
    "NaiveTimeError": TypeError,
    "StoreVersionError": errors.StoreError,
    "LockTimeout": errors.StoreError,
    "SchemaError": errors.StoreError,
    "CalibrationError": errors.FeatureError,
    "ClockError": errors.VideoError,
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_there_and_takes_what_is_listed_in_that_order(name):
    place, _, call = name.rpartition(".")
    if place:
        assert place in features.__all__
    else:
        assert call in features.__all__
    function = getattr(getattr(features, place) if place else features, call)
    taken = list(inspect.signature(function).parameters)
    assert taken[: len(CALLS[name])] == CALLS[name]


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_there_and_of_its_branch(name):
    assert name in features.__all__
    error = getattr(features, name)
    assert issubclass(error, errors.TruckcountError)
    assert issubclass(error, ERRORS[name])


def test_a_lock_that_is_held_is_caught_by_either_name():
    with pytest.raises(features.LockTimeout, match="held"):
        raise errors.StoreLockedError("held")
