"""Counts of drawn windows, by stratum, to totals and factors with standard errors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from truckcount.errors import CalibrationError

Array = npt.NDArray[np.float64]
METHODS = ("ratio", "difference", "ppi")
MIN_SUM_Y = 50
MAX_FACTOR_CV = 0.15
LEVEL = 0.95
NO_MISS_SEEN = 0.5  # Jeffreys: half a miss stands for none seen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stratum:
    """The labelled windows of one stratum of one sampling frame."""

    name: str
    n_population: int
    """Windows that could have been drawn."""
    x_total: float
    """Machine count over all of them: known, not estimated."""
    x: Array
    """Shape (n,): machine counts of the labelled windows."""
    y: Array
    """Shape (n,): a person's counts of the same."""

    def __post_init__(self) -> None:
        n, size = len(self.x), self.n_population
        if n != len(self.y) or n > size:
            msg = f"stratum {self.name}: {n} x, {len(self.y)} y of {size} windows"
            raise CalibrationError(msg)
        if size > 0 and n == 0:
            msg = (
                f"stratum {self.name}: none of its {size} windows is labelled, so what "
                "it holds cannot be known; label some of them"
            )
            raise CalibrationError(msg)
        if n == 1 and size > 1:
            msg = f"stratum {self.name}: one labelled window of {size} gives no error"
            raise CalibrationError(msg)

    @property
    def weight(self) -> float:
        """Windows that each labelled one stands for: 1 / pi."""
        return self.n_population / len(self.x) if len(self.x) else 0.0

    @property
    def spread(self) -> float:
        """N^2 (1 - n/N) / n: variance of the total for a variance of 1."""
        n, size = len(self.x), self.n_population
        return size**2 * (1 - n / size) / n if n else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Trucks of an audited frame, or of one stratum, as a person would count."""

    method: str
    total: float
    se: float
    low: float
    """95 % interval."""
    high: float
    lam: float | None = None
    """Weight of the machine's counts (PPI++): 0 ignores them, 1 is difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """Trucks for each truck of the machine."""

    factor: float
    se: float
    cv: float
    low: float
    """95 % interval."""
    high: float
    tau2: float
    sum_y: int
    n_windows: int

    @property
    def refusal(self) -> str | None:
        """Why it must not be carried into hours; None where it may."""
        if self.sum_y < MIN_SUM_Y:
            return (
                f"people saw {self.sum_y} trucks in the labelled windows; a factor "
                f"needs {MIN_SUM_Y}: draw more windows"
            )
        if self.cv > MAX_FACTOR_CV:
            return (
                f"its relative error is {self.cv:.1%}, above {MAX_FACTOR_CV:.0%}: "
                "draw more windows"
            )
        return None


def estimate_total(strata: Sequence[Stratum], method: str) -> Total:
    """Estimate the true trucks of a frame (features.md section 5.2).

    Parameters
    ----------
    method : {"ratio", "difference", "ppi", "ht"}
        ``ppi`` is the power-tuned control variate (PPI++), ``ht`` uses the labels
        alone (Horvitz-Thompson).

    References
    ----------
    Särndal, Swensson, Wretman: Model Assisted Survey Sampling (1992), ch. 5-6.
    Angelopoulos, Duchi, Zrnic: PPI++ (arXiv 2311.01453).
    """
    x_total = sum(s.x_total for s in strata)
    if method == "ratio":
        factor = fit_factor(strata)
        return Total(
            method=method,
            total=factor.factor * x_total,
            se=factor.se * x_total,
            low=factor.low * x_total,
            high=factor.high * x_total,
        )
    if method == "ppi":
        lam = _power(strata)
    elif method in ("difference", "ht"):
        lam = 1.0 if method == "difference" else 0.0
    else:
        msg = f"no estimator {method!r}; there are {', '.join(METHODS)}"
        raise CalibrationError(msg)
    total = lam * x_total + sum(
        s.weight * float((s.y - lam * s.x).sum()) for s in strata
    )
    below, above = _margins(strata, lam)
    return Total(
        method=method,
        total=total,
        se=_se(strata, lam),
        low=total - below,
        high=total + above,
        lam=lam if method == "ppi" else None,
    )


