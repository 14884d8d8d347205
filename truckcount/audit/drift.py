"""Fresh labels, one after another, to an alarm when a factor no longer holds."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from truckcount.audit.answers import known_at
from truckcount.domain.audit import latest_labels
from truckcount.domain.calibration import Calibration, latest_revisions
from truckcount.features.audit_scope import Scope, by_scope
from truckcount.features.cusum import Cusum, run_cusum, standardise
from truckcount.store import Store
from truckcount.store.audits_table import read_audits
from truckcount.store.calibrations_table import read_calibrations, write_calibrations
from truckcount.store.recalibration import Recalibration

HOUR_US = 3_600_000_000
DRIFTED_SE_TIMES = 2.0  # until a full audit says more


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernedHours:
    """Published hours since a change: their estimate stays, its error does not."""

    n_hours: int
    first_utc: datetime
    last_utc: datetime
    """Starts of the first and the last of them."""
    n_trucks_est: float
    """Their sum."""
    se_old: float
    """Standard error of it, with what the hours share added linearly."""
    se_new: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """How a calibration fares against fresh windows."""

    calibration_id: str
    scope: Scope
    n_windows: int
    cusum: Cusum
    successor_id: str | None
    """Calibration that takes over from the change on, with its error doubled; where
    day and night have factors of their own, these have successors, too."""
    hours: ConcernedHours | None = None
    """Hours that carry the successor, or would; None where none does."""
    n_revisions: int = 0
    """0 until it is published."""

    def to_json(self) -> dict[str, Any]:
        """Return a plain object; times as ISO-8601."""
        value = asdict(self)
        if self.hours is not None:
            for name in ("first_utc", "last_utc"):
                value["hours"][name] = value["hours"][name].isoformat()
        return value


def check_drift(
    store: Store, now_us: int | None = None, *, is_published: bool = False
) -> list[DriftResult]:
    """Hold every calibration against the fresh windows drawn with ``--drift``.

    Parameters
    ----------
    is_published : bool
        Write the successors of factors that drifted, and the hours after the change
        as revisions that carry them. Without it nothing is written, and ``hours``
        tells which these would be.
    """
    everything = read_audits(store.root)
    fresh = dict(by_scope(everything, "drift"))
    found = []
    calibrations = latest_revisions(read_calibrations(store.root)).values()
    newest = _newest_calibrations([*calibrations])
    for calibration in newest:
        scope = _scope_of(calibration)
        own = [r for r in latest_labels(fresh.get(scope, [])) if r.y_human is not None]
        if calibration.regime != "all" or not own:
            continue
        base = [r for r in everything if r.audit_id in calibration.audit_ids]
        own.sort(key=lambda r: r.window_start_us)
        cusum = run_cusum(standardise(own, latest_labels(base), calibration.factor))
        successor, hours, n_revisions = None, None, 0
        # hours carry the factors of day and night, where the audit told these apart
        active = sorted(
            (c for c in newest if _is_of(c, scope) and c.status == "active"),
            key=lambda c: c.regime,  # all, day, night
        )
        if cusum.alarm is not None and active:
            change = own[min(cusum.change or 0, len(own) - 1)].window_start_us
            pairs = [_successor(c, change, now_us) for c in active]
            successor = pairs[0][1].calibration_id
            rows = [row for pair in pairs for row in pair]
            changed = _carry(store, rows, now_us, is_published=is_published)
            hours, n_revisions = _concerned(scope, changed), changed.n_revisions
        found.append(
            DriftResult(
                calibration_id=calibration.calibration_id,
                scope=scope,
                n_windows=len(own),
                cusum=cusum,
                successor_id=successor,
                hours=hours,
                n_revisions=n_revisions,
            )
        )
    return found


def _is_of(calibration: Calibration, scope: Scope) -> bool:
    return _scope_of(calibration) == scope


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
    ended = replace(calibration, valid_to_us=start, known_at_us=successor.known_at_us)
    return ended, successor


def _carry(
    store: Store, rows: Sequence[Calibration], now_us: int | None, *, is_published: bool
) -> Recalibration:
    """Carry an ended calibration and what follows into hours, or show what would be."""
    camera = rows[0].camera
    with store.lock(camera) if is_published else contextlib.nullcontext():
        if is_published:
            write_calibrations(store.root, camera, rows)
        return store.recalibrate_hours(camera, rows, now_us, is_published=is_published)


def _concerned(scope: Scope, changed: Recalibration) -> ConcernedHours | None:
    """Sum up the hours of a scope that change."""
    pairs = [
        (old, new)
        for old, new in zip(changed.old, changed.new, strict=True)
        if (old["gate"], old["direction"]) == (scope.gate, scope.direction)
    ]
    if not pairs:
        return None
    starts = [old["hour_start_utc"] for old, _ in pairs]
    return ConcernedHours(
        n_hours=len(pairs),
        first_utc=min(starts),
        last_utc=max(starts),
        n_trucks_est=sum(new["n_trucks_est"] or 0.0 for _, new in pairs),
        se_old=_se_of_sum([old for old, _ in pairs]),
        se_new=_se_of_sum([new for _, new in pairs]),
    )


def _se_of_sum(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the error of a sum over hours (features.md 5.5)."""
    variance, shared = 0.0, Counter[str]()
    for row in rows:
        if row["n_trucks_est"] is None:
            continue
        se, indep = row["n_trucks_se"], row["n_trucks_se_indep"]
        variance += indep**2
        shared[row["calibration_id"]] += max(se**2 - indep**2, 0.0) ** 0.5
    return float((variance + sum(v**2 for v in shared.values())) ** 0.5)


def _newest_calibrations(rows: Sequence[Calibration]) -> list[Calibration]:
    """Return the one of each scope that was measured last; rows are in that order."""
    newest: dict[tuple[str, ...], Calibration] = {}
    for row in rows:
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
