"""Hours close 35 days after they ended, or were first known."""

import pytest

from tests.store.fill import HOUR_US, STAMP, T0_US, UNSEEN, hour, segment
from truckcount.store import Store
from truckcount.store.closed_hours import closed_hours, may_have_closed
from truckcount.store.deletion import delete_day

DAY_US = 24 * HOUR_US
FILE = (T0_US + HOUR_US // 2, T0_US + HOUR_US + HOUR_US // 2)  # of the first two hours


@pytest.fixture
def store(tmp_path):
    """Two hours that were known as they ended; the second was not watched."""
    store = Store.open(tmp_path / "store")
    store.write_hours(STAMP, [hour(0), UNSEEN], T0_US + 3 * HOUR_US)
    return store


def closed(store, days, span=FILE):
    now_us = T0_US + round(days * DAY_US)
    found = closed_hours(store.root, STAMP.camera, span, now_us)
    assert not found or may_have_closed(store.root, STAMP.camera, now_us)
    return [(start - T0_US) // HOUR_US for start in found]


@pytest.mark.parametrize(
    ("days", "hours"),
    [(1, []), (34.9, []), (35.1, [0]), (35.2, [0, 1]), (400, [0, 1])],
)
def test_an_hour_closes_whether_it_was_watched_or_not(tmp_path, days, hours):
    store = Store.open(tmp_path / "live")
    store.write_hours(STAMP, [hour(0)], T0_US + HOUR_US)
    store.write_hours(STAMP, [UNSEEN], T0_US + 4 * HOUR_US)
    assert closed(store, days) == hours


def test_only_hours_that_a_file_touches_are_asked(store):
    assert closed(store, 99, (T0_US + HOUR_US, T0_US + HOUR_US + 1)) == [1]
    assert closed(store, 99, (T0_US, T0_US + HOUR_US)) == [0]
    assert closed(store, 99, (T0_US, T0_US)) == [0], "a length that nobody knows"
    assert closed(store, 99, (T0_US + 5 * HOUR_US, T0_US + 6 * HOUR_US)) == []


def test_an_archive_stays_open_while_it_is_read(tmp_path):
    """Counted 100 days after it was filmed, it closes 35 days after that."""
    store = Store.open(tmp_path / "archive")
    store.write_hours(STAMP, [hour(0), UNSEEN], T0_US + 100 * DAY_US)
    assert closed(store, 101) == []
    assert closed(store, 134.9) == []
    store.write_hours(STAMP, [hour(1, 5)], T0_US + 134 * DAY_US)
    assert closed(store, 135.1) == [0, 1], "a revision does not open it again"


def test_a_deleted_day_may_be_counted_again(store):
    store.write_segment(STAMP.camera, segment())
    delete_day(store.root, STAMP.camera, T0_US, now_us=T0_US + 40 * DAY_US)
    assert closed(store, 99) == []


def test_a_young_store_is_not_looked_through(store):
    assert not may_have_closed(store.root, STAMP.camera, T0_US + 20 * DAY_US)
    assert not may_have_closed(store.root, "other", T0_US + 400 * DAY_US)
