"""Frames of a live stream on the clock, whatever the network does to them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.video.arrival_clock import ArrivalClock

NOW_US = 1_772_438_400_000_000
FRAME_US = 100_000


def place_all(delays_us):
    clock = ArrivalClock()
    return [
        clock.place(k * FRAME_US, NOW_US + k * FRAME_US + delay)
        for k, delay in enumerate(delays_us)
    ]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 2_000_000), min_size=2, max_size=60))
def test_times_run_forwards_and_no_further_off_than_the_network(delays_us):
    times = place_all(delays_us)
    assert all(a < b for a, b in pairwise(times))
    truth = NOW_US + FRAME_US * np.arange(len(times))
    assert (times >= truth).all()
    assert (times - truth <= delays_us[0]).all()


def test_a_late_start_is_made_good_slowly():
    times = np.array(place_all([900_000] + [20_000] * 120))
    late = times - NOW_US - FRAME_US * np.arange(len(times))
    assert late[0] == 900_000
    assert late[-1] == 20_000
    assert np.diff(times).min() >= 0.9 * FRAME_US - 1


@pytest.mark.parametrize("jump_us", [-10_000_000, 10_000_000])
def test_a_clock_that_jumps_ends_the_connection(jump_us):
    clock = ArrivalClock()
    clock.place(0, NOW_US)
    assert clock.place(FRAME_US + jump_us, NOW_US + FRAME_US) is None


def test_a_stream_that_falls_behind_for_good_ends_the_connection():
    clock = ArrivalClock()
    placed = [clock.place(k * 50_000, NOW_US + k * 100_000) for k in range(200)]
    assert placed[0] is not None
    assert placed[-1] is None
