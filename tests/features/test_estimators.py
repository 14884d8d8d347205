"""Estimates against the worked example, another package and simulated truth."""

import numpy as np
import pytest

from tests.audit.worlds import draw_strata, make_world, worked_example
from truckcount.errors import CalibrationError
from truckcount.features.estimators import METHODS, Stratum, estimate_total, fit_factor

# ppi-python 0.2.3: ppi_mean_pointestimate(y, x, x_all, lam=...) over a frame of 400
ORACLE_X = [1, 0, 4, 5, 5, 2, 1, 2, 2, 4, 1, 0, 4, 1, 1, 2, 4, 0, 2, 4,
            2, 2, 2, 1, 0, 3, 2, 2, 0, 2, 2, 1, 1, 1, 3, 1, 3, 3, 1, 3]  # fmt: skip
ORACLE_Y = [1, 3, 4, 6, 7, 2, 4, 4, 2, 3, 1, 2, 4, 1, 2, 3, 5, 1, 2, 4,
            2, 2, 2, 2, 1, 4, 1, 2, 2, 2, 3, 0, 3, 0, 3, 2, 4, 5, 2, 3]  # fmt: skip
ORACLE = {0.0: 2.65, 0.6: 2.623, 1.0: 2.605}


def stratum(x, y, n_population, x_total=None, name="s"):
    x, y = np.asarray(x, float), np.asarray(y, float)
    total = x.mean() * n_population if x_total is None else x_total
    return Stratum(name=name, n_population=n_population, x_total=total, x=x, y=y)


@pytest.mark.parametrize(
    ("method", "se"),
    [("ht", 154.5), ("difference", 108.3), ("ratio", 107.7), ("ppi", 107.6)],
)
def test_the_worked_example_has_its_total_and_errors(method, se):
    total = estimate_total(worked_example(), method)
    assert total.total == pytest.approx(2784)
    assert total.se == pytest.approx(se, abs=0.05)


def test_the_worked_example_has_its_factor_and_power():
    strata = worked_example()
    factor = fit_factor(strata)
    assert factor.factor == pytest.approx(1.1485, abs=5e-5)
    assert factor.se == pytest.approx(0.0444, abs=5e-5)
    assert factor.cv == pytest.approx(0.0387, abs=5e-5)
    # sum w e^2 / sum w x; .264 in the example leaves the strata's means out of e
    assert factor.tau2 == pytest.approx(0.264, rel=0.03)
    assert factor.refusal is None
    assert estimate_total(strata, "ppi").lam == pytest.approx(1.125, abs=5e-4)


def test_missed_trucks_of_the_zero_stratum_are_in_the_total():
    with_zero = estimate_total(worked_example(), "difference").total
    without = estimate_total(worked_example()[1:], "difference").total
    assert with_zero - without == pytest.approx(150)


def test_one_stratum_gives_the_mean_of_ppi_python(monkeypatch):
    one = [stratum(ORACLE_X, ORACLE_Y, 400, x_total=782.0)]
    assert estimate_total(one, "ht").total / 400 == pytest.approx(ORACLE[0.0])
    assert estimate_total(one, "difference").total / 400 == pytest.approx(ORACLE[1.0])
    monkeypatch.setattr("truckcount.features.estimators._power", lambda _strata: 0.6)
    assert estimate_total(one, "ppi").total / 400 == pytest.approx(ORACLE[0.6])


def test_the_tuned_power_never_does_worse_than_either_end():
    rng = np.random.default_rng(3)
    for _ in range(20):
        strata = draw_strata(rng, *make_world(rng, 1500))
        ppi = estimate_total(strata, "ppi").se
        assert ppi <= estimate_total(strata, "ht").se + 1e-9
        assert ppi <= estimate_total(strata, "difference").se + 1e-9


def test_a_census_has_no_error():
    x, y = [0, 1, 5], [1, 1, 6]
    total = estimate_total([stratum(x, y, 3)], "difference")
    assert (total.total, total.se, total.low, total.high) == (8, 0, 8, 8)


def test_no_miss_seen_is_not_no_error():
    strata = [stratum([0] * 60, [0] * 60, 3000), stratum([2] * 40, [2] * 40, 400)]
    total = estimate_total(strata, "difference")
    assert total.total == 800
    assert total.se > 0
    assert total.high - total.total > 3 * 50 * 0.9  # three misses a 60 windows
    assert total.low == pytest.approx(800)


@pytest.mark.parametrize(
    ("strata", "why"),
    [
        (lambda: [stratum([0, 1], [1, 1], 2)], "people saw 2 trucks"),
        (lambda: [stratum([5] * 20, [0] * 15 + [25] * 5, 900)], "relative"),
    ],
    ids=["few trucks", "wide error"],
)
def test_a_factor_that_says_little_is_refused(strata, why):
    assert why in fit_factor(strata()).refusal


def test_without_machine_counts_there_is_no_ratio():
    with pytest.raises(CalibrationError, match="--method difference"):
        fit_factor([stratum([0, 0], [1, 2], 9)])


def test_an_unknown_method_is_refused():
    with pytest.raises(CalibrationError, match="ratio, difference, ppi"):
        estimate_total(worked_example(), "mean")


@pytest.mark.parametrize(
    ("n", "population", "why"),
    [(0, 5, "none of its 5 windows"), (1, 5, "gives no error"), (3, 2, "of 2 windows")],
)
def test_a_stratum_that_cannot_speak_is_refused(n, population, why):
    with pytest.raises(CalibrationError, match=why):
        stratum([1.0] * n, [1.0] * n, population, x_total=5)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """A small copy of benchmarks/audit_coverage.py: 93-97 %, with room for 250 runs."""
    rng = np.random.default_rng(20260301)
    x, y = make_world(rng)
    inside = dict.fromkeys(METHODS, 0)
    above = dict.fromkeys(METHODS, 0)
    for _ in range(250):
        strata = draw_strata(rng, x, y)
        for method in METHODS:
            total = estimate_total(strata, method)
            inside[method] += total.low <= y.sum() <= total.high
            above[method] += y.sum() > total.high
    assert all(0.92 <= n / 250 <= 0.98 for n in inside.values()), inside
    assert all(n / 250 < 0.04 for n in above.values()), above
