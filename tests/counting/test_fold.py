"""The law: any split of a day gives exactly the same passages."""

import copy
import itertools
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting.simulate import GATE, Truck, film, scores_of, through
from truckcount.counting import (
    CountingOptions,
    GateCounter,
    count_passages,
    sort_passages,
)

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
    counter, found = GateCounter(GATE, OPTIONS), []
    edges = [0, *sorted(cuts), len(scores)]
    for a, b in itertools.pairwise(edges):
        found += counter.process(scores[a:b])
        counter = copy.deepcopy(counter)  # its state is all there is
    found += counter.finish()
    assert sort_passages(found) == whole


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


def test_memory_of_a_waiting_truck_does_not_grow():
    rows = [[(0.1 + min(k, 10) * 0.04, 0.5, 0.16, 0.14, 0.8)] for k in range(5000)]
    counter = GateCounter(GATE, OPTIONS)
    counter.process(scores_of(rows))
    assert max(len(t.obs) for t in counter._tracks) < 100
    assert np.isclose(counter._tracks[0].n_obs, 5000)
