"""Passages and coverage to hours: zero, unknown and partly seen told apart."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.counting.simulate import T0_US, film, scores_of, through
from truckcount.counting.coverage import measure_coverage
from truckcount.counting.estimates import Estimate, estimate_video
from truckcount.counting.hours import count_hours
from truckcount.counting.options import CountingOptions
from truckcount.counting.passages import count_passages
from truckcount.domain.camera import Gate
from truckcount.domain.sample import FLAG_DARK
from truckcount.domain.scores import concat_scores, select_scores

HOUR_US = 3_600_000_000
BOX = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
GATE = Gate(name="g", polygon=BOX, in_vector=(1, 0))
PLAIN = Gate(name="g", polygon=BOX)
OPTIONS = CountingOptions()


def hours_of(scores, gate=GATE, *, bin_minutes=60, n_hours=1):
    passages = count_passages(scores, gate, OPTIONS, 16 / 9)
    coverage = measure_coverage(scores, OPTIONS)
    return count_hours(
        passages, coverage, gate,
        bin_minutes=bin_minutes, from_us=T0_US, to_us=T0_US + n_hours * HOUR_US,
    )  # fmt: skip


def quiet(seconds):
    return film([], seconds)


def test_a_watched_hour_without_trucks_is_zero_not_null():
    rows = hours_of(quiet(3600))
    assert {r.direction: r.n_trucks for r in rows} == {"in": 0, "out": 0, "unknown": 0}
    assert rows[0].coverage_s == pytest.approx(3600)
    assert rows[0].n_trucks_est == 0
    assert rows[0].max_gap_s == pytest.approx(0, abs=0.01)


def test_an_hour_never_watched_is_null_not_zero():
    rows = hours_of(quiet(60), n_hours=2)
    later = [r for r in rows if r.bin_start_us == T0_US + HOUR_US]
    assert [r.n_trucks for r in later] == [None] * 3
    assert [r.n_trucks_est for r in later] == [None] * 3
    assert later[0].coverage_s == 0
    assert later[0].max_gap_s == 3600


def test_directions_add_up_and_the_onset_decides_the_hour():
    trucks = [through(100), through(700, sign=-1), through(3598)]
    rows = hours_of(film(trucks, 4000), n_hours=2)
    count = {
        ((r.bin_start_us - T0_US) // HOUR_US, r.direction): r.n_trucks for r in rows
    }
    assert sum(count.values()) == 3
    assert count[0, "in"] + count[1, "in"] == 2
    assert count[0, "out"] == 1
    plain = hours_of(film(trucks, 4000), PLAIN, n_hours=2)
    assert [r.direction for r in plain] == ["any", "any"]
    assert sum(r.n_trucks for r in plain) == 3


def test_a_partly_watched_hour_says_what_it_saw_and_how_sure_it_is():
    rows = hours_of(film([through(100)], 1800), PLAIN)
    (row,) = rows
    assert row.n_trucks == 1
    assert row.coverage_s == pytest.approx(1800, abs=1)
    assert row.max_gap_s == pytest.approx(1800, abs=1)
    assert row.n_trucks_est == pytest.approx(2, rel=1e-3)
    assert row.n_trucks_se == pytest.approx((1.5 * 0.5) ** 0.5 / 0.5, rel=1e-2)


def test_dark_pictures_are_unusable_not_empty():
    scores = quiet(3600)
    scores.quality_flags[: len(scores) // 2] = FLAG_DARK
    (row,) = hours_of(scores, PLAIN)
    assert row.n_trucks == 0
    assert row.coverage_s == pytest.approx(1800, abs=1)
    assert row.unusable_s == pytest.approx(1800, abs=1)
    scores.quality_flags[:] = FLAG_DARK
    (row,) = hours_of(scores, PLAIN)
    assert row.n_trucks is None
    assert row.unusable_s == pytest.approx(3600, abs=1)


def test_estimates_need_a_quarter_of_the_hour():
    assert estimate_video(3, 0.24) == Estimate()
    assert estimate_video(3, 1.0) == Estimate(3.0, 0.0, 0.0)
    half = estimate_video(10, 0.5)
    assert half.n_trucks == 20
    assert half.se == half.se_indep
    assert half.se == pytest.approx((10.5 * 0.5) ** 0.5 / 0.5)


@given(
    cuts=st.lists(st.tuples(st.integers(0, 3500), st.integers(5, 600)), max_size=5),
)
def test_coverage_is_what_is_left_of_the_hour(cuts):
    """Holes in the samples are holes in coverage; nothing is covered twice."""
    scores = quiet(3600)
    t_s = (scores.t_us - T0_US) / 1e6
    keep = np.ones(len(scores), bool)
    for start, length in cuts:
        inside = (t_s >= start) & (t_s < start + length)
        keep &= ~inside
    (row,) = hours_of(select_scores(scores, keep), PLAIN)
    want = keep.sum() * 0.2
    assert row.coverage_s == pytest.approx(want, abs=0.3 * (len(cuts) + 1))
    assert row.coverage_s + row.unusable_s <= 3600 + 1e-6


@given(minutes=st.sampled_from([5, 10, 15, 30, 60]))
def test_finer_bins_add_up_to_the_hour(minutes):
    scores = film([through(t) for t in (50, 400, 1100, 2500, 3300)], 3600)
    fine = hours_of(scores, PLAIN, bin_minutes=minutes)
    (whole,) = hours_of(scores, PLAIN)
    assert len(fine) == 60 // minutes
    assert sum(r.n_trucks for r in fine) == whole.n_trucks == 5
    assert sum(r.coverage_s for r in fine) == pytest.approx(whole.coverage_s)
    assert sum(r.n_samples for r in fine) == whole.n_samples


def test_files_that_touch_leave_no_hole():
    whole = quiet(600)
    parts = [whole[:1000], whole[1000:1007], whole[1007:]]
    joined = concat_scores(parts)
    a = measure_coverage(whole, OPTIONS).seconds(T0_US, T0_US + HOUR_US)
    assert measure_coverage(joined, OPTIONS).seconds(
        T0_US, T0_US + HOUR_US
    ) == pytest.approx(a)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20), st.integers(0, 99))
def test_what_a_last_sample_stands_for_is_its_own_segments_pace(segment, seed):
    """Also where segments lie among one another."""
    steps = np.random.default_rng(seed).integers(100_000, 4_000_000, len(segment))
    rows = scores_of([[]] * len(segment), T0_US + np.cumsum(steps))
    scores = replace(
        rows, segment=np.array(segment, np.int32), segment_ids=("a", "b", "c")
    )
    coverage = measure_coverage(scores, OPTIONS)
    for k, end_us in enumerate(coverage.end_us.tolist()):
        own = scores.t_us[scores.segment == segment[k]]
        median = int(np.median(np.diff(own))) if len(own) > 1 else 200_000
        to_next = scores.t_us[k + 1] - scores.t_us[k] if k + 1 < len(segment) else None
        longest = max(2e6, 3 * median)
        if to_next is not None and to_next <= longest:
            assert end_us == scores.t_us[k + 1]
        else:
            assert end_us == scores.t_us[k] + min(median, to_next or median)
