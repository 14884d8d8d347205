"""Fresh labels, one after another, to an alarm when a factor no longer holds."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from truckcount.audit.answers import known_at
from truckcount.audit.scope import Scope, by_scope
from truckcount.domain.audit import AuditWindow, latest_labels
from truckcount.domain.calibration import Calibration
from truckcount.store import Store
from truckcount.store.audits_table import read_audits
from truckcount.store.calibrations_table import read_calibrations, write_calibrations

K = 0.25  # half of the shift, in standard deviations, that it is tuned to
H = 8.01  # features.md 5.6: a false alarm in 371 windows, 74 weeks of five
SIEGMUND_SHIFT = 1.166
HOUR_US = 3_600_000_000
Z_MAX = 3.0  # one miss where they are rare is 5 sd: no alarm by itself
DRIFTED_SE_TIMES = 2.0  # until a full audit says more


@dataclass(frozen=True, slots=True)
class Cusum:
    """State of a two-sided CUSUM after a series of standardised residuals."""

    up: float
    down: float
    alarm: int | None
    """Number of the residual that crossed the limit; None while none did."""
    change: int | None
    """First residual after the sum last stood at zero: where the shift began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """How a calibration fares against fresh windows."""

    calibration_id: str
    scope: Scope
    n_windows: int
    cusum: Cusum
    successor_id: str | None
    """Calibration that takes over from the change on, with its error doubled."""
    n_revisions: int = 0
    """Hours that carry the successor since; 0 until it is published."""


def check_drift(
    store: Store, now_us: int | None = None, *, is_published: bool = False
) -> list[DriftResult]:
    """Hold every calibration against the fresh windows drawn with ``--drift``.

    Parameters
    ----------
    is_published : bool
        Write the successors of factors that drifted, and the hours after the change
        as revisions that carry them.
    """
    everything = read_audits(store.root)
    fresh = dict(by_scope(everything, "drift"))
    found = []
    for calibration in _newest_calibrations(read_calibrations(store.root)):
        scope = _scope_of(calibration)
        own = [r for r in latest_labels(fresh.get(scope, [])) if r.y_human is not None]
        if calibration.regime != "all" or not own:
            continue
        base = [r for r in everything if r.audit_id in calibration.audit_ids]
        own.sort(key=lambda r: r.window_start_us)
        cusum = run_cusum(_residuals(own, latest_labels(base), calibration.factor))
        successor, n_revisions = None, 0
        if cusum.alarm is not None and calibration.status == "active":
            change = own[min(cusum.change or 0, len(own) - 1)].window_start_us
            ended, following = _successor(calibration, change, now_us)
            successor = following.calibration_id
            if is_published:
                n_revisions = _publish(store, [ended, following], now_us)
        found.append(
            DriftResult(
                calibration_id=calibration.calibration_id,
                scope=scope,
                n_windows=len(own),
                cusum=cusum,
                successor_id=successor,
                n_revisions=n_revisions,
            )
        )
    return found


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


def _one_sided(drift: float, h: float) -> float:
    b = h + SIEGMUND_SHIFT
    if drift == 0:
        return b * b
    return (math.exp(-2 * drift * b) + 2 * drift * b - 1) / (2 * drift**2)


def _residuals(
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


def _successor(
    calibration: Calibration, change_us: int, now_us: int | None
) -> tuple[Calibration, Calibration]:
    """End a calibration at the change; what follows has twice its error."""
    start = change_us // HOUR_US * HOUR_US
    successor = replace(
        calibration,
        calibration_id=hashlib.sha256(
            f"{calibration.calibration_id}|{start}".encode()
        ).hexdigest()[:12],
        factor_se=calibration.factor_se * DRIFTED_SE_TIMES,
        factor_cv=calibration.factor_cv * DRIFTED_SE_TIMES,
        valid_from_us=start,
        known_at_us=known_at(now_us),
        status="drifted",
    )
    return replace(calibration, valid_to_us=start), successor


def _publish(store: Store, rows: Sequence[Calibration], now_us: int | None) -> int:
    camera = rows[0].camera
    with store.lock(camera):
        write_calibrations(store.root, camera, rows)
        changed = store.recalibrate_hours(camera, (), now_us, is_published=True)
    return changed.n_revisions


def _newest_calibrations(rows: Sequence[Calibration]) -> list[Calibration]:
    newest: dict[tuple[str, ...], Calibration] = {}
    for row in sorted(rows, key=lambda r: (r.known_at_us, r.valid_from_us, r.status)):
        if row.status != "withdrawn":
            key = (row.camera, row.gate, row.direction, row.config_hash, row.regime)
            newest[key] = row
    return list(newest.values())


def _scope_of(calibration: Calibration) -> Scope:
    return Scope(
        camera=calibration.camera,
        gate=calibration.gate,
        direction=calibration.direction,
        config_hash=calibration.config_hash,
        model_id=calibration.model_id,
    )
