"""Labelled windows to totals and to the factors that hours carry."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from truckcount.audit.answers import (
    MAX_DISAGREEMENT,
    disagreement,
    known_at,
)
from truckcount.audit.estimators import (
    Factor,
    Total,
    estimate_total,
    fit_factor,
)
from truckcount.audit.scope import Scope, by_scope, newest_audits, to_strata
from truckcount.domain.audit import AuditWindow, latest_labels
from truckcount.domain.calibration import Calibration
from truckcount.errors import CalibrationError
from truckcount.store import Store
from truckcount.store.audits_table import read_audits
from truckcount.store.calibrations_table import read_calibrations, write_calibrations
from truckcount.store.layout import to_us
from truckcount.store.read import read_hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the audits of one scope say, for all of it or day or night."""

    scope: Scope
    regime: str
    audit_ids: tuple[str, ...]
    n_windows: int
    n_unlabelled: int
    x_total: float
    total: Total
    strata: tuple[tuple[str, int, int, Total], ...]
    """Name, windows in the frame, windows labelled, difference estimate of each."""
    factor: Factor | None
    refusal: str | None
    """Why no factor is carried into hours."""
    calibration_id: str | None
    n_double: int
    disagreement: float


def calibrate(
    store: Store,
    *,
    method: str = "ratio",
    is_partial: bool = False,
    audits: Sequence[str] = (),
    now_us: int | None = None,
) -> list[Result]:
    """Estimate every audited scope; ``ratio`` also writes its calibrations.

    Parameters
    ----------
    is_partial : bool
        Take the labelled windows of an unfinished audit as a random part of those
        drawn. They are shown in random order, so this holds unless clips were
        skipped for what they show.
    audits : sequence of str
        Only these; otherwise all audits of the configuration whose periods do not
        overlap, the newest first.
    """
    results: list[Result] = []
    for scope, rows in by_scope(read_audits(store.root), "calibrate"):
        chosen = (
            [r for r in rows if r.audit_id in audits] if audits else newest_audits(rows)
        )
        if not chosen:
            continue
        regimes = {r.stratum.partition(":")[0] for r in chosen if ":" in r.stratum}
        found = [
            _estimate(scope, regime, chosen, method, is_partial=is_partial)
            for regime in ("all", *sorted(regimes))
        ]
        if method == "ratio":
            with store.lock(scope.camera):
                found = [_publish(store, r, now_us) for r in found]
        results += found
    if not results:
        msg = (
            f"{store.root} has no audit to calibrate from; draw one with `truckcount "
            "audit plan`"
        )
        raise CalibrationError(msg)
    return results


def _estimate(
    scope: Scope,
    regime: str,
    rows: Sequence[AuditWindow],
    method: str,
    *,
    is_partial: bool,
) -> Result:
    n_double, apart = disagreement(rows)
    if apart > MAX_DISAGREEMENT:
        msg = (
            f"{scope.camera}/{scope.gate}/{scope.direction}: two people differ by "
            f"{apart:.1%} of the trucks in {n_double} clips, above "
            f"{MAX_DISAGREEMENT:.0%}; settle them with `truckcount audit review "
            "--round 3` before anything is estimated"
        )
        raise CalibrationError(msg)
    strata = [
        s
        for s in to_strata(rows, is_partial=is_partial)
        if regime in {"all", s.name.partition(":")[0]}
    ]
    total = estimate_total(strata, method)
    x_total = sum(s.x_total for s in strata)
    factor = fit_factor(strata) if x_total > 0 else None
    refusal = "the machine counted no truck" if factor is None else factor.refusal
    latest = latest_labels(rows)
    return Result(
        scope=scope,
        regime=regime,
        audit_ids=tuple(sorted({r.audit_id for r in rows})),
        n_windows=sum(len(s.x) for s in strata),
        n_unlabelled=sum(r.y_human is None for r in latest),
        x_total=x_total,
        total=total,
        strata=tuple(
            (s.name, s.n_population, len(s.x), estimate_total([s], "difference"))
            for s in strata
        ),
        factor=factor,
        refusal=refusal,
        calibration_id=None,
        n_double=n_double,
        disagreement=apart,
    )


def _publish(store: Store, result: Result, now_us: int | None) -> Result:
    """Write the factor, unless it is refused or known already."""
    factor, scope = result.factor, result.scope
    if factor is None or result.refusal is not None:
        return result
    text = f"{scope}|{result.regime}|{result.audit_ids}|{factor}"
    calibration_id = hashlib.sha256(text.encode()).hexdigest()[:12]
    known = {c.calibration_id for c in read_calibrations(store.root, scope.camera)}
    if calibration_id not in known:
        calibration = Calibration(
            calibration_id=calibration_id,
            camera=scope.camera,
            gate=scope.gate,
            direction=scope.direction,
            regime=result.regime,
            method="ratio",
            factor=factor.factor,
            factor_se=factor.se,
            factor_cv=factor.cv,
            tau2=factor.tau2,
            phi=1.0,
            n_windows=factor.n_windows,
            audit_ids=result.audit_ids,
            model_id=scope.model_id,
            config_hash=scope.config_hash,
            valid_from_us=_first_hour(store, scope),
            valid_to_us=None,
            known_at_us=known_at(now_us),
            status="active",
        )
        write_calibrations(store.root, scope.camera, [calibration])
    return replace(result, calibration_id=calibration_id)


def _first_hour(store: Store, scope: Scope) -> int:
    rows = read_hours(store.root, camera=scope.camera).to_pylist()
    return min(
        to_us(r["hour_start_utc"])
        for r in rows
        if r["gate"] == scope.gate and r["config_hash"] == scope.config_hash
    )
