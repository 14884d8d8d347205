"""Segments read as far as they are asked for: the answers are those of all of them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.fill import T0_US, segment
from truckcount.pipeline.counts.camera_spans import PAD_US, CameraSpans
from truckcount.pipeline.counts.timeline import resolve_overlaps, span_of
from truckcount.store import Store
from truckcount.store.segment_record import SegmentRecord

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
SEAM_US = 2_000_000
N_HOURS = 24 * 60
EVERYTHING = (-(2**60), 2**60)


def make(pairs):
    return [
        segment(
            segment_id=f"s{k}",
            path=f"/v/{k}.mp4",
            start_us=T0_US + start * MINUTE_US,
            end_us=T0_US + (start + length) * MINUTE_US,
        )
        for k, (start, length) in enumerate(pairs)
    ]


# five-minute files of two months with gaps and overlaps, some of them long
places = st.lists(
    st.tuples(
        st.integers(0, N_HOURS * 12).map(lambda k: 5 * k),
        st.sampled_from([5, 5, 5, 4, 10, 300, 3000]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(places, st.integers(0, N_HOURS), st.integers(1, 30), st.integers(0, 9))
def test_what_is_read_near_a_window_says_what_all_say(
    tmp_path_factory, pairs, hour, n_hours, n_own
):
    records = make(pairs)
    store = Store.open(tmp_path_factory.mktemp("s"))
    # some stand elsewhere by now, or are not written yet
    own = [replace(r, start_us=r.start_us + HOUR_US, end_us=r.end_us + HOUR_US)
           for r in records[:n_own]]  # fmt: skip
    store.write_segments("cam", records[n_own // 2 :])
    holes = [(T0_US + 100 * HOUR_US, T0_US + 124 * HOUR_US)]
    some = CameraSpans(own, holes, store, "cam")
    every = CameraSpans([*own, *records[n_own:]], holes)
    low, high = T0_US + hour * HOUR_US, T0_US + (hour + n_hours) * HOUR_US
    assert some.around(low, high) == every.around(low, high)
    for reach in (2 * HOUR_US, 26 * HOUR_US):
        ours, theirs = (s.stretch((low, high), reach, SEAM_US) for s in (some, every))
        for a, b, limit in zip(ours, theirs, (low - reach, high + reach), strict=True):
            assert a == b or (a <= limit) == (b <= limit)
    assert some.neighbours(low, high) == every.neighbours(low, high)
    assert some.won_near([(low, high)]) == every.won_near([(low, high)])


@given(places, st.integers(0, N_HOURS))
def test_a_stretch_is_exact_within_its_reach(pairs, hour):
    spans = CameraSpans(make(pairs), [])
    window = (T0_US + hour * HOUR_US, T0_US + (hour + 1) * HOUR_US)
    begin, end = spans.stretch(window, 2**62, SEAM_US)
    for reach in (0, HOUR_US, 50 * HOUR_US):
        near = spans.stretch(window, reach, SEAM_US)
        assert near[0] == begin or max(near[0], begin) <= window[0] - reach
        assert near[1] == end or min(near[1], end) >= window[1] + reach


@given(places)
def test_the_winners_are_those_of_all(pairs):
    records = make(pairs)
    won = resolve_overlaps([span_of(r) for r in records])
    spans = CameraSpans(records, [])
    assert spans.won_near([EVERYTHING]) == won


def test_of_a_year_only_what_is_near_is_read(tmp_path):
    store = Store.open(tmp_path)
    store.write_segments("cam", make([(5 * k, 5) for k in range(12 * N_HOURS)]))
    spans = CameraSpans([], [], store, "cam")
    low = T0_US + N_HOURS // 2 * HOUR_US
    (near,) = spans.around(low, low + 5 * MINUTE_US)
    assert near.start_us == low
    assert len(spans.won_within(low, low)) == pytest.approx(
        2 * PAD_US / (5 * MINUTE_US), abs=2
    )


def test_a_record_without_a_size_has_no_shape():
    assert span_of(segment()).aspect is None
    sized: SegmentRecord = segment(width=1280, height=720)
    assert span_of(sized).aspect == pytest.approx(16 / 9)
