"""Frames with a known truth, and samples with moments that are exactly given."""

import numpy as np

from truckcount.features.estimators import Stratum

SIZES = (60, 90, 60)


def make_world(rng, n_windows=4320, *, quiet=0.45, miss=0.13, false=0.02):
    """Machine and true counts of a month of windows, some of them quiet hours."""
    is_quiet = rng.random(n_windows) < quiet
    rate = np.where(is_quiet, 0.05, 0.6 * rng.gamma(2, 1.2, n_windows))
    y = rng.poisson(rate)
    x = rng.binomial(y, 1 - miss) + rng.poisson(false, n_windows)
    return x, y


def draw_strata(rng, x, y, sizes=SIZES):
    """Draw the three strata of an audit without replacement."""
    which = np.digitize(x, [1, 4])
    strata = []
    for h, n in enumerate(sizes):
        members = np.flatnonzero(which == h)
        if not len(members):
            continue
        drawn = rng.choice(members, min(n, len(members)), replace=False)
        strata.append(
            Stratum(
                name=("0", "1-3", "4+")[h],
                n_population=len(members),
                x_total=float(x[members].sum()),
                x=x[drawn].astype(float),
                y=y[drawn].astype(float),
            )
        )
    return strata


def stratum_with_moments(name, n_population, n, mean_x, mean_y, s_x, s_y, s_diff):
    """A stratum whose sample has exactly these means and standard deviations."""
    rng = np.random.default_rng(n_population)
    u, v = np.linalg.qr(
        np.column_stack([np.ones(n), rng.normal(size=n), rng.normal(size=n)])
    )[0].T[1:] * np.sqrt(n - 1)
    covariance = (s_x**2 + s_y**2 - s_diff**2) / 2
    rho = covariance / (s_x * s_y) if s_x else 0.0
    x = mean_x + s_x * u
    y = mean_y + s_y * (rho * u + np.sqrt(1 - rho**2) * v)
    return Stratum(name=name, n_population=n_population,
                   x_total=n_population * mean_x, x=x, y=y)  # fmt: skip


def worked_example():
    """The worked example of features.md section 5.3."""
    return [
        stratum_with_moments("0", 3000, 60, 0.0, 0.05, 0.0, 0.22, 0.22),
        stratum_with_moments("1-3", 1200, 90, 1.50, 1.62, 0.80, 1.05, 0.55),
        stratum_with_moments("4+", 120, 60, 5.20, 5.75, 1.40, 1.90, 1.10),
    ]
