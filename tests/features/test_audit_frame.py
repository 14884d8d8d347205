"""Which windows can be drawn, and what the machine counted in them."""

import pytest

from tests.audit.stores import CAMERA, counted_store, filmed_store
from tests.store.fill import HOUR_US, T0_US
from truckcount.errors import CalibrationError
from truckcount.features.audit_frame import build_frames, latest_month, month_span
from truckcount.store.layout import from_us

MONTH = month_span("2026-01")


def test_a_month_ends_where_the_next_begins():
    assert from_us(month_span("2026-12")[1]).isoformat() == "2027-01-01T00:00:00+00:00"
    assert month_span("2026-01")[0] == T0_US


def test_windows_hold_the_onsets_that_lie_in_them(tmp_path):
    store = counted_store(tmp_path / "s", [5, 59.9, 60.0, 185], 1)
    (frame,) = build_frames(store, CAMERA, MONTH, 60)
    assert [w.x for w in frame.windows] == [2, 1, 0, 1, *[0] * 56]
    assert sum(w.x for w in frame.windows) == 4
    assert (frame.gate, frame.direction) == ("exit", "any")


def test_windows_not_fully_watched_or_unusable_are_not_in_the_frame(tmp_path):
    store = counted_store(tmp_path / "s", [], 1, bad=[(130, 140), (3600, 3700)])
    (frame,) = build_frames(store, CAMERA, MONTH, 60)
    starts = {(w.start_us - T0_US) // 60_000_000 for w in frame.windows}
    assert starts == set(range(60)) - {2}


def test_a_window_may_run_over_touching_files(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    (frame,) = build_frames(store, CAMERA, MONTH, 20)
    assert [(w.start_us, w.x) for w in frame.windows] == [(T0_US, 2)]
    (files,) = build_frames(store, CAMERA, MONTH, None)
    assert [w.x for w in files.windows] == [1, 1]


def test_the_hash_is_that_of_the_windows(tmp_path):
    frames = [
        build_frames(counted_store(tmp_path / str(k), seen, 1), CAMERA, MONTH, 60)[0]
        for k, seen in enumerate([[5], [5], [65]])
    ]
    assert frames[0].sha == frames[1].sha != frames[2].sha


def test_day_and_night_go_by_the_clock_at_the_site(tmp_path):
    store = counted_store(tmp_path / "s", [], 16)
    (frame,) = build_frames(store, CAMERA, MONTH, 3600)
    # 2026-01-01T00Z is 18 h in Chicago: one more hour of day, 12 of night, day
    assert [w.regime for w in frame.windows] == ["day", *["night"] * 12, *["day"] * 3]


@pytest.mark.parametrize("window_s", [7, 0, 7200])
def test_a_window_that_does_not_divide_the_hour_is_refused(tmp_path, window_s):
    store = counted_store(tmp_path / "s", [], 1)
    with pytest.raises(CalibrationError, match="does not divide the hour"):
        build_frames(store, CAMERA, MONTH, window_s)


def test_the_newest_month_is_one_that_was_watched(tmp_path):
    store = counted_store(tmp_path / "s", [], 1)
    assert latest_month(store.root, CAMERA) == "2026-01"
    assert build_frames(store, CAMERA, month_span("2026-02"), 60) == []
    assert HOUR_US % 3600 == 0


def test_a_month_is_written_with_its_year():
    with pytest.raises(CalibrationError, match="no month like"):
        month_span("March")
