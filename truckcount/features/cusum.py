"""Residuals of fresh windows, one after another, to an alarm when a factor drifts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truckcount.domain.audit import AuditWindow

K = 0.25  # half of the shift, in standard deviations, that it is tuned to
H = 8.01  # features.md 5.6: a false alarm in 371 windows, 74 weeks of five
SIEGMUND_SHIFT = 1.166
Z_MAX = 3.0  # one miss where they are rare is 5 sd: no alarm by itself


@dataclass(frozen=True, slots=True)
class Cusum:
    """State of a two-sided CUSUM after a series of standardised residuals."""

    up: float
    down: float
    alarm: int | None
    """Number of the residual that crossed the limit; None while none did."""
    change: int | None
    """First residual after the sum last stood at zero: where the shift began."""


def run_cusum(z: Sequence[float], k: float = K, h: float = H) -> Cusum:
    """Run a two-sided CUSUM until it alarms or the series ends.

    References
    ----------
    Page: Continuous inspection schemes, Biometrika 41 (1954).

    Examples
    --------
    >>> run_cusum([0.1, -0.2, 0.0, *[1.5] * 9]).alarm
    9
    >>> run_cusum([0.5, -0.5] * 50).alarm is None
    True
    """
    up = down = 0.0
    up_from = down_from = 0
    for i, value in enumerate(z):
        up = max(0.0, up + value - k)
        down = max(0.0, down - value - k)
        if up == 0:
            up_from = i + 1
        if down == 0:
            down_from = i + 1
        if up > h or down > h:
            return Cusum(up, down, i, up_from if up > h else down_from)
    return Cusum(up, down, None, None)


def average_run_length(shift: float, k: float = K, h: float = H) -> float:
    """Return the windows until an alarm at a shift in standard deviations.

    References
    ----------
    Siegmund: Sequential Analysis (1985); his approximation with h + 1.166.

    Examples
    --------
    >>> [round(average_run_length(s)) for s in (0.0, 0.5, 1.0)]
    [371, 29, 11]
    """
    rates = [1 / _one_sided(side * shift - k, h) for side in (1, -1)]
    return 1 / sum(rates)


def standardise(
    fresh: Sequence[AuditWindow], base: Sequence[AuditWindow], factor: float
) -> list[float]:
    """Standardise y - R x by the spread it had in the calibration's audit."""
    rests: dict[str, list[float]] = {}
    for row in base:
        if row.y_human is not None:
            rest = row.y_human - factor * row.x_machine
            rests.setdefault(row.stratum.rpartition(":")[2], []).append(rest)
    everything = [r for group in rests.values() for r in group]
    pooled = float(np.std(everything, ddof=1)) if len(everything) > 1 else 1.0
    z = []
    for row in fresh:
        name = row.stratum.rpartition(":")[2]
        own = rests.get(name, [])
        sd = float(np.std(own, ddof=1)) if len(own) > 1 else 0.0
        mean = float(np.mean(own)) if own else 0.0
        rest = (row.y_human or 0) - factor * row.x_machine
        value = (rest - mean) / (sd if sd > 0 else max(pooled, 1e-9))
        z.append(min(max(value, -Z_MAX), Z_MAX))
    return z


def _one_sided(drift: float, h: float) -> float:
    b = h + SIEGMUND_SHIFT
    if drift == 0:
        return b * b
    return (math.exp(-2 * drift * b) + 2 * drift * b - 1) / (2 * drift**2)
