"""Regressions of few quarters and many firms, with errors that know it.

References
----------
Cameron, Gelbach, Miller (2008, 2011): wild cluster bootstrap, two-way clustering.
Harvey, Leybourne, Newbold (1997): the small-sample Diebold-Mariano test.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
N_DRAWS = 999


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its two-way clustered error and bootstrap p-value."""

    value: float
    se: float
    p_wild: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval by the clustered error and t of 11 degrees."""
        half = float(stats.t.ppf(0.975, 11)) * self.se
        return self.value - half, self.value + half


@dataclass(frozen=True, slots=True)
class Placebo:
    """Coefficients of many draws in which there is nothing to be found."""

    coefficients: Floats
    """Shape (draws,)."""
    p_wild: Floats
    """Each draw's own bootstrap p-value."""

    @property
    def value(self) -> float:
        """Their mean: 0 when nothing is found."""
        return float(self.coefficients.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 95 % of the draws."""
        low, high = np.quantile(self.coefficients, [0.025, 0.975])
        return float(low), float(high)

    @property
    def rejected(self) -> float:
        """Share of draws in which a 5 % test finds something."""
        return float((self.p_wild <= 0.05).mean())

    def p_of(self, value: float) -> float:
        """Return how often a draw finds as much as a value, to either side."""
        n = int((np.abs(self.coefficients) >= abs(value)).sum())
        return (1 + n) / (1 + len(self.coefficients))


def estimate(
    y: Floats,
    x: Floats,
    controls: Floats,
    firm: Ints,
    quarter: Ints,
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
) -> Estimate:
    """Estimate the coefficient of x in y ~ 1 + controls + x.

    Parameters
    ----------
    controls : float64, shape (n, k)
    n_draws : int
        Rademacher draws of the bootstrap over quarters, null imposed.
    """
    z = np.column_stack([np.ones(len(y)), controls])
    inverse = np.linalg.inv(z.T @ z)
    x_rest = x - z @ (inverse @ (z.T @ x))
    null_errors = y - z @ (inverse @ (z.T @ y))
    square = float(x_rest @ x_rest)
    value = float(x_rest @ null_errors) / square
    errors = null_errors - value * x_rest
    se = math.sqrt(_two_way(x_rest * errors, firm, quarter)) / square
    p = _wild(x_rest, z, inverse, null_errors, quarter, rng, n_draws)
    return Estimate(value, se, p, len(y))


def diebold_mariano(
    losses: Floats, other: Floats, quarter: Ints
) -> tuple[float, float]:
    """Compare squared losses by their quarter means; return t (Harvey) and p.

    Negative t: the first forecast loses less.
    """
    difference = losses - other
    means = np.array([difference[quarter == q].mean() for q in np.unique(quarter)])
    n = len(means)
    plain = means.mean() / math.sqrt(means.var() / n)
    t = float(plain * math.sqrt((n - 1) / n))
    return t, float(2 * stats.t.sf(abs(t), n - 1))


def _two_way(scores: Floats, firm: Ints, quarter: Ints) -> float:
    """Sum squared cluster scores: firms + quarters - both, or the larger one."""
    by_firm = _clustered(scores, firm)
    by_quarter = _clustered(scores, quarter)
    both = by_firm + by_quarter - float(scores @ scores)
    return both if both > 0 else max(by_firm, by_quarter)


def _clustered(scores: Floats, cluster: Ints) -> float:
    sums = np.bincount(cluster, scores)
    sums = sums[np.unique(cluster)]
    return float(sums @ sums) * len(sums) / (len(sums) - 1)


def _wild(
    x: Floats,
    z: Floats,
    inverse: Floats,
    errors: Floats,
    quarter: Ints,
    rng: np.random.Generator,
    n_draws: int,
) -> float:
    """Return the wild cluster bootstrap's p over quarters (null imposed).

    All is in sums by quarter, so that a draw costs clusters, not rows.
    """
    groups = [quarter == q for q in np.unique(quarter)]
    moment = np.array([x[g] @ errors[g] for g in groups])
    square = np.array([x[g] @ x[g] for g in groups])
    x_z = np.array([x[g] @ z[g] for g in groups])
    z_e = np.array([z[g].T @ errors[g] for g in groups])
    signs = rng.choice([-1.0, 1.0], (n_draws + 1, len(groups)))
    signs[0] = 1.0  # the sample itself
    value = signs @ moment / square.sum()
    drift = (signs @ z_e) @ inverse @ x_z.T
    scores = signs * moment - drift - np.outer(value, square)
    t = np.abs(value) / np.sqrt((scores**2).sum(axis=1))
    return float((1 + (t[1:] >= t[0] - 1e-12).sum()) / (n_draws + 1))
