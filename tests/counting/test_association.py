"""Which peak a track goes on with when there is more than one to choose from."""

import pytest

from tests.counting.simulate import GATE, T0_US, scores_of
from truckcount.counting import CountingOptions, count_passages
from truckcount.counting.association import associate
from truckcount.counting.track import Observation, Track

OPTIONS = CountingOptions()


def observe(tick: int, x: float, p: float, *, w: float = 0.3) -> Observation:
    return Observation(T0_US + tick * 200_000, x, 0.5, w, 0.2, p, True, "s")


def follow(number: int, *seen: Observation) -> Track:
    track = Track(number=number, obs=[seen[0]])
    for one in seen[1:]:
        track.add(one)
    return track


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_strong_peak_near_the_prediction_is_taken_before_a_weak_one_on_it(order):
    """ByteTrack: what is surely seen is shared out first."""
    track = follow(1, observe(0, 0.2, 0.8), observe(1, 0.3, 0.8))
    seen = [observe(2, 0.36, 0.8), observe(2, 0.40, 0.18)]  # expected at 0.40
    seen = [seen[i] for i in order]
    ((_, taken),) = associate([track], seen, seen[0].t_us, OPTIONS)
    assert seen[taken].p == 0.8


def test_a_weak_peak_still_carries_a_track_that_finds_nothing_better():
    track = follow(1, observe(0, 0.2, 0.8), observe(1, 0.3, 0.8))
    other = follow(2, observe(0, 0.8, 0.8), observe(1, 0.7, 0.8))
    seen = [observe(2, 0.41, 0.18), observe(2, 0.6, 0.8)]
    assert associate([track, other], seen, seen[0].t_us, OPTIONS) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_track_seen_once_does_not_take_a_moving_trucks_peak(order):
    """DeepSORT: tracks whose speed is known choose before those seen once."""
    moving = follow(1, *[observe(k, 0.1 + 0.05 * k, 0.8) for k in range(5)])
    once = follow(2, observe(4, 0.36, 0.4))  # a part of it, apart for one sample
    tracks = [(moving, once)[i] for i in order]
    seen = [observe(5, 0.37, 0.8), observe(5, 0.25, 0.35)]
    pairs = dict(associate(tracks, seen, seen[0].t_us, OPTIONS))
    assert seen[pairs[tracks.index(moving)]].p == 0.8


def test_a_truck_whose_peak_falls_back_along_it_is_one():
    """From one sample on its rear half is found; its front is weak, then gone."""
    rows = []
    for k in range(40):
        x = -0.2 + k * 0.04
        row = [(x - (0.1 if k >= 14 else 0.0), 0.5, 0.40, 0.16, 0.8)]
        if k == 14:
            row.append((x, 0.5, 0.40, 0.16, 0.2))
        rows.append(row)
    found = count_passages(scores_of(rows), GATE, OPTIONS)
    assert [p.direction for p in found if p.is_counted] == ["in"]
