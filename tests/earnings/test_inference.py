"""Errors of few quarters and many firms: against sums done by hand."""

import numpy as np
import pytest

from pipelines.earnings.inference import diebold_mariano, estimate


def draw(seed=1, n_firms=6, n_quarters=8, slope=0.5):
    rng = np.random.default_rng(seed)
    firm, quarter = (a.ravel() for a in np.indices((n_firms, n_quarters)))
    x, c = rng.standard_normal((2, len(firm)))
    y = 0.3 + slope * x + c + rng.standard_normal(n_quarters)[quarter]
    return y, x, c[:, None], firm, quarter


def test_the_coefficient_is_that_of_least_squares():
    y, x, c, firm, quarter = draw()
    found = estimate(y, x, c, firm, quarter, np.random.default_rng(0), 99)
    design = np.column_stack([np.ones(len(y)), c, x])
    assert found.value == pytest.approx(np.linalg.lstsq(design, y, rcond=None)[0][2])
    assert found.n == 48


def test_the_error_is_clustered_both_ways():
    y, x, c, firm, quarter = draw()
    found = estimate(y, x, c, firm, quarter, np.random.default_rng(0), 99)
    design = np.column_stack([np.ones(len(y)), c, x])
    inverse = np.linalg.inv(design.T @ design)
    errors = y - design @ (inverse @ design.T @ y)
    scores = design * errors[:, None]
    meat = -scores.T @ scores
    for groups in (firm, quarter):
        sums = np.array([scores[groups == g].sum(axis=0) for g in np.unique(groups)])
        meat += sums.T @ sums * len(sums) / (len(sums) - 1)
    assert found.se == pytest.approx(np.sqrt((inverse @ meat @ inverse)[2, 2]))


def test_the_bootstrap_is_what_refitting_every_draw_gives():
    y, x, c, firm, quarter = draw(seed=3, slope=0.2)
    n_draws = 199
    found = estimate(y, x, c, firm, quarter, np.random.default_rng(5), n_draws)
    z = np.column_stack([np.ones(len(y)), c])
    fitted = z @ np.linalg.lstsq(z, y, rcond=None)[0]
    design = np.column_stack([z, x])
    signs = np.random.default_rng(5).choice([-1.0, 1.0], (n_draws + 1, 8))
    signs[0] = 1.0
    t = []
    for draw_signs in signs:
        again = fitted + draw_signs[quarter] * (y - fitted)
        weights = np.linalg.lstsq(design, again, rcond=None)[0]
        rest = x - z @ np.linalg.lstsq(z, x, rcond=None)[0]
        scores = np.bincount(quarter, rest * (again - design @ weights))
        t.append(abs(weights[2]) / np.sqrt(scores @ scores))
    by_hand = (1 + (np.array(t[1:]) >= t[0] - 1e-9).sum()) / (n_draws + 1)
    assert found.p_wild == pytest.approx(by_hand)


def test_a_strong_effect_is_found_and_none_is_not():
    there = estimate(*draw(slope=2.0), np.random.default_rng(0))
    assert there.p_wild < 0.02
    assert there.interval[0] > 0
    none = estimate(*draw(slope=0.0), np.random.default_rng(0))
    assert none.p_wild > 0.05


def test_forecasts_are_compared_by_the_means_of_quarters():
    quarter = np.repeat(np.arange(12), 5)
    rng = np.random.default_rng(2)
    losses = rng.random(60)
    t, p = diebold_mariano(losses, losses + 0.2 + 0.1 * rng.random(60), quarter)
    assert t < -5
    assert p < 0.001
    n = 12
    means = np.arange(12.0)
    t, _ = diebold_mariano(means, np.full(12, 5.0), np.arange(12))
    plain = 0.5 / np.sqrt(means.var() / n)
    assert t == pytest.approx(plain * np.sqrt((n + 1 - 2) / n))
