"""Of a gate that gained or lost its directions, an hour is read in one kind only."""

from datetime import timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.fill import HOUR, T0, revision, write_store
from truckcount.features import load_hours
from truckcount.features.revisions import Revisions
from truckcount.store.latest import latest_rows
from truckcount.store.schema import schema_of

BOTH = ("in", "out", "unknown")


def recounted(first, then):
    """An hour counted in one kind, and an hour later in the other."""
    late = T0 + 3 * HOUR
    rows = [revision(T0, 4, direction=d) for d in first]
    return rows + [
        revision(T0, 4, direction=d, known_at_utc=late, cause="config") for d in then
    ]


def test_a_kind_that_came_later_replaces_the_other_from_then_on(tmp_path):
    for first, then in ((BOTH, ("any",)), (("any",), BOTH)):
        store = write_store(tmp_path / first[0], recounted(first, then))
        before = load_hours(store, as_of=T0 + 2 * HOUR, direction=None)
        after = load_hours(store, as_of=T0 + 4 * HOUR, direction=None)
        assert sorted(before["direction"]) == sorted(first)
        assert sorted(after["direction"]) == sorted(then)


kinds = st.sampled_from(["any", "directional"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), kinds, st.integers(1, 20)), min_size=1, max_size=12
    ),
    st.integers(0, 24),
)
def test_a_reader_sees_what_the_store_says_of_its_history(writes, as_of_h):
    rows, revisions = [], {}
    for n, (hour, kind, late_h) in enumerate(sorted(writes, key=lambda w: w[2])):
        for d in BOTH if kind == "directional" else ("any",):
            number = revisions[hour, d] = revisions.get((hour, d), 0) + 1
            known = T0 + timedelta(hours=late_h, minutes=2 + n)
            start = T0 + hour * HOUR
            rows.append(
                revision(start, n, direction=d, known_at_utc=known, revision=number)
            )
    history = pa.Table.from_pylist(rows, schema=schema_of("history"))
    as_of_us = int((T0 + timedelta(hours=as_of_h)).timestamp()) * 1_000_000
    replay = Revisions.of(history, embargo_us=0, is_simulated=False)
    seen = history.take(pa.array(replay.order[replay.at(as_of_us)]))
    said = latest_rows(history, as_of_us)
    order = [(n, "ascending") for n in ("hour_start_utc", "direction")]
    assert seen.sort_by(order).equals(said.sort_by(order))
