"""Labelled windows to totals and to the factors that hours carry."""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from truckcount.audit.answers import known_at
from truckcount.audit.exposure import measure_phi, trailing_configs
from truckcount.domain.audit import AuditWindow, latest_labels
from truckcount.domain.calibration import Calibration, latest_revisions
from truckcount.errors import CalibrationError
from truckcount.features.audit_scope import (
    Scope,
    by_scope,
    check_agreement,
    newest_audits,
    to_strata,
)
from truckcount.features.estimators import (
    Factor,
    Total,
    estimate_total,
    fit_factor,
)
from truckcount.pipeline.restating.comparison import (
    Comparison,
    compare_hours,
    estimates_of,
)
from truckcount.store import Store
from truckcount.store.audits_table import read_audits
from truckcount.store.calibrations_table import read_calibrations, write_calibrations
from truckcount.store.layout import to_us
from truckcount.store.read import read_hours
from truckcount.store.recalibration import Recalibration

PHI_STEP = 0.05  # arbitrary: 2.5 % of an error is no reason to restate hours


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
    """Of the factor, whether it is published or not; None where it is refused."""
    n_double: int
    disagreement: float
    phi: float | None = None
    """How much more than Poisson unwatched time strays; None where no factor is
    carried."""
    phi_before: float | None = None
    """What the published calibration said of it; None where there was none."""
    hours: Comparison | None = None
    """Estimates of the scope's published hours, old against new; None where no
    factor is carried."""
    n_revisions: int = 0
    """Of the scope's camera; 0 until it is published."""

    def to_json(self) -> dict[str, Any]:
        """Return a plain object; times as ISO-8601."""
        hours = None if self.hours is None else self.hours.to_json()
        return asdict(self) | {"hours": hours}


def calibrate(
    store: Store,
    *,
    method: str = "ratio",
    is_partial: bool = False,
    audits: Sequence[str] = (),
    is_published: bool = False,
    now_us: int | None = None,
) -> list[Result]:
    """Estimate every audited scope, and for ``ratio`` what its hours would become.

    Parameters
    ----------
    is_published : bool
        With ``ratio``: write the calibrations, and the hours that they change as
        revisions. Without it nothing is written, and no run carries a factor that
        the hours before it do not carry. A calibration that stands gets the ``phi``
        of the 90 days before now, as a revision known from now on.
    is_partial : bool
        Take the labelled windows of an unfinished audit as a random part of those
        drawn. They are shown in random order, so this holds unless clips were
        skipped for what they show.
    audits : sequence of str
        Only these; otherwise all audits of the configuration whose periods do not
        overlap, the newest first.
    """
    windows = read_audits(store.root)
    _check_audits(store, windows, audits)
    results: list[Result] = []
    for scope, rows in by_scope(windows, "calibrate"):
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
        results += found
    if not results:
        msg = (
            f"{store.root} has no audit to calibrate from; draw one with `truckcount "
            "audit plan`"
        )
        raise CalibrationError(msg)
    if method != "ratio":
        return results
    cameras = dict.fromkeys(r.scope.camera for r in results)
    return [
        done
        for camera in cameras
        for done in _carry(
            store,
            camera,
            [r for r in results if r.scope.camera == camera],
            now_us,
            is_published=is_published,
        )
    ]


def _check_audits(
    store: Store, windows: Sequence[AuditWindow], wanted: Sequence[str]
) -> None:
    """Refuse an audit that is not there: the others alone would look complete."""
    there = sorted({w.audit_id for w in windows if w.purpose == "calibrate"})
    odd = sorted(set(wanted).difference(there))
    if odd and there:
        msg = (
            f"{store.root} has no audit {odd[0]!r} to calibrate from; it has "
            f"{', '.join(there)}"
        )
        raise CalibrationError(msg)


def _estimate(
    scope: Scope,
    regime: str,
    rows: Sequence[AuditWindow],
    method: str,
    *,
    is_partial: bool,
) -> Result:
    where = f"{scope.camera}/{scope.gate}/{scope.direction}"
    n_double, apart = check_agreement(rows, where)
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


def _carry(
    store: Store,
    camera: str,
    results: Sequence[Result],
    now_us: int | None,
    *,
    is_published: bool,
) -> list[Result]:
    """Carry the factors of one camera into its hours, or show what that would do."""
    with store.lock(camera) if is_published else contextlib.nullcontext():
        known = latest_revisions(read_calibrations(store.root, camera))
        found = [_to_calibration(store, r, now_us) for r in results]
        fresh = _measure_anew(store, camera, known, found, known_at(now_us))
        stands = latest_revisions([*known.values(), *fresh])
        if is_published and fresh:
            write_calibrations(store.root, camera, fresh)
        changed = store.recalibrate_hours(
            camera, fresh, now_us, is_published=is_published
        )
    return [
        r
        if c is None
        else replace(
            r,
            calibration_id=c.calibration_id,
            phi=stands[c.calibration_id].phi,
            phi_before=known[c.calibration_id].phi
            if c.calibration_id in known
            else None,
            hours=compare_scope(r.scope, changed),
            n_revisions=changed.n_revisions,
        )
        for r, c in zip(results, found, strict=True)
    ]


def _measure_anew(
    store: Store,
    camera: str,
    known: Mapping[str, Calibration],
    found: Sequence[Calibration | None],
    now_us: int,
) -> list[Calibration]:
    """Return new calibrations, and revisions of those whose ``phi`` is another now.

    One that ended, or whose configuration was not watched with of late, keeps what
    it has: today's traffic says nothing of its hours.
    """
    phi = measure_phi(store, camera, now_us)
    fresh = [
        replace(c, phi=c.phi if phi is None else phi)
        for c in found
        if c is not None and c.calibration_id not in known
    ]
    if phi is None:
        return fresh
    configs = trailing_configs(store, camera, now_us)
    return fresh + [
        replace(c, phi=phi, known_at_us=now_us)
        for c in known.values()
        if c.status != "withdrawn"
        and c.valid_to_us is None
        and c.config_hash in configs
        and abs(phi / c.phi - 1) > PHI_STEP
    ]


def compare_scope(scope: Scope, changed: Recalibration) -> Comparison:
    """Compare the estimates of one scope's hours that change."""
    old, new = (
        estimates_of(
            row
            for row in rows
            if (row["gate"], row["direction"]) == (scope.gate, scope.direction)
        )
        for rows in (changed.old, changed.new)
    )
    return compare_hours(scope.camera, old, new)


def _to_calibration(
    store: Store, result: Result, now_us: int | None
) -> Calibration | None:
    """Return the calibration of a result; None where its factor is refused."""
    factor, scope = result.factor, result.scope
    if factor is None or result.refusal is not None:
        return None
    text = f"{scope}|{result.regime}|{result.audit_ids}|{factor}"
    return Calibration(
        calibration_id=hashlib.sha256(text.encode()).hexdigest()[:12],
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


def _first_hour(store: Store, scope: Scope) -> int:
    rows = read_hours(store.root, camera=scope.camera).to_pylist()
    return min(
        to_us(r["hour_start_utc"])
        for r in rows
        if r["gate"] == scope.gate and r["config_hash"] == scope.config_hash
    )
