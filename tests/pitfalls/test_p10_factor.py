"""P10 revision leak: a factor measured later changes no answer of before."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.fill import HOUR_US, T0_US
from tests.store.test_recalibration import WORKED, carry, publish, seen
from truckcount.domain.calibration import latest_revisions
from truckcount.features import load_hours, rollup
from truckcount.features.tables import load_calibrations
from truckcount.store import Store
from truckcount.store.calibrations_table import read_calibrations
from truckcount.store.layout import from_us

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("hour"), st.integers(0, 3), st.integers(0, 9)),
        st.tuples(st.just("factor"), st.integers(0, 3), st.integers(5, 20)),
        st.tuples(st.just("phi"), st.integers(0, 3), st.integers(1, 9)),
    ),
    min_size=2,
    max_size=4,
)
STEP_US = 7 * HOUR_US


def build(root, events, until_us):
    """Do what happened up to a moment, and nothing after it."""
    store = Store.open(root)
    for k, (kind, a, b) in enumerate(events):
        at_us = T0_US + 12 * HOUR_US + k * STEP_US
        if at_us > until_us:
            break
        if kind == "hour":
            publish(store, seen(a, n=b), at_us=at_us)
            continue
        known_us = at_us + 60_000_000
        if kind == "phi":  # of every factor that stands
            stands = latest_revisions(read_calibrations(root, WORKED.camera)).values()
            fresh = [replace(c, phi=float(b), known_at_us=known_us) for c in stands]
        else:
            named = replace(WORKED, calibration_id=f"f{k}", factor=b / 10)
            fresh = [replace(named, known_at_us=known_us)]
        carry(store, *fresh, at_us=at_us)
    return store.root


def answer(root, as_of):
    hours = load_hours(root, as_of, direction="any", on_missing="ignore")
    factors = load_calibrations(root, as_of)
    total = rollup(hours, "D", calibrations=factors) if len(hours) else hours
    return hours, total


@settings(max_examples=5, deadline=None)
@given(events=EVENTS, moment=st.integers(0, 4), minutes=st.integers(-2, 3))
def test_p10_deleting_the_future_changes_no_past_answer(
    tmp_path_factory, events, moment, minutes
):
    moment_us = T0_US + 12 * HOUR_US + moment * STEP_US
    as_of = from_us(moment_us) + timedelta(minutes=minutes)
    until_us = moment_us + minutes * 60_000_000
    root = tmp_path_factory.mktemp("stores")
    whole = answer(build(root / "whole", events, until_us=2**62), as_of)
    past = answer(build(root / "past", events, until_us), as_of)
    for ours, theirs in zip(whole, past, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    hours = whole[0]
    known = load_calibrations(root / "whole", as_of)
    used = set(hours["calibration_id"].dropna())
    assert used <= set(known["calibration_id"]), "named a factor nobody knew"
