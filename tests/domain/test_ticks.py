"""The grid of ticks is absolute: where a stream is cut does not matter."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from truckcount.domain.ticks import TickSampler
from truckcount.errors import CountingError

RATES = st.sampled_from(
    [0.2, 1, 5, 7.123, 10, 29.97, 60, Fraction(30000, 1001), Fraction(1, 3)]
)
NOW_US = 1_772_438_400_000_000  # 2026-03-02T08:00Z
moments = st.integers(0, 2 * NOW_US)


@settings(max_examples=200, deadline=None)
@given(RATES, moments)
def test_a_tick_is_the_floor_of_time_times_rate(fps, t_us):
    exact = Fraction(fps).limit_denominator(100_000)
    assert TickSampler(fps).tick_of(t_us) == t_us * exact // 1_000_000


@settings(max_examples=200, deadline=None)
@given(RATES, moments)
def test_the_start_of_a_tick_is_its_first_microsecond(fps, t_us):
    sampler = TickSampler(fps)
    tick = sampler.tick_of(t_us)
    start = sampler.tick_start_us(tick)
    assert start <= t_us
    assert sampler.tick_of(start) == tick
    assert sampler.tick_of(start - 1) == tick - 1


@settings(max_examples=100, deadline=None)
@given(RATES, st.lists(moments, max_size=20))
@example(Fraction(30000, 1001), [NOW_US])  # t x 30000 is more than int64 holds
def test_ticks_of_many_moments_are_the_ticks_of_each(fps, times):
    sampler = TickSampler(fps)
    many = sampler.ticks_of(np.array(times, np.int64))
    assert many.tolist() == [sampler.tick_of(t) for t in times]


streams = st.lists(st.integers(1, 400_000), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(RATES, st.integers(0, 10**6), streams, st.lists(st.integers(0, 60), max_size=5))
def test_any_split_of_a_stream_gives_the_same_samples(fps, t0_us, steps, cuts):
    times = (NOW_US + t0_us + np.cumsum(steps)).tolist()
    sampler = TickSampler(fps)
    whole = {k: t for t in times if (k := sampler.take(t)) is not None}
    edges = [0, *sorted(cuts), len(times)]
    split = {}
    for a, b in itertools.pairwise(edges):
        own = TickSampler(fps)  # every file is sampled on its own
        for t in times[a:b]:
            tick = own.take(t)
            if tick is not None:
                split.setdefault(tick, t)  # of one tick the earlier frame is kept
    assert split == whole


def test_only_the_first_frame_of_a_tick_is_its_sample():
    sampler = TickSampler(5)
    taken = [sampler.take(k * 40_000) for k in range(11)]
    assert taken == [0, None, None, None, None, 1, None, None, None, None, 2]


def test_a_frame_that_comes_again_is_no_second_sample():
    sampler = TickSampler(5)
    assert [sampler.take(t) for t in (400_000, 200_000, 400_000)] == [2, None, None]


@pytest.mark.parametrize("fps", [0, -1])
def test_a_rate_must_be_above_zero(fps):
    with pytest.raises(CountingError, match="above 0"):
        TickSampler(fps)
