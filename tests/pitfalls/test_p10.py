"""P10 revision leak: a moment never sees what became known after it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.fill import HOUR, T0, revision, write_store
from truckcount.features import load_hours

CHAINS = st.lists(
    st.lists(st.integers(1, 5_000), min_size=1, max_size=4), min_size=1, max_size=4
)


@settings(max_examples=20)
@given(waits=CHAINS, minutes=st.integers(0, 15_000))
def test_p10_a_moment_sees_the_last_revision_known_by_then(
    tmp_path_factory, waits, minutes
):
    rows, expected = [], {}
    as_of = T0 + timedelta(minutes=minutes)
    for k, chain in enumerate(waits):
        start = known = T0 + k * HOUR
        for number, wait in enumerate(chain, 1):
            known += timedelta(minutes=wait)
            rows.append(revision(start, number, revision=number, known_at_utc=known))
            if known <= as_of:
                expected[start] = number
    store = write_store(tmp_path_factory.mktemp("s") / "store", rows)
    hours = load_hours(store, as_of, on_missing="ignore")
    assert (hours["known_at_utc"] <= as_of).all()
    seen = dict(zip(hours["hour_start_utc"], hours["n_trucks"], strict=True))
    assert seen == expected


def test_p10_a_naive_moment_is_a_type_error(tmp_path):
    store = write_store(tmp_path / "store", [revision()])
    with pytest.raises(TypeError, match="no zone"):
        load_hours(store, datetime(2026, 1, 5))  # noqa: DTZ001
