"""A link that never kept up tells by its rate when it began."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.video.slow_link import PART_BYTES, Arrival, find_first_delay_us

NOW_US = 1_772_438_400_000_000
FRAME_US = 100_000
ASKED_US = NOW_US - 300_000


def carry(sizes, us_per_byte, n_untimed=1):
    """Give the packets of a camera whose link carries so much.

    FFmpeg hands a frame on when the first part of the next is there, and does not
    know the times of the first.
    """
    free_us, parts = NOW_US, []
    for k, size in enumerate(sizes):
        begin_us = max(free_us, NOW_US + k * FRAME_US)
        free_us = begin_us + size * us_per_byte
        parts.append(begin_us + min(size, PART_BYTES) * us_per_byte)
    return [
        Arrival(None if k < n_untimed else k * FRAME_US, round(came_us), size)
        for k, (size, came_us) in enumerate(zip(sizes, parts[1:], strict=False))
    ]


@settings(max_examples=100)
@given(
    st.integers(2, 10),
    st.integers(1, 20),
    st.lists(st.integers(2_000, 6_000), min_size=8, max_size=40),
)
def test_its_first_frame_is_dated_when_it_was_sent(times_too_slow, key_factor, sizes):
    us_per_byte = times_too_slow * FRAME_US / (sum(sizes) / len(sizes))
    sizes = [size * (key_factor if k % 10 == 0 else 1) for k, size in enumerate(sizes)]
    arrivals = carry(sizes, us_per_byte)
    found = find_first_delay_us(arrivals, ASKED_US)
    # where it is not busy at every moment it is late by that, never by more
    late_us = arrivals[1].arrival_us - FRAME_US - NOW_US
    assert abs(found - NOW_US) <= min(FRAME_US, late_us)


@pytest.mark.parametrize("factor", [2, 5])
def test_frames_of_one_size_are_dated_to_the_frame(factor):
    arrivals = carry([3_200] * 14, factor * FRAME_US / 3_200)
    assert arrivals[1].arrival_us - NOW_US > factor * FRAME_US
    assert find_first_delay_us(arrivals, ASKED_US) == pytest.approx(NOW_US, abs=1)


def test_nothing_was_sent_before_it_was_asked_for():
    arrivals = carry([3_200] * 14, 5 * FRAME_US / 3_200)
    late = [
        Arrival(one.pts_us, one.arrival_us - 700_000, one.n_bytes) for one in arrivals
    ]
    assert find_first_delay_us(late, ASKED_US) == ASKED_US


@pytest.mark.parametrize(
    "delays_us",
    [
        [20_000] * 20,
        [20_000, 250_000, 130_000, 310_000, 40_000] * 4,
        [20_000] * 4 + [4_900_000],
        [20_000] * 3,
    ],
    ids=["even", "jitter", "a stall that ends it", "too few"],
)
def test_where_the_camera_sets_the_pace_its_packets_tell(delays_us):
    arrivals = [
        Arrival(k * FRAME_US, NOW_US + k * FRAME_US + delay_us, 3_200)
        for k, delay_us in enumerate(delays_us)
    ]
    assert find_first_delay_us(arrivals, ASKED_US) is None
