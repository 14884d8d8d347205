"""The law: any split of a day gives exactly the same passages."""

import copy
import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting.simulate import GATE, T0_US, Truck, film, scores_of, through
from truckcount.counting import (
    CountingOptions,
    GateCounter,
    count_passages,
    sort_passages,
)
from truckcount.domain.sample import FLAG_DARK
from truckcount.domain.scores import select_scores

OPTIONS = CountingOptions()
trucks = st.builds(
    through,
    st.floats(0, 50),
    st.floats(0.25, 0.75),
    seconds=st.floats(1.5, 8),
    sign=st.sampled_from([-1, 1]),
    p=st.floats(0.25, 0.95),
)
parked = st.builds(
    lambda t, x, y, stay: Truck(
        keys=((t, -0.1, y), (t + 3, x, y), (t + 3 + stay, x, y))
    ),
    st.floats(0, 40), st.floats(0.3, 0.7), st.floats(0.3, 0.7), st.floats(1, 30),
)  # fmt: skip
scenes = st.lists(st.one_of(trucks, parked), max_size=7)


@settings(max_examples=60, deadline=None)
@given(scenes, st.integers(0, 99), st.lists(st.integers(0, 300), max_size=6))
def test_any_split_gives_the_same_passages(scene, seed, cuts):
    scores = film(scene, 60, seed=seed, miss=0.15)
    whole = count_passages(scores, GATE, OPTIONS)
    assert fold(scores, sorted(cuts)) == whole


def fold(scores, edges, **options):
    """Count piece by piece; each piece starts from a copy of the state before it."""
    counter, found = GateCounter(GATE, OPTIONS, **options), []
    for a, b in itertools.pairwise([0, *edges, len(scores)]):
        found += counter.process(scores[a:b])
        counter = copy.deepcopy(counter)
    return sort_passages(found + counter.finish())


def with_holes(scores, holes, flags):
    """Cut samples out, and mark others as unusable."""
    keep = np.ones(len(scores), bool)
    for start, n in holes:
        keep[start : start + n] = False
    for start, n in flags:
        scores.quality_flags[start : start + n] = FLAG_DARK
    return select_scores(scores, keep)


holes = st.lists(st.tuples(st.integers(0, 290), st.integers(1, 40)), max_size=3)


@settings(max_examples=40, deadline=None)
@given(scenes, st.integers(0, 99), holes, holes, st.data())
def test_a_split_inside_a_passage_changes_nothing(scene, seed, gaps, flags, data):
    """Cut where it hurts most: while trucks are in the gate, gaps or no gaps."""
    scores = with_holes(film(scene, 60, seed=seed, miss=0.15), gaps, flags)
    whole = count_passages(scores, GATE, OPTIONS)
    edges = set()
    for passage in whole:
        low, high = np.searchsorted(scores.t_us, (passage.onset_us, passage.offset_us))
        edges.add(data.draw(st.integers(int(low), int(high))))
    assert fold(scores, sorted(edges)) == whole


@settings(max_examples=10, deadline=None)
@given(scenes, st.integers(0, 99), holes)
def test_sample_by_sample_is_the_finest_split(scene, seed, gaps):
    scores = with_holes(film(scene, 30, seed=seed, miss=0.15), gaps, [])
    whole = count_passages(scores, GATE, OPTIONS)
    assert fold(scores, range(1, len(scores))) == whole


@settings(max_examples=30, deadline=None)
@given(scenes, st.integers(0, 99), holes, st.lists(st.integers(0, 300), max_size=6))
def test_presence_alone_is_a_fold_too(scene, seed, gaps, cuts):
    scores = with_holes(film(scene, 60, seed=seed), gaps, [])
    whole = count_passages(scores, GATE, OPTIONS, has_peaks=False)
    onsets = np.searchsorted(scores.t_us, [p.onset_us for p in whole]).tolist()
    for edges in (sorted(cuts), onsets, [k + 1 for k in onsets]):
        assert fold(scores, edges, has_peaks=False) == whole


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([0.33, 0.66])),
        unique=True,
        max_size=8,
    ),
    st.integers(0, 99),
)
def test_well_separated_trucks_are_counted_exactly(slots, seed):
    scene = [through(2 + 6 * slot, y) for slot, y in slots]
    scores = film(scene, 75, seed=seed, miss=0.1)
    found = [p for p in count_passages(scores, GATE, OPTIONS) if p.is_counted]
    assert len(found) == len(slots)
    assert all(p.direction == "in" for p in found)


def test_quiet_stretches_are_leapt_over():
    """500,000 quiet samples a second: a recount of days takes seconds."""
    n = 400_000
    scores = scores_of([[]] * n)
    began = time.perf_counter()
    assert count_passages(scores, GATE, OPTIONS) == []
    assert n / (time.perf_counter() - began) > 500_000


@pytest.mark.parametrize("noise", [0, 0.02, 0.06], ids=["still", "usual", "shaky"])
def test_memory_of_a_waiting_truck_does_not_grow(noise):
    waiting = Truck(keys=((0, -0.1, 0.5), (2, 0.5, 0.5), (1000, 0.5, 0.5)))
    counter = GateCounter(GATE, OPTIONS)
    counter.process(film([waiting], 1000, noise=noise))
    (track,) = counter._tracks
    assert track.n_obs > 4900
    assert len(track.obs) <= 257
    (passage,) = counter.finish()
    assert passage.onset_us < T0_US + 2e6, "what is forgotten is the middle"
    assert passage.offset_us > T0_US + 999e6
