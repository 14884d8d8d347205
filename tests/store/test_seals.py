"""Sealed stretches: what is open beside them, and how they are kept."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.errors import StoreError
from truckcount.store import Store
from truckcount.store.seals import Seal, Seals, lift_seal, put_seal, subtract

HOUR_US = 3_600_000_000
PAIRS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda p: (p[0], sum(p))),
    max_size=6,
)


def seal(low=0, high=24, **changes):
    return Seal(
        low_us=low * HOUR_US, high_us=high * HOUR_US, sealed_at_us=10**15,
        **{"cause": "deleted"} | changes,
    )  # fmt: skip


@given(parts=PAIRS, holes=PAIRS)
@settings(max_examples=60, deadline=None)
def test_what_is_left_is_what_lies_in_parts_and_in_no_hole(parts, holes):
    left = subtract(parts, holes)
    for t in range(60):
        is_in = any(a <= t < b for a, b in parts)
        is_out = any(a <= t < b for a, b in holes)
        assert any(a <= t < b for a, b in left) == (is_in and not is_out)


def test_a_stretch_is_covered_by_seals_that_touch_and_by_none_that_was_lifted():
    both = Seals((seal(0, 24), seal(24, 48, cause="pruned")))
    assert both.covering(10 * HOUR_US, 30 * HOUR_US).cause == "deleted"
    assert both.covering(40 * HOUR_US, 49 * HOUR_US) is None
    lifted = Seals((replace(seal(0, 24), lifted_at_us=1),))
    assert lifted.covering(HOUR_US, HOUR_US) is None
    assert lifted.open_parts((0, 5)) == [(0, 5)]
    assert lifted.deleted == []


def test_seals_come_back_as_they_were_put_and_one_is_put_once(tmp_path):
    store = Store.open(tmp_path)
    assert list(store.seals("cam")) == []
    begun = seal(is_done=False, note="asked for by post", removed={"hours": 3})
    put_seal(store.root, "cam", begun)
    put_seal(store.root, "cam", replace(begun, is_done=True))
    assert store.seals("cam").all == (replace(begun, is_done=True),)
    lift_seal(store.root, "cam", replace(begun, is_done=True), 2 * 10**15)
    assert list(store.seals("cam")) == []
    (kept,) = store.seals("cam").all
    assert kept.note == "asked for by post"


@pytest.mark.parametrize("text", ["", "[{}]", "{}x", "[1]"])
def test_damaged_seals_stop_a_run_and_do_not_let_the_deleted_back(tmp_path, text):
    store = Store.open(tmp_path)
    put_seal(store.root, "cam", seal())
    (path,) = (tmp_path / "_meta" / "seals").iterdir()
    path.write_text(text)
    with pytest.raises(StoreError, match="damaged"):
        store.seals("cam")
