"""Where one truck leaves and the next comes in, a track is two trucks."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.counting.options import CountingOptions
from truckcount.counting.track import Observation
from truckcount.counting.turns import (
    _goes_straight_on,
    _is_turn,
    _Path,
    split_at_turns,
)

OPTIONS = CountingOptions()
STEP_US = 200_000


def follow(path, *, inside=lambda x: 0.4 < x < 1.2):
    """Observations at 5/s of (x, y, width)."""
    return [
        Observation(
            t_us=k * STEP_US,
            x=x,
            y=y,
            w=w,
            h=0.3,
            p=0.8,
            is_inside=inside(x),
            segment="s",
        )
        for k, (x, y, w) in enumerate(path)
    ]


def sizes(parts):
    return [len(part) for part in parts]


def test_a_truck_that_leaves_and_one_that_comes_in_there_are_two():
    """The box shrinks against the edge of the picture, then grows on its way back."""
    leaving = [(0.6 + 0.08 * k, 0.5, max(0.06, 0.5 - 0.05 * k)) for k in range(10)]
    coming = [(1.3 - 0.08 * k, 0.5, min(0.4, 0.08 + 0.06 * k)) for k in range(10)]
    parts = split_at_turns(follow(leaving + coming), OPTIONS)
    assert len(parts) == 2
    assert abs(len(parts[0]) - 10) <= 1
    assert sum(sizes(parts)) == 20


def test_trucks_that_pass_while_one_hides_the_other_are_two():
    """In the middle of the gate and without a change of size: no truck brakes so."""
    right = [(0.4 + 0.08 * k, 0.5, 0.3) for k in range(8)]
    left = [(0.96 - 0.08 * k, 0.5, 0.3) for k in range(1, 8)]
    parts = split_at_turns(follow(right + left), OPTIONS)
    assert sorted(sizes(parts)) == [7, 8]


def test_three_trucks_of_one_track_are_three():
    way = [0.4 + 0.08 * k for k in range(8)]
    xs = way + way[::-1] + way
    assert len(split_at_turns(follow([(x, 0.5, 0.3) for x in xs]), OPTIONS)) == 3


def test_a_truck_that_goes_on_is_one():
    path = [(0.2 + 0.05 * k, 0.5 + 0.01 * (k % 2), 0.3) for k in range(30)]
    assert sizes(split_at_turns(follow(path), OPTIONS)) == [30]


def test_a_truck_that_turns_round_in_the_gate_is_one():
    """A turn of a real truck takes many seconds, and goes sideways on the way."""
    turn = [
        (0.8 + 0.25 * math.sin(a), 0.5 - 0.25 * math.cos(a), 0.3)
        for a in (math.pi * k / 40 for k in range(41))
    ]
    assert sizes(split_at_turns(follow(turn), OPTIONS)) == [41]


def test_a_truck_that_stops_and_backs_is_one():
    stop = [0.5 + 0.3 * (1 - math.exp(-k / 8)) for k in range(40)]
    path = [(x, 0.5, 0.3) for x in stop + stop[::-1]]
    assert sizes(split_at_turns(follow(path), OPTIONS)) == [80]


def test_a_waiting_truck_whose_peak_jumps_to_its_trailer_and_back_is_one():
    path = [(0.8 if k % 12 < 6 else 1.0, 0.5, 0.3) for k in range(60)]
    assert sizes(split_at_turns(follow(path), OPTIONS)) == [60]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.2), st.floats(-1.2, 1.2)), min_size=5),
    st.floats(-3.2, 3.2),
)
def test_a_way_that_goes_straight_on_has_no_turn(steps, heading):
    """Steps up to 69 degrees to either side: some ways do so, some do not."""
    x = y = 0.5
    places = []
    for length, angle in steps:
        x += length * math.cos(heading + angle)
        y += length * math.sin(heading + angle)
        places.append((x, y, 0.01))
    obs = follow(places)
    path = _Path(obs)
    if _goes_straight_on(obs):
        assert not any(_is_turn(path, k, OPTIONS) for k in range(2, len(obs) - 2))


def test_a_steady_way_is_told_without_a_look_for_turns():
    assert _goes_straight_on(follow([(0.03 * k, 0.5, 0.3) for k in range(30)]))
    assert not _goes_straight_on(follow([(0.4, 0.5, 0.3), (0.1, 0.5, 0.3), (1, 1, 1)]))
    there = [(0.03 * k, 0.5, 0.3) for k in range(30)]
    assert not _goes_straight_on(follow(there + there[::-1]))
