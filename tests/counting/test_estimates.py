"""What part of a bin says of the whole: vectors of features.md, and by simulation."""

from dataclasses import replace

import numpy as np
import pytest

from tests.counting.simulate import GATE, T0_US, film, through
from truckcount.counting import (
    CountingOptions,
    count_hours,
    count_passages,
    measure_coverage,
)
from truckcount.counting.estimates import (
    Estimate,
    estimate_duty,
    estimate_stills,
    estimate_video,
)
from truckcount.domain.scores import select_scores

HOUR_US = 3_600_000_000
OPTIONS = CountingOptions()
PLAIN = replace(GATE, in_vector=None)


def test_the_worked_example_of_video():
    """n = 14 in 2700 s, less its calibration: 14 / 0.75."""
    found = estimate_video(14, 0.75)
    assert found.n_trucks == pytest.approx(18.67, abs=0.01)
    assert found.se == pytest.approx((14.5 * 0.25) ** 0.5 / 0.75)
    v_exp = estimate_video(5, 0.25)
    assert (v_exp.n_trucks, v_exp.se) == (20, pytest.approx(66**0.5))


def test_the_worked_example_of_stills():
    """L = .42, W = 95 s, 60 stills a minute apart, s = .55, cv_W = .08."""
    wanted_s = 0.55
    present = np.array([0.42 - wanted_s, 0.42 + wanted_s] * 30)
    present = 0.42 + (present - present.mean()) * wanted_s / present.std(ddof=1)
    found = estimate_stills(present, 60.0, 95.0, 0.08)
    assert found.n_trucks == pytest.approx(15.9, abs=0.05)
    assert found.se == pytest.approx(5.2, abs=1.6)
    shared = (found.se**2 - found.se_indep**2) ** 0.5
    assert shared == pytest.approx(found.n_trucks * 0.08)


def test_a_duty_cycle_needs_ten_clips_and_some_variance():
    ten = np.full(10, 10.0)
    assert estimate_duty(np.zeros(9), ten[:9], 3600) == Estimate()
    none = estimate_duty(np.zeros(10), ten, 3600)
    assert none.n_trucks == 0
    assert none.se == pytest.approx(estimate_of_zero(100 / 3600))
    some = estimate_duty(np.array([1.0, 0, 0, 2, 0, 0, 1, 0, 0, 0]), ten, 3600)
    assert some.n_trucks == pytest.approx(4 * 36)
    assert some.se == pytest.approx(
        360
        * ((1 - 100 / 3600) * np.var([1, 0, 0, 2, 0, 0, 1, 0, 0, 0], ddof=1) / 10)
        ** 0.5
    )


def estimate_of_zero(f):
    return (0.5 * (1 - f)) ** 0.5 / f


@pytest.mark.parametrize("present", [[], [1.0]])
def test_too_few_stills_say_nothing(present):
    assert estimate_stills(np.array(present), 60.0, 95.0, 0.1) == Estimate()


def test_clips_on_a_cycle_estimate_the_hour_without_bias():
    """Ten seconds a minute of an hour of 120 trucks, cut at every offset."""
    rng = np.random.default_rng(4)
    times = np.sort(rng.uniform(0, 3590, 120))
    scene = film([through(t, 0.3 + 0.4 * (k % 2)) for k, t in enumerate(times)], 3600)
    second = (scene.t_us - T0_US) / 1e6
    found = []
    for offset in range(0, 60, 10):
        keep = ((second - offset) % 60 < 10) & (second >= offset)
        clips = select_scores(scene, keep)
        (row,) = count_hours(
            count_passages(clips, PLAIN, OPTIONS), measure_coverage(clips, OPTIONS),
            PLAIN, from_us=T0_US, to_us=T0_US + HOUR_US, source_kind="duty",
            options=OPTIONS,
        )  # fmt: skip
        assert row.n_trucks < 40, "as seen: a sixth"
        assert row.n_trucks_se is not None
        found.append((row.n_trucks_est, row.n_trucks_se))
    estimates, errors = np.array(found).T
    # together the six cuts have seen the whole hour: their mean has no sampling error
    assert estimates.mean() == pytest.approx(120, rel=0.12)
    z = (estimates - 120) / errors
    assert np.abs(z).max() < 3.5
    assert 5 < errors.mean() < 60


def test_a_clip_over_the_hours_end_counts_for_the_hour_as_far_as_it_lies_in_it():
    """A minute in five, cut 30 s before each; a truck 40 s into every clip."""
    scene = film([through(270 + 300 * k + 40) for k in range(24)], 7300)
    second = (scene.t_us - T0_US) / 1e6
    clips = select_scores(scene, ((second - 270) % 300 < 60) & (second >= 270))
    passages = count_passages(clips, PLAIN, OPTIONS)
    assert len(passages) == 24
    first, second_hour = count_hours(
        passages, measure_coverage(clips, OPTIONS), PLAIN,
        from_us=T0_US, to_us=T0_US + 2 * HOUR_US, source_kind="duty", options=OPTIONS,
    )  # fmt: skip
    exposure_s = 11 * (60 - 0.2 - 0.3) + (30 - 0.2 - 0.3)
    assert (first.n_trucks, second_hour.n_trucks) == (11, 12)
    assert first.n_trucks_est == pytest.approx(11 * 3600 / exposure_s)
