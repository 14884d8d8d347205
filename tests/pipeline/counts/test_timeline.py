"""Segments on the clock: every instant has one owner, whatever came first."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting.simulate import film, scores_of
from truckcount.pipeline.counts.timeline import (
    Span,
    affected_windows,
    keep_first_of_tick,
    resolve_overlaps,
)

HOUR_US = 3600
SEAM_US = 2


def make_spans(pairs):
    return [
        Span(segment_id=f"s{i}", start_us=start, end_us=start + length)
        for i, (start, length) in enumerate(pairs)
    ]


spans_of_a_day = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 15)), min_size=1, max_size=7
).map(make_spans)


def owners(won, t):
    return [i for i, parts in won.items() for a, b in parts if a <= t < b]


@settings(max_examples=100, deadline=None)
@given(spans_of_a_day, st.randoms())
def test_every_instant_goes_to_one_segment_in_any_order(spans, random):
    won = resolve_overlaps(spans)
    for t in range(60):
        inside = [s for s in spans if s.start_us <= t < s.end_us]
        assert len(owners(won, t)) == bool(inside)
        if inside:
            first = min(inside, key=lambda s: (s.start_us, s.segment_id))
            assert owners(won, t) == [first.segment_id]
    assert all(a < b for parts in won.values() for a, b in parts)
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert resolve_overlaps(shuffled) == won


def test_a_file_around_another_keeps_both_sides_only_where_it_began_first():
    long, short = make_spans([(0, 30), (10, 5)])
    assert resolve_overlaps([long, short]) == {"s0": [(0, 30)], "s1": []}
    assert resolve_overlaps([short]) == {"s1": [(10, 15)]}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 20_000_000), min_size=1, max_size=60, unique=True),
    st.sampled_from([1, 2, 5, 29.97]),
)
def test_one_sample_a_tick_stays_and_it_is_the_first(times, fps):
    times.sort()
    scores = scores_of([[] for _ in times], times)
    kept = keep_first_of_tick(scores, fps)
    ticks = [int(t * fps / 1e6 + 1e-9) for t in times]
    first_of = {}
    for tick, t in zip(ticks, times, strict=True):
        first_of.setdefault(tick, t)
    assert kept.t_us.tolist() == list(first_of.values())
    assert keep_first_of_tick(kept, fps) == kept


def test_samples_already_one_a_tick_are_left_as_they_are():
    scores = film([], 10)
    assert keep_first_of_tick(scores, 5) is scores


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20 * HOUR_US), st.integers(1, 2 * HOUR_US)),
        min_size=1,
        max_size=6,
    ).map(make_spans),
    st.data(),
)
def test_windows_hold_all_that_new_files_can_change(spans, data):
    changed = set(
        data.draw(st.lists(st.sampled_from([s.segment_id for s in spans]), min_size=1))
    )
    touched = [(s.start_us, s.end_us) for s in spans if s.segment_id in changed]
    windows = affected_windows(spans, touched, seam_us=SEAM_US, bin_us=HOUR_US)
    assert all(low % HOUR_US == high % HOUR_US == 0 for low, high in windows)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(windows))
    for span in spans:
        homes = [w for w in windows if w[0] <= span.start_us and span.end_us <= w[1]]
        assert len(homes) == 1 or span.segment_id not in changed
        # whole files only, and none outside that a seam would join to a window
        for low, high in windows:
            is_apart = span.end_us + SEAM_US < low or span.start_us - SEAM_US > high
            assert is_apart or (low, high) in homes


def test_files_a_seam_apart_are_recounted_together_and_others_are_not():
    spans = make_spans([(0, HOUR_US), (HOUR_US + 2, 100), (9 * HOUR_US, 100)])
    window = {"seam_us": SEAM_US, "bin_us": HOUR_US}
    for touched in ([(0, HOUR_US)], [(HOUR_US + 2, HOUR_US + 102)]):
        assert affected_windows(spans, touched, **window) == [(0, 2 * HOUR_US)]
    last = (9 * HOUR_US, 9 * HOUR_US + 100)
    assert affected_windows(spans, [last], **window) == [(9 * HOUR_US, 10 * HOUR_US)]
    # a year between two files is not counted through
    assert affected_windows(spans, [last, (0, 5)], **window) == [
        (0, 2 * HOUR_US),
        (9 * HOUR_US, 10 * HOUR_US),
    ]
    assert affected_windows(spans, [], **window) == []
