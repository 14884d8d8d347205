"""Totals by cells: the numbers of the specification, and truth by simulation."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.fill import hours_frame
from truckcount.errors import FeatureError
from truckcount.features import rollup
from truckcount.features.factors import Factor, find_factors
from truckcount.features.grid import make_grid
from truckcount.features.totals import base_profile, measure_phi, measure_total

MONDAY = 20_458  # 2026-01-05 in days since 1970


def grid_of(n, coverage_s=3600.0, start="2026-01-05", factors=None, **columns):
    return make_grid(hours_frame(start, n, coverage_s, **columns), factors or {})


def test_shared_error_does_not_average_away_over_a_quarter():
    # features.md 5.5: 91 days of 330 trucks, R 1.1485, se_R .0444, tau2 .264
    n = np.zeros(91 * 24)
    n[12::24] = 330
    factors = {"c": Factor(ratio=1.1485, se=0.0444, tau2=0.264)}
    total = measure_total(
        grid_of(n, factors=factors, calibration_id="c"), MONDAY, MONDAY + 91
    )
    assert total.total == pytest.approx(34_490, abs=1)
    assert math.sqrt(total.var_indep) == pytest.approx(89, abs=0.5)
    assert total.shared["c"] == pytest.approx(1_334, abs=1)
    both = math.sqrt(total.var_indep + total.shared["c"] ** 2)
    assert both == pytest.approx(1_337, abs=1)
    assert both / total.total == pytest.approx(0.039, abs=0.0005)


def test_the_variance_is_that_of_the_specification():
    # one cell: due D = 4 weeks, watched E = 3, n = 30, R = 1.1, phi = 2, tau2 = .2
    n, coverage = np.zeros(4 * 168), np.zeros(4 * 168)
    coverage[8 : 3 * 168 : 168] = 3600
    n[8 : 3 * 168 : 168] = 10
    grid = grid_of(
        n, coverage, factors={"c": Factor(1.1, 0.05, 0.2)}, calibration_id="c"
    )
    only = np.zeros(168)
    only[8] = 1.0
    total = measure_total(grid, MONDAY, MONDAY + 28, profile=only, phi=2.0)
    d, e, r = 4, 3, 1.1
    assert total.total == pytest.approx(r * d * 30 / e)
    exposure = r**2 * 2.0 * 30 * (d / e) * (d - e) / e
    assert total.var_indep == pytest.approx(exposure + 0.2 * d * 30 / e)
    assert total.shared == {"c": pytest.approx(0.05 * d * 30 / e)}
    assert total.cov_w == pytest.approx(3 / 4)


def test_a_period_watched_whole_is_its_count_without_sampling_error():
    total = measure_total(grid_of(np.arange(168)), MONDAY, MONDAY + 7)
    assert total.total == pytest.approx(np.arange(168).sum())
    assert total.var_indep == 0.0
    assert total.cov_w == total.cov_time == pytest.approx(1.0)


@given(
    n=st.lists(st.integers(0, 50), min_size=168, max_size=168),
    cut=st.integers(1, 167),
)
@settings(max_examples=10)
def test_periods_watched_whole_add_up(n, cut):
    grid = grid_of(np.array(n))
    days = [MONDAY, MONDAY + cut // 24, MONDAY + 7]
    parts = [measure_total(grid, a, b) for a, b in itertools.pairwise(days)]
    assert sum(p.total for p in parts if p is not None) == pytest.approx(sum(n))


def test_a_day_with_an_outage_takes_the_missing_hours_from_the_weeks_before():
    rng = np.random.default_rng(1)
    shape = np.tile(5 + 20 * (np.arange(24) == 15), 8 * 7)  # the 15th hour is busy
    n = rng.poisson(np.append(shape, shape[:24]))
    coverage = np.full(len(n), 3600.0)
    coverage[-24 + 14 : -24 + 16] = 0
    day = MONDAY + 56
    total = measure_total(grid_of(n, coverage), day, day + 1)
    plain = n[-24:].sum() - n[-24 + 14 : -24 + 16].sum()
    assert total.total == pytest.approx(plain + 30, rel=0.15)
    assert total.n_hours_null == 2
    assert total.cov_w == pytest.approx(1 - 30 / 140, abs=0.02)
    assert total.cov_time == pytest.approx(22 / 24)
    # the missed 30 are Poisson, and the level they follow is estimated, too
    assert math.sqrt(30) < math.sqrt(total.var_indep) < 2 * math.sqrt(30)


def test_too_little_watched_is_null_never_small():
    coverage = np.zeros(168)
    coverage[:96] = 3600  # 57 % of the week
    total = measure_total(grid_of(np.full(168, 4), coverage), MONDAY, MONDAY + 7)
    assert math.isnan(total.total)
    assert math.isnan(total.var_indep)
    assert total.shared == {}
    assert total.cov_w == pytest.approx(96 / 168)


def test_no_truck_in_what_was_watched_is_not_surely_no_truck():
    """A day of hours that each say 0 +- 0.55 is not 0 +- 0."""
    for coverage, share in ((2520.0, 0.7), (np.r_[[0.0] * 6, [3600.0] * 18], 0.75)):
        total = measure_total(grid_of(np.zeros(24), coverage), MONDAY, MONDAY + 1)
        assert total.total == 0
        assert total.var_indep == pytest.approx(0.5 * (1 - share) / share**2)
    whole = measure_total(grid_of(np.zeros(24)), MONDAY, MONDAY + 1)
    assert (whole.total, whole.var_indep) == (0, 0)


def test_a_period_outside_validity_has_no_total():
    grid = grid_of(np.full(168, 4))
    assert measure_total(grid, MONDAY - 7, MONDAY) is None


def test_hours_of_validity_without_a_row_are_due_but_not_watched():
    rows = hours_frame("2026-01-05", np.full(168, 4)).drop(index=range(10, 20))
    total = measure_total(make_grid(rows, {}), MONDAY, MONDAY + 7)
    assert total.n_hours == 168
    assert total.n_hours_null == 10
    assert total.total == pytest.approx(4 * 168)


def test_validity_cuts_its_first_and_last_hour():
    rows = hours_frame("2026-01-05", np.full(48, 6), np.r_[1800, [3600] * 46, 900])
    low = MONDAY * 86_400_000_000
    active = low + 1_800_000_000, low + 47 * 3_600_000_000 + 900_000_000
    total = measure_total(make_grid(rows, {}, active=active), MONDAY, MONDAY + 2)
    assert total.n_hours == pytest.approx(46.75)
    assert total.cov_time == pytest.approx(1.0)
    assert total.total == pytest.approx(6 * 48)


def test_stills_enter_by_their_estimate_and_its_error():
    rows = hours_frame(
        "2026-01-05", np.full(24, np.nan), 0.0, source_kind="stills",
        n_trucks_est=15.9, n_trucks_se=6.7, n_trucks_se_indep=6.58, calibration_id="w",
    )  # fmt: skip
    total = measure_total(make_grid(rows, {}), MONDAY, MONDAY + 1)
    assert total.total == pytest.approx(24 * 15.9)
    assert math.sqrt(total.var_indep) == pytest.approx(6.58 * math.sqrt(24))
    shared = 24 * math.sqrt(6.7**2 - 6.58**2)
    assert total.shared["w"] == pytest.approx(shared)


def test_hours_filled_from_stills_carry_the_error_of_those_they_come_from():
    n_seen = 16
    est, se = (np.where(np.arange(24) < n_seen, x, np.nan) for x in (15.9, 6.58))
    rows = hours_frame(
        "2026-01-05", np.full(24, np.nan), 0.0, source_kind="stills",
        n_trucks_est=est, n_trucks_se=se, n_trucks_se_indep=se,
    )  # fmt: skip
    total = measure_total(make_grid(rows, {}), MONDAY, MONDAY + 1)
    assert total.total == pytest.approx(24 * 15.9)
    # each of the sixteen errors is in the total one and a half times
    missed = 8 * 15.9
    wanted = 1.5**2 * n_seen * 6.58**2 + 1.5 * missed
    assert total.var_indep == pytest.approx(wanted)


def test_a_dwell_that_was_not_audited_is_an_error_of_all_its_hours():
    """It does not average away for want of a calibration that names it."""
    rows = hours_frame(
        "2026-01-05", np.full(24, np.nan), 0.0, source_kind="stills",
        n_trucks_est=15.9, n_trucks_se=6.7, n_trucks_se_indep=6.58,
        calibration_id=None, config_hash="c0",
    )  # fmt: skip
    total = measure_total(make_grid(rows, {}), MONDAY, MONDAY + 1)
    shared = 24 * math.sqrt(6.7**2 - 6.58**2)
    assert total.shared == {"dwell:c0": pytest.approx(shared)}


def test_stills_of_an_older_configuration_are_bridged_as_video_is():
    rows = hours_frame(
        "2026-01-05", np.full(24, np.nan), 0.0, source_kind="stills",
        n_trucks_est=15.9, n_trucks_se=6.7, n_trucks_se_indep=6.58,
        calibration_id="w", config_hash="old",
    )  # fmt: skip
    grid = make_grid(rows, {"w": Factor(1.2, 0.1)}, bridge={"new": 1.0, "old": 1.1})
    total = measure_total(grid, MONDAY, MONDAY + 1)
    assert total.total == pytest.approx(24 * 15.9 * 1.1)
    assert math.sqrt(total.var_indep) == pytest.approx(6.58 * 1.1 * math.sqrt(24))
    shared = 24 * 1.1 * math.sqrt(6.7**2 - 6.58**2)
    assert total.shared["w"] == pytest.approx(shared)
    assert grid.n_squared.tolist() == pytest.approx([1.1**2 * 1.2 * 15.9] * 24)


def test_intervals_hold_what_they_say_under_outages():
    """95 % intervals of weekly totals hold the truth 92-98 % of the time."""
    rng = np.random.default_rng(7)
    rate = 2 + 8 * np.exp(-(((np.arange(168) % 24) - 14) ** 2) / 18)
    rate[120:] *= 0.3
    blank = grid_of(np.ones(9 * 168))
    held = 0
    n_runs = 300
    for _ in range(n_runs):
        n = rng.poisson(np.tile(rate, 9)).astype(float)
        seen = np.ones(9 * 168)
        begin = 8 * 168 + rng.integers(0, 120)
        seen[begin : begin + rng.integers(6, 40)] = 0
        grid = replace(blank, n=n * seen, n_squared=n * seen, seen=seen)
        total = measure_total(grid, MONDAY + 56, MONDAY + 63)
        missed = abs(total.total - n[8 * 168 :].sum())
        held += missed <= 1.96 * math.sqrt(total.var_indep)
    assert 0.92 <= held / n_runs <= 0.98


def test_the_profile_is_of_the_weeks_before_and_falls_back():
    n = np.tile(np.arange(24.0), 63)
    profile, _ = base_profile(grid_of(n), MONDAY + 56, MONDAY + 63)
    assert profile == pytest.approx(np.tile(np.arange(24) / 11.5, 7))
    assert profile.mean() == pytest.approx(1.0)
    # nothing before: the period itself tells
    same, _ = base_profile(grid_of(n), MONDAY, MONDAY + 7)
    assert same == pytest.approx(profile)
    # nothing seen at all: every hour is alike
    flat, _ = base_profile(grid_of(np.zeros(168)), MONDAY, MONDAY + 7)
    assert flat == pytest.approx(np.ones(168))


def test_phi_is_one_for_poisson_and_more_where_weeks_differ():
    rng = np.random.default_rng(3)
    levels = {"poisson": np.ones(30), "restless": rng.gamma(16, 1 / 16, 30)}
    found = {}
    for name, level in levels.items():
        n = rng.poisson(np.repeat(level, 168) * 8)
        coverage = np.full(30 * 168, 3600.0)
        for week in range(0, 30, 3):
            coverage[week * 168 + 20 : week * 168 + 50] = 0
        seen = np.where(coverage > 0, n, 0)
        found[name] = measure_phi(grid_of(seen, coverage))
    assert 1.0 <= found["poisson"] < 1.6
    assert found["restless"] < 2.5  # levels of whole weeks are seen in the rest


def test_hours_that_lack_a_second_are_no_outage():
    rng = np.random.default_rng(3)
    n = rng.poisson(8, (30, 168)) * rng.integers(0, 4, (30, 168))  # uneven hours
    coverage = np.full((30, 168), 3590.0)
    coverage[::3, 20:50] = 0
    grid = grid_of(np.where(coverage > 0, n, 0).ravel(), coverage.ravel())
    assert measure_phi(grid) > 2.0


def test_factors_are_read_off_the_hours_own_estimates():
    # features.md 5.4: n 14 in 2700 s, R 1.1485, se_R .0444, tau2 .264
    rows = pd.DataFrame(
        {
            "n_trucks": pd.array([14, 20, None], "Int32"),
            "coverage_s": [2700.0, 3600.0, 0.0],
            "calibration_id": ["c", "c", "c"],
        }
    )
    f = rows["coverage_s"] / 3600
    counted = rows["n_trucks"].astype("float64") / f
    indep = 1.1485**2 * (rows["n_trucks"].astype("float64") + 0.5) * (1 - f) / f**2
    indep += 0.264 * counted
    rows["n_trucks_est"] = 1.1485 * counted
    rows["n_trucks_se_indep"] = np.sqrt(indep)
    rows["n_trucks_se"] = np.sqrt(indep + (counted * 0.0444) ** 2)
    assert rows["n_trucks_est"][0] == pytest.approx(21.4, abs=0.05)
    assert rows["n_trucks_se_indep"][0] == pytest.approx(3.66, abs=0.005)
    assert rows["n_trucks_se"][0] == pytest.approx(3.76, abs=0.005)
    factor = find_factors(rows)["c"]
    assert factor.ratio == pytest.approx(1.1485)
    assert factor.se == pytest.approx(0.0444)
    assert factor.tau2 == pytest.approx(0.264)
    table = pd.DataFrame(
        {"calibration_id": ["c"], "factor": 1.2, "factor_se": 0.1, "tau2": 0.3}
    )
    assert find_factors(rows, table)["c"] == Factor(1.2, 0.1, 0.3)


@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_a_factor_is_read_off_bins_by_their_own_length(minutes):
    """India rolls up bins; a quarter of an hour that was watched is watched wholly."""
    n, bin_s = 24 * 60 // minutes, 60.0 * minutes
    share = np.tile([1.0, 0.5], n // 2)
    counted = np.tile([6.0, 4.0], n // 2)
    truth = Factor(1.2, 0.05, 0.3)
    own = 1.2**2 * (counted + 0.5) * (1 - share) / share**2
    own += 0.3 * counted / share
    bins = hours_frame("2026-01-05", counted, bin_s * share, calibration_id="c")
    bins = bins.rename(columns={"hour_start_utc": "bin_start_utc"}).assign(
        bin_start_utc=pd.date_range("2026-01-05", periods=n, freq=f"{minutes}min",
                                    tz="UTC"),
        bin_minutes=minutes,
        n_trucks_est=1.2 * counted / share,
        n_trucks_se_indep=np.sqrt(own),
        n_trucks_se=np.sqrt(own + (counted / share * 0.05) ** 2),
    )  # fmt: skip
    found = find_factors(bins)["c"]
    assert (found.ratio, found.se, found.tau2) == pytest.approx(
        (truth.ratio, truth.se, truth.tau2)
    )
    table = pd.DataFrame(
        {"calibration_id": ["c"], "factor": 1.2, "factor_se": 0.05, "tau2": 0.3}
    )
    (day,) = rollup(bins, "D").to_dict("records")
    (told,) = rollup(bins, "D", calibrations=table).to_dict("records")
    assert day["total"] == pytest.approx(told["total"])
    assert day["se"] == pytest.approx(told["se"])


def test_a_factor_that_no_hour_tells_is_not_taken_for_one():
    """Nights of ten minutes an hour: counted, and too short for an estimate."""
    hours = hours_frame("2026-01-05", np.full(24, 2.0), 600.0, calibration_id="c")
    with pytest.raises(FeatureError, match=r"calibration 'c'.*load_calibrations"):
        find_factors(hours)
    table = pd.DataFrame(
        {"calibration_id": ["c"], "factor": 1.2, "factor_se": 0.1, "tau2": 0.3}
    )
    assert find_factors(hours, table)["c"].ratio == 1.2
    quiet = hours.assign(n_trucks=pd.array([0] * 24, "Int32"))
    assert find_factors(quiet)["c"] == Factor()


def test_few_trucks_make_no_rhythm():
    n = np.zeros(8 * 168)
    n[12 : 12 + 24 * 6 : 24] = 1  # six trucks, all at noon
    coverage = np.full(n.shape, 3600.0)
    coverage[7 * 168 + 12] = 0
    total = measure_total(grid_of(n, coverage), MONDAY + 49, MONDAY + 50)
    assert total.cov_w == pytest.approx(23 / 24)
    assert total.total == 0.0
