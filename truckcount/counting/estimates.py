"""What was seen of a bin to what happened in all of it, with its standard error.

The counting error is not in here: estimates are uncalibrated (R = 1), and a bin
that was watched wholly has no sampling error at all.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truckcount.domain.exposure import CONTINUITY, exposure_se

MIN_COVERAGE_SHARE = 0.25  # of a video's bin; below it an estimate says nothing
MIN_CLIPS_AN_HOUR = 10  # of a duty cycle; ten seconds a minute are f = 0.167
PARKED_DWELLS = 10.0  # mean dwells after which a standing truck is parked

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Trucks of a whole bin and their standard errors; all None where unknown."""

    n_trucks: float | None = None
    se: float | None = None
    se_indep: float | None = None
    """Part of ``se`` that is independent across bins."""


def estimate_video(n: int, coverage_share: float) -> Estimate:
    """Estimate from continuous video with gaps (features.md 4.2).

    n / f, with the error of a Poisson stream seen for a share f of the bin.

    Examples
    --------
    >>> estimate_video(6, 0.5).n_trucks
    12.0
    >>> estimate_video(5, 0.2).n_trucks is None
    True
    """
    if coverage_share < MIN_COVERAGE_SHARE:
        return Estimate()
    se = exposure_se(n, coverage_share)
    return Estimate(n / min(coverage_share, 1.0), se, se)


def estimate_duty(onsets: Floats, exposure_s: Floats, bin_s: float) -> Estimate:
    """Estimate from clips on a cycle (features.md 4.2).

    M = bin / w clips would fill the bin, m of them were taken: the sampling of m
    from M clips without putting back. The clips are taken as if drawn by chance,
    which is careful if trucks come evenly.

    Parameters
    ----------
    onsets : float array, shape (m,)
        Counted onsets of each usable clip.
    exposure_s : float array, shape (m,), seconds
        For how long each clip could show an onset.
    """
    m = len(onsets)
    total_s = float(exposure_s.sum())
    if m < max(2.0, MIN_CLIPS_AN_HOUR * bin_s / 3600) or total_s <= 0:
        return Estimate()
    f = min(total_s / bin_s, 1.0)
    n = float(onsets.sum())
    variance = max(float(np.var(onsets, ddof=1)), CONTINUITY / m)
    n_of_bin = m / f  # M
    se = n_of_bin * ((1 - f) * variance / m) ** 0.5
    return Estimate(n / f, se, se)


def estimate_stills(
    present: Floats,
    step_s: float,
    dwell_mean_s: float,
    dwell_cv: float,
    bin_s: float = 3600.0,
) -> Estimate:
    """Estimate from pictures taken one by one, by Little's law (features.md 4.4).

    L = lambda W: mean trucks present is their rate times the mean time in view. The
    error of W is shared by all bins: averaging them does not remove it.

    Parameters
    ----------
    present : float array, shape (m,)
        Trucks in the gate in each usable still, parked ones left out.
    step_s : float
        Seconds between two stills; the counts of near ones hang together.

    References
    ----------
    Little, A proof for the queuing formula L = lambda W, Operations Research 9,
    1961.
    """
    m = len(present)
    if m < 2:
        return Estimate()
    mean = float(present.mean())
    n = bin_s * mean / dwell_mean_s
    rho = float(np.exp(-step_s / dwell_mean_s))
    variance = max(float(present.var(ddof=1)), CONTINUITY / m) / m
    variance *= (1 + rho) / (1 - rho)
    se_indep = bin_s / dwell_mean_s * variance**0.5
    return Estimate(n, (se_indep**2 + (n * dwell_cv) ** 2) ** 0.5, se_indep)
