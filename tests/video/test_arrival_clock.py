"""Frames of a live stream on the clock, whatever the network does to them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.video.arrival_clock import ArrivalClock

NOW_US = 1_772_438_400_000_000
FRAME_US = 100_000


def place(clock, pts_us, arrival_us, sent_us=None):
    return clock.place(pts_us) if clock.hear(pts_us, arrival_us, sent_us) else None


def place_all(delays_us, ahead_us=None):
    """Place a frame each 0.1 s; its camera's clock is ahead of ours, if it tells."""
    clock = ArrivalClock()
    return [
        place(
            clock,
            k * FRAME_US,
            NOW_US + k * FRAME_US + delay,
            None if ahead_us is None else NOW_US + k * FRAME_US + ahead_us,
        )
        for k, delay in enumerate(delays_us)
    ]


def lateness_us(times):
    return np.array(times) - NOW_US - FRAME_US * np.arange(len(times))


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


def test_what_was_heard_before_the_first_frame_is_placed_counts():
    clock = ArrivalClock()
    for k in range(20):  # two seconds that were waiting, then what comes as it is
        clock.hear(k * FRAME_US, NOW_US + max(k * FRAME_US, 1_000_000) + 20_000)
    assert clock.place(0) == NOW_US + 20_000


def test_a_camera_that_tells_its_time_is_believed_whatever_the_network_does():
    times = place_all([700_000, 30_000, 1_200_000, 30_000], ahead_us=40_000)
    assert lateness_us(times).tolist() == [40_000] * 4


@pytest.mark.parametrize("ahead_us", [-3_600_000_000, 60_000_000])
def test_a_camera_whose_clock_is_set_wrong_is_not_believed(ahead_us):
    times = place_all([20_000] * 3, ahead_us)
    assert lateness_us(times).tolist() == [20_000] * 3
    clock = ArrivalClock()
    clock.hear(0, NOW_US, NOW_US + ahead_us)
    assert (clock.is_sender_time, clock.sender_error_us) == (False, ahead_us)


def test_a_camera_that_tells_its_time_late_moves_frames_slowly():
    clock = ArrivalClock()
    times = []
    for k in range(150):
        t_us = NOW_US + k * FRAME_US
        sent_us = t_us if k >= 20 else None
        times.append(place(clock, k * FRAME_US, t_us + 900_000, sent_us))
    assert lateness_us(times)[[0, 19, -1]].tolist() == [900_000, 900_000, 0]
    assert np.diff(times).min() >= 0.9 * FRAME_US - 1
    assert clock.is_sender_time


def settle(arrivals):
    """Hear packets of (pts, arrival) until the clock has settled; place all heard."""
    clock, waiting = ArrivalClock(), []
    for pts_us, arrival_us in arrivals:
        assert clock.hear(pts_us, arrival_us)
        waiting.append(pts_us)
        if clock.is_settled:
            return waiting, np.array([clock.place(pts_us) for pts_us in waiting])
    return waiting, None


def send(send_us, until_us, n):
    """Give the arrivals of n frames over a link that takes so long for each.

    At ``until_us`` the link is well, and all that waits comes at once.
    """
    free_us, arrivals = 0, []
    for k in range(n):
        free_us = max(free_us, k * FRAME_US)
        free_us = max(free_us, min(free_us + send_us, until_us))
        arrivals.append((k * FRAME_US, NOW_US + free_us + 20_000))
    return arrivals


@settings(max_examples=60)
@given(
    st.integers(2 * FRAME_US, 10 * FRAME_US),
    st.integers(500_000, 5_000_000),
)
def test_frames_that_a_slow_link_began_with_are_placed_when_it_has_caught_up(
    send_us, slow_us
):
    waiting, times = settle(send(send_us, slow_us, 120))
    late_us = times - NOW_US - np.array(waiting)
    assert (late_us == 20_000).all()
    assert waiting[-1] >= slow_us, "not before it had caught up"


def test_a_clock_does_not_settle_while_the_link_is_too_slow():
    waiting, times = settle(send(5 * FRAME_US, 1_000_000_000, 12))
    assert (len(waiting), times) == (12, None)


@pytest.mark.parametrize(
    ("delays_us", "settled_after"),
    [
        ([20_000] * 30, 6),
        ([20_000, 20_000, 700_000] + [20_000] * 25, 15),
        ([20_000, 20_000, 20_000, 250_000, 20_000, 20_000] * 5, 4),
        ([70_000, 20_000, 90_000, 40_000, 60_000, 30_000] * 5, 7),
    ],
    ids=["even", "a stall", "now and then one late", "jitter"],
)
def test_a_clock_settles_soon_where_the_network_keeps_up(delays_us, settled_after):
    pts_us = FRAME_US * np.arange(len(delays_us))
    # nothing overtakes: what follows a late frame waits behind it
    arrivals_us = NOW_US + np.maximum.accumulate(pts_us + delays_us)
    waiting, _ = settle(zip(pts_us.tolist(), arrivals_us.tolist(), strict=True))
    assert len(waiting) == settled_after


def test_a_camera_that_tells_its_time_need_not_catch_up():
    clock = ArrivalClock()
    told = []
    for pts_us, arrival_us in send(5 * FRAME_US, 1_000_000_000, 4):
        assert clock.hear(pts_us, arrival_us, NOW_US + pts_us)
        told.append(clock.is_settled)
    assert told == [False, True, True, True]


def test_a_clock_that_heard_nothing_has_not_settled():
    assert not ArrivalClock().is_settled


def test_a_frame_is_not_placed_before_anything_was_heard():
    with pytest.raises(ValueError, match="heard"):
        ArrivalClock().place(0)


@pytest.mark.parametrize("jump_us", [-10_000_000, 10_000_000])
def test_a_clock_that_jumps_ends_the_connection(jump_us):
    clock = ArrivalClock()
    assert clock.hear(0, NOW_US)
    assert not clock.hear(FRAME_US + jump_us, NOW_US + FRAME_US)


def test_a_stream_that_falls_behind_for_good_ends_the_connection():
    clock = ArrivalClock()
    placed = [place(clock, k * 50_000, NOW_US + k * 100_000) for k in range(200)]
    assert placed[0] is not None
    assert placed[-1] is None