def fit_factor(strata: Sequence[Stratum]) -> Factor:
    """Fit the combined ratio R = sum w y / sum w x with its error."""
    x_total = sum(s.x_total for s in strata)
    sum_wx = sum(s.weight * float(s.x.sum()) for s in strata)
    sum_wy = sum(s.weight * float(s.y.sum()) for s in strata)
    if sum_wx <= 0 or x_total <= 0:
        msg = (
            "the machine counted no truck in the audited windows, so there is no "
            "ratio; use --method difference"
        )
        raise CalibrationError(msg)
    ratio = sum_wy / sum_wx
    se = _se(strata, ratio) / x_total
    below, above = _margins(strata, ratio)
    squares = sum(s.weight * float(((s.y - ratio * s.x) ** 2).sum()) for s in strata)
    return Factor(
        factor=ratio,
        se=se,
        cv=se / ratio if ratio > 0 else math.inf,
        low=ratio - below / x_total,
        high=ratio + above / x_total,
        tau2=squares / sum_wx,
        sum_y=round(sum(float(s.y.sum()) for s in strata)),
        n_windows=sum(len(s.x) for s in strata),
    )


def _power(strata: Sequence[Stratum]) -> float:
    """Return the weight of the machine's counts that gives the least variance."""
    cross = [s.spread * _cov(s.x, s.y) for s in strata if len(s.x) > 1]
    own = [s.spread * _cov(s.x, s.x) for s in strata if len(s.x) > 1]
    return sum(cross) / sum(own) if sum(own) > 0 else 1.0


def _se(strata: Sequence[Stratum], slope: float) -> float:
    """Return the standard error of the total of y - slope x."""
    return math.sqrt(sum(s.spread * _variance(s, slope) for s in strata))


def _variance(stratum: Stratum, slope: float) -> float:
    rest = stratum.y - slope * stratum.x
    if len(rest) and not rest.any() and not stratum.x.any():
        # no miss in n windows is no proof that there is none
        return NO_MISS_SEEN / len(rest)
    return _cov(rest, rest)


def _margins(strata: Sequence[Stratum], slope: float) -> tuple[float, float]:
    """Return how far the 95 % interval of a total reaches below and above it.

    Misses in windows where the machine saw nothing are few, so their total is far
    from normal and a symmetric interval covers 87-93 % only. Each stratum gets its
    own limits (score interval of a count where x is 0, Student's t elsewhere) and
    their distances are added in squares. benchmarks/audit_coverage.py measures it.

    References
    ----------
    Zou and Donner: Construction of confidence limits about effect measures: a
    general approach, Statistics in Medicine 27 (2008): MOVER.
    """
    below = above = 0.0
    for stratum in strata:
        if stratum.spread <= 0:  # nothing in it, or all of it is labelled
            continue
        if stratum.x.any():
            t = float(special.stdtrit(len(stratum.x) - 1, 0.5 + LEVEL / 2))
            low = high = t * math.sqrt(stratum.spread * _variance(stratum, slope))
        else:
            low, high = _count_margins(stratum)
        below += low**2
        above += high**2
    return math.sqrt(below), math.sqrt(above)


def _count_margins(stratum: Stratum) -> tuple[float, float]:
    """Return the margins of a total of rare misses: over-dispersed Poisson score."""
    n, k = len(stratum.y), float(stratum.y.sum())
    dispersion = max(1.0, _cov(stratum.y, stratum.y) * n / k) if k > 0 else 1.0
    z = float(special.ndtri(0.5 + LEVEL / 2))
    half = z * math.sqrt(k / dispersion + z * z / 4)
    scale = math.sqrt(stratum.spread / n) * dispersion
    return scale * (half - z * z / 2), scale * (half + z * z / 2)


def _cov(a: Array, b: Array) -> float:
    if len(a) < 2:
        return 0.0
    return float(((a - a.mean()) * (b - b.mean())).sum() / (len(a) - 1))
