"""Lone tracks: what is said of all samples at once is what one by one gives."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting.simulate import GATE, film, scores_of, through
from truckcount.counting import (
    CountingOptions,
    GateCounter,
    count_passages,
    sort_passages,
)
from truckcount.counting.association import associate
from truckcount.counting.lone_tracks import Peaks, find_joins
from truckcount.counting.track import VELOCITY_OBS, Observation, Track

OPTIONS = CountingOptions()
rows = st.lists(
    st.tuples(
        st.integers(1, 1_500_000),  # us since the one before
        st.floats(-0.2, 0.3),  # steps
        st.floats(-0.2, 0.3),
        st.sampled_from([0.0, 0.1, 0.12, 0.3]),
        st.sampled_from([0.0, 0.05, 0.1, 0.3]),
    ),
    min_size=2,
    max_size=12,
)


def observe(rows) -> list[Observation]:
    t_us, x, y = 0, 0.3, 0.5
    found = []
    for step_us, dx, dy, w, h in rows:
        t_us, x, y = t_us + step_us, x + dx, y + dy
        found.append(Observation(t_us, x, y, w, h, 0.6, True, "s"))
    return found


def joins_of(obs: list[Observation]):
    t_us, x, y, w, h = (np.array([o[k] for o in obs]) for k in range(5))
    peaks = Peaks(t_us=t_us, x=x, y=y, w=w, h=h)
    return find_joins(peaks, np.ones(len(obs), bool), OPTIONS)


@given(rows, st.integers(1, VELOCITY_OBS))
@settings(max_examples=300, deadline=None)
def test_a_join_is_what_the_assignment_gives(rows, n):
    obs = observe(rows)
    joins = joins_of(obs)
    for j in range(n, len(obs)):
        track = Track(number=1, obs=obs[j - n : j])
        track.n_obs = n
        pairs = associate([track], [obs[j]], obs[j].t_us, OPTIONS)
        is_near = obs[j].t_us - obs[j - 1].t_us <= OPTIONS.fill_s * 1e6
        assert joins[n - 1, j] == (bool(pairs) and is_near)


def test_nearly_all_of_a_lone_trucks_samples_are_joined():
    obs = observe([(200_000, 0.03, 0.0, 0.3, 0.1)] * 30)
    joins = joins_of(obs)
    for n in range(1, VELOCITY_OBS + 1):
        assert joins[n - 1, n:].all()
        assert not joins[n - 1, :n].any(), "nothing is known before"


boxes = st.tuples(
    st.integers(0, 8).map(lambda k: k / 8),
    st.integers(0, 8).map(lambda k: k / 8),
    st.sampled_from([0.05, 0.15, 0.3]),
    st.sampled_from([0.05, 0.15, 0.3]),
    st.sampled_from([0.14, 0.2, 0.31, 0.6]),
)
junk = st.lists(st.lists(boxes, max_size=2), max_size=40)


@given(junk)
@settings(max_examples=100, deadline=None)
def test_peaks_that_come_and_go_count_as_sample_by_sample(rows):
    scores = scores_of(rows)
    assert count_passages(scores, GATE, OPTIONS) == one_by_one(scores)


def test_a_truck_behind_another_is_a_track_of_its_own():
    """The second is born alone too: nothing of the first's run is taken for its."""
    scene = [through(1, sign=1), through(6.2, sign=-1), through(11.4, 0.3)]
    scores = film(scene, 20, seed=3)
    passages = count_passages(scores, GATE, OPTIONS)
    assert passages == one_by_one(scores)
    assert [p.direction for p in passages if p.is_counted] == ["in", "out", "in"]


def one_by_one(scores):
    counter = GateCounter(GATE, OPTIONS)
    found = []
    for i in range(len(scores)):
        found += counter.process(scores[i : i + 1])
    return sort_passages(found + counter.finish())
