"""Audits as frames: drawn windows, what their labels say, whether it still holds.

`truckcount audit` and `truckcount calibrate` do the same on a store. These are for
whoever has windows and counts of their own; nothing is written.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from truckcount.domain.audit import AuditWindow, latest_labels
from truckcount.errors import CalibrationError
from truckcount.features.audit_draw import draw_windows
from truckcount.features.audit_frame import (
    Frame,
    FrameWindow,
    build_frames,
    latest_month,
    month_span,
)
from truckcount.features.audit_scope import (
    Scope,
    by_scope,
    check_agreement,
    newest_audits,
    to_strata,
)
from truckcount.features.cusum import run_cusum, standardise
from truckcount.features.estimators import estimate_total, fit_factor
from truckcount.features.moments import Moment, as_us, moment_us
from truckcount.store import Store
from truckcount.store.audits_table import from_table, to_table
from truckcount.store.layout import from_us
from truckcount.store.schema import schema_of

PER_STRATUM = (60, 90, 60)  # features.md 5.3
SCOPE = ("camera", "gate", "direction", "config_hash", "model_id")
FRAME_COLUMNS = (*SCOPE, "window_start_utc", "window_end_utc", "x_machine", "regime")


def frame(
    store: str | Path,
    camera: str,
    month: str | None = None,
    *,
    window_s: int | None = 600,
) -> pd.DataFrame:
    """Build the sampling frame of a camera: all windows that were fully watched.

    Parameters
    ----------
    month : str, optional
        ``2026-03``, UTC; by default the newest that was watched.
    window_s : int or None, seconds
        A divisor of 3600; None takes each counted file as one window.

    Returns
    -------
    DataFrame
        camera, gate, direction, config_hash, model_id, window_start_utc,
        window_end_utc, x_machine (trucks the machine counted) and regime (day or
        night at the site).
    """
    opened = Store.open(store, is_new_allowed=False)
    span = month_span(month or latest_month(opened.root, camera))
    rows = [
        {name: getattr(one, name) for name in SCOPE}
        | {
            "window_start_utc": from_us(w.start_us),
            "window_end_utc": from_us(w.end_us),
            "x_machine": w.x,
            "regime": w.regime,
        }
        for one in build_frames(opened, camera, span, window_s)
        for w in one.windows
    ]
    return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))


def draw(
    frame: pd.DataFrame,
    seed: int,
    *,
    per_stratum: Sequence[int] = PER_STRATUM,
    purpose: str = "calibrate",
    now: Moment | None = None,
) -> pd.DataFrame:
    """Draw windows of a frame without replacement, stratified (features.md 5.1).

    Parameters
    ----------
    frame : DataFrame
        Of `frame`. Each camera, gate, direction and configuration is drawn apart.
    per_stratum : three int
        Windows where the machine counted 0, 1-3 and 4 or more.
    purpose : {"calibrate", "drift"}
    now : moment, optional
        When it was drawn; by default now. It changes no window that is drawn.

    Returns
    -------
    DataFrame
        The columns of the table ``audits``; ``y_human`` is null until a person has
        counted. ``pi`` is the probability with which each window was drawn.

    Raises
    ------
    CalibrationError
        When a stratum that has windows would be skipped, or a column is missing.
    """
    _check_columns(frame, FRAME_COLUMNS)
    now_us = time.time_ns() // 1000 if now is None else moment_us(now, "now")
    drawn = [
        window
        for one in _frames(frame)
        for window in draw_windows(
            one, per_stratum, seed=seed, now_us=now_us, purpose=purpose
        )
    ]
    return _to_frame(drawn)


def estimate(
    audit: pd.DataFrame, method: str = "ratio", *, is_partial: bool = False
) -> pd.DataFrame:
    """Estimate the trucks of the audited frames from their labels (features.md 5.2).

    Parameters
    ----------
    audit : DataFrame
        Of `draw` or the table ``audits``, with people's counts in ``y_human``.
    method : {"ratio", "difference", "ppi", "ht"}
    is_partial : bool
        Take the labelled windows of an unfinished audit as a random part of it.

    Returns
    -------
    DataFrame
        A row for each scope and regime (``all``, and ``day`` and ``night`` where
        they were drawn apart): n_windows, x_total, total, se, low and high (95 %),
        lam; factor, factor_se, factor_cv and tau2 of the ratio, whatever the
        method, and refusal: why hours must not carry it, null where they may.

    Raises
    ------
    CalibrationError
        When windows are unlabelled, a stratum is missing, or two people differ by
        more than 5 % of the trucks.
    """
    rows = []
    for scope, own in by_scope(_windows(audit), "calibrate"):
        chosen = newest_audits(own)
        check_agreement(chosen, _spell(scope))
        parts = {r.stratum.partition(":")[0] for r in chosen if ":" in r.stratum}
        strata = to_strata(chosen, is_partial=is_partial)
        for regime in ("all", *sorted(parts)):
            mine = [s for s in strata if regime in {"all", s.name.partition(":")[0]}]
            x_total = sum(s.x_total for s in mine)
            row = asdict(scope) | {"regime": regime}
            row |= {"n_windows": sum(len(s.x) for s in mine), "x_total": x_total}
            row |= asdict(estimate_total(mine, method))
            rows.append(row | _factor_of(mine, x_total))
    if not rows:
        msg = (
            "no window was drawn to calibrate from; draw some with calib.draw or "
            "`truckcount audit plan`"
        )
        raise CalibrationError(msg)
    return pd.DataFrame(rows)


def drift(audit: pd.DataFrame) -> pd.DataFrame:
    """Hold the factor of each scope against its fresh windows (features.md 5.6).

    Parameters
    ----------
    audit : DataFrame
        Labelled windows of both purposes: ``calibrate`` gives the factor and the
        spread of its residuals, ``drift`` the series that is tested.

    Returns
    -------
    DataFrame
        A row for each scope with fresh labels: factor, n_windows, up and down (the
        CUSUM's two sums), is_drifted, alarm_utc (the window that crossed the
        limit) and change_utc (where the shift began); null without an alarm.
    """
    windows = _windows(audit)
    base = dict(by_scope(windows, "calibrate"))
    rows = []
    for scope, own in by_scope(windows, "drift"):
        fresh = [r for r in latest_labels(own) if r.y_human is not None]
        if not fresh:
            continue
        if scope not in base:
            msg = (
                f"{_spell(scope)}: fresh windows and no audit to hold them against; "
                "give the windows of purpose `calibrate`, too"
            )
            raise CalibrationError(msg)
        fresh.sort(key=lambda r: r.window_start_us)
        chosen = newest_audits(base[scope])
        check_agreement(chosen, _spell(scope))
        factor = fit_factor(to_strata(chosen)).factor
        cusum = run_cusum(standardise(fresh, latest_labels(chosen), factor))
        starts = [from_us(r.window_start_us) for r in fresh]
        is_drifted = cusum.alarm is not None
        change = min(cusum.change or 0, len(fresh) - 1)
        rows.append(
            asdict(scope)
            | {
                "factor": factor,
                "n_windows": len(fresh),
                "up": cusum.up,
                "down": cusum.down,
                "is_drifted": is_drifted,
                "alarm_utc": starts[cusum.alarm] if cusum.alarm is not None else None,
                "change_utc": starts[change] if is_drifted else None,
            }
        )
    more = ("factor", "n_windows", "up", "down", "is_drifted", "alarm_utc")
    found = pd.DataFrame(rows, columns=[*SCOPE, *more, "change_utc"])
    for name in ("alarm_utc", "change_utc"):
        found[name] = pd.to_datetime(found[name], utc=True)
    return found


def _frames(frame: pd.DataFrame) -> Iterator[Frame]:
    """Yield the frame of each scope, its windows in time order."""
    keys = [*SCOPE]
    for key, rows in frame.groupby(keys, sort=True):
        starts, ends = as_us(rows["window_start_utc"]), as_us(rows["window_end_utc"])
        windows = sorted(
            (
                FrameWindow(int(a), int(b), int(x), str(regime))
                for a, b, x, regime in zip(
                    starts, ends, rows["x_machine"], rows["regime"], strict=True
                )
            ),
            key=lambda w: w.start_us,
        )
        names = dict(zip(keys, map(str, key), strict=True))
        yield Frame(**names, windows=tuple(windows))


def _factor_of(strata: Sequence[Any], x_total: float) -> dict[str, Any]:
    if x_total <= 0:
        nothing = dict.fromkeys(("factor", "factor_se", "factor_cv", "tau2"))
        return nothing | {"refusal": "the machine counted no truck"}
    fitted = fit_factor(strata)
    return {
        "factor": fitted.factor,
        "factor_se": fitted.se,
        "factor_cv": fitted.cv,
        "tau2": fitted.tau2,
        "refusal": fitted.refusal,
    }


def _windows(audit: pd.DataFrame) -> list[AuditWindow]:
    schema = schema_of("audits")
    _check_columns(audit, [f.name for f in schema if not f.nullable])
    whole = audit.reindex(columns=schema.names)
    try:
        table = pa.Table.from_pandas(whole, schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        msg = f"the audit holds what its columns cannot: {error}"
        raise CalibrationError(msg) from error
    return from_table(table)


def _to_frame(windows: Sequence[AuditWindow]) -> pd.DataFrame:
    result: pd.DataFrame = to_table(windows).to_pandas()
    return result


def _check_columns(frame: pd.DataFrame, wanted: Sequence[str]) -> None:
    lacking = [name for name in wanted if name not in frame.columns]
    if lacking:
        msg = f"the frame lacks {', '.join(lacking)}; take it from calib.frame or draw"
        raise CalibrationError(msg)


def _spell(scope: Scope) -> str:
    return f"{scope.camera}/{scope.gate}/{scope.direction}"
