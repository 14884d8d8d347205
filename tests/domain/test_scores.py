"""Scores can be cut and joined anywhere without a peak changing its sample."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.domain.scores import (
    PEAK_DTYPE,
    Scores,
    concat_scores,
    empty_scores,
    select_scores,
)
from truckcount.errors import CountingError


def make(counts, *, t0_us=0, segment="s"):
    """Scores with the given number of peaks a sample; each peak has a number."""
    n = len(counts)
    peaks = np.zeros(sum(counts), PEAK_DTYPE)
    peaks["x"] = t0_us % 1000 + np.arange(len(peaks))
    return Scores(
        t_us=t0_us + 200_000 * np.arange(n, dtype=np.int64),
        score_u8=np.arange(n).astype(np.uint8),
        quality_flags=np.arange(n, dtype=np.int32) % 3,
        segment=np.zeros(n, np.int32),
        segment_ids=(segment,),
        peak_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        peaks=peaks,
    )


def by_sample(scores):
    """Everything of each sample, spelled without offsets."""
    return [
        (
            int(scores.t_us[i]),
            int(scores.score_u8[i]),
            int(scores.quality_flags[i]),
            scores.segment_ids[scores.segment[i]],
            scores.peaks[scores.peak_start[i] : scores.peak_start[i + 1]].tolist(),
        )
        for i in range(len(scores))
    ]


counts_lists = st.lists(st.integers(0, 3), max_size=12)


@settings(max_examples=60, deadline=None)
@given(counts_lists, st.integers(-15, 15), st.integers(-15, 15))
def test_a_slice_is_what_a_list_would_give(counts, start, stop):
    scores = make(counts)
    assert by_sample(scores[start:stop]) == by_sample(scores)[start:stop]


@settings(max_examples=60, deadline=None)
@given(counts_lists, st.lists(st.integers(0, 12), max_size=4))
def test_cut_anywhere_and_joined_again_nothing_has_changed(counts, cuts):
    scores = make(counts)
    edges = [0, *sorted(min(c, len(counts)) for c in cuts), len(counts)]
    parts = [scores[a:b] for a, b in itertools.pairwise(edges)]
    assert concat_scores(parts) == scores


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12))
def test_selected_samples_keep_their_own_peaks(rows):
    scores = make([n for n, _ in rows])
    keep = np.array([k for _, k in rows], bool)
    expected = [row for row, k in zip(by_sample(scores), keep, strict=True) if k]
    assert by_sample(select_scores(scores, keep)) == expected


def test_joined_scores_know_the_segment_of_every_sample():
    a, b = make([1, 0], segment="a"), make([2], t0_us=1_000_007, segment="b")
    again = make([1], t0_us=2_000_000, segment="a")
    joined = concat_scores([a, b, empty_scores(), again])
    assert joined.segment_ids == ("a", "b")
    assert by_sample(joined) == by_sample(a) + by_sample(b) + by_sample(again)


def test_nothing_joined_is_empty():
    assert concat_scores([]) == empty_scores()
    assert len(empty_scores()) == 0
    assert len(empty_scores()[:]) == 0


def test_scores_are_equal_by_content():
    assert make([1, 2]) == make([1, 2])
    assert make([1, 2]) != make([2, 1])
    assert make([1], segment="a") != make([1], segment="b")
    assert make([1]) != "scores"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score_u8": np.zeros(2, np.uint8)}, "differ in length"),
        ({"peak_start": np.zeros(3, np.int64)}, "differ in length"),
        ({"t_us": np.array([0, 5, 5])}, "does not increase at sample 2"),
        ({"t_us": np.array([0, 5, 4])}, "does not increase at sample 2"),
    ],
    ids=["short column", "short offsets", "time stands", "time goes back"],
)
def test_columns_that_do_not_fit_are_refused(changes, reason):
    good = make([1, 0, 2])
    columns = {name: getattr(good, name) for name in Scores.__dataclass_fields__}
    with pytest.raises(CountingError, match=reason):
        Scores(**columns | changes)


def test_joining_backwards_in_time_is_refused():
    with pytest.raises(CountingError, match="does not increase"):
        concat_scores([make([1, 1]), make([1])])


def test_scores_are_not_cut_with_a_stride():
    with pytest.raises(CountingError, match="steps of 1"):
        make([1, 1, 1])[::2]
