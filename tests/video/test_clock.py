"""Presentation times to times that strictly increase."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from truckcount.video.clock import FrameClock

FRAME_US = 40_000
HOUR_US = 3_600_000_000


def place(stamps, **options):
    clock = FrameClock(0, FRAME_US)
    for name, value in options.items():
        setattr(clock, name, value)
    return [clock.place(t) for t in stamps], clock


def test_times_are_those_of_the_container():
    stamps = [0, 40_000, 95_000, 100_000, 900_000]
    assert place(stamps)[0] == stamps


def test_a_pause_of_a_recorder_is_time_that_passed():
    placed, clock = place([0, FRAME_US, HOUR_US])
    assert placed[-1] == HOUR_US
    assert clock.n_jumps == 0


def test_a_clock_that_jumps_back_goes_on_one_frame_later():
    stamps = [k * FRAME_US for k in range(100)]
    placed, clock = place(stamps + stamps)
    assert placed == [k * FRAME_US for k in range(200)]
    assert clock.n_jumps == 1


def test_a_leap_of_more_than_a_day_is_a_broken_clock():
    placed, clock = place([0, FRAME_US, 30 * 24 * HOUR_US])
    assert placed == [0, FRAME_US, 2 * FRAME_US]
    assert clock.n_jumps == 1


def test_a_leap_of_hours_is_a_pause_and_is_known():
    placed, clock = place([0, FRAME_US, 5 * HOUR_US])
    assert placed[-1] == 5 * HOUR_US
    assert (clock.n_jumps, clock.longest_leap_us) == (0, 5 * HOUR_US - FRAME_US)


def test_frames_out_of_order_have_no_time():
    placed, clock = place([0, 80_000, 40_000, 120_000])
    assert placed == [0, 80_000, None, 120_000]
    assert clock.n_jumps == 0


def test_a_clock_that_stands_still_invents_no_time():
    """Ten seconds of one time stamp are at most a few frames, and then it goes on."""
    stamps = [0, *[FRAME_US] * 250, *[FRAME_US * k for k in range(2, 50)]]
    placed, clock = place(stamps)
    kept = [t for t in placed if t is not None]
    assert all(a < b for a, b in itertools.pairwise(kept))
    assert kept[-1] < 50 * FRAME_US + 6 * FRAME_US
    assert clock.n_jumps > 0, "it is said in the warnings"


def test_left_out_frames_do_not_stretch_the_last_one():
    """A sample's file would end in the next file, and take its first sample."""
    stamps = [0, 120_000, 240_000]
    assert place(stamps)[1].elapsed_us == 360_000
    assert place(stamps, is_thinned=True)[1].elapsed_us == 280_000


@given(st.lists(st.integers(-(10**9), 10**12), max_size=200))
def test_whatever_the_stamps_no_time_comes_twice(stamps):
    kept = [t for t in place(stamps)[0] if t is not None]
    assert all(a < b for a, b in itertools.pairwise(kept))
