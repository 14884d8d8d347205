"""Rows of audits to the strata of one scope: what one factor is for."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truckcount.domain.audit import SECOND_ROUND, AuditWindow, latest_labels
from truckcount.errors import CalibrationError
from truckcount.features.estimators import Stratum

MAX_DISAGREEMENT = 0.05  # of trucks, between two people; features.md 5.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one factor is for."""

    camera: str
    gate: str
    direction: str
    config_hash: str
    model_id: str


def by_scope(
    rows: Sequence[AuditWindow], purpose: str
) -> list[tuple[Scope, list[AuditWindow]]]:
    """Group the rows of one purpose by what they are for."""
    groups: dict[Scope, list[AuditWindow]] = {}
    for row in rows:
        if row.purpose == purpose:
            scope = Scope(
                camera=row.camera,
                gate=row.gate,
                direction=row.direction,
                config_hash=row.config_hash,
                model_id=row.model_id,
            )
            groups.setdefault(scope, []).append(row)
    return list(groups.items())


def newest_audits(rows: Sequence[AuditWindow]) -> list[AuditWindow]:
    """Keep audits whose periods do not overlap: a window has one probability."""
    audits: dict[str, list[AuditWindow]] = {}
    for row in rows:
        audits.setdefault(row.audit_id, []).append(row)
    kept: list[tuple[int, int, list[AuditWindow]]] = []
    for own in sorted(audits.values(), key=lambda a: -a[0].drawn_at_us):
        low = min(r.window_start_us for r in own)
        high = max(r.window_end_us for r in own)
        if all(high <= a or b <= low for a, b, _ in kept):
            kept.append((low, high, own))
    return [row for _, _, own in kept for row in own]


def to_strata(
    rows: Sequence[AuditWindow], *, is_partial: bool = False
) -> list[Stratum]:
    """Gather labelled windows by audit and stratum.

    Raises
    ------
    CalibrationError
        When windows are unlabelled and that is not allowed, when a stratum of the
        frame is missing, or when an inclusion probability is not above 0.
    """
    latest = latest_labels(rows)
    left = [r for r in latest if r.y_human is None]
    if left and not is_partial:
        msg = (
            f"audit {left[0].audit_id}: {len(left)} of {len(latest)} windows are not "
            "labelled; label them, or take the labelled ones as a random part with "
            "--partial"
        )
        raise CalibrationError(msg)
    strata = []
    for (audit_id, name), part in itertools.groupby(
        sorted(latest, key=lambda r: (r.audit_id, r.stratum)),
        key=lambda r: (r.audit_id, r.stratum),
    ):
        group = list(part)
        if not all(0 < r.pi <= 1 for r in group):
            msg = f"audit {audit_id}, stratum {name}: pi must lie in (0, 1]"
            raise CalibrationError(msg)
        if len(group) != group[0].n_drawn:
            msg = (
                f"audit {audit_id}, stratum {name}: {len(group)} windows of "
                f"{group[0].n_drawn} drawn; rows were lost"
            )
            raise CalibrationError(msg)
        done = [r for r in group if r.y_human is not None]
        strata.append(
            Stratum(
                name=name,
                n_population=group[0].n_stratum,
                x_total=group[0].x_stratum,
                x=np.array([r.x_machine for r in done], np.float64),
                y=np.array([r.y_human for r in done], np.float64),
            )
        )
    _check_whole(latest)
    return strata


def disagreement(rows: Sequence[AuditWindow]) -> tuple[int, float]:
    """Return twice labelled windows and the share of trucks two people differ by.

    Windows that a third round settled are no longer in dispute.
    """
    rounds: dict[tuple[str, int], dict[int, int]] = {}
    for row in rows:
        if row.y_human is not None:
            rounds.setdefault(row.key, {})[row.label_round] = row.y_human
    twice = [r for r in rounds.values() if {1, SECOND_ROUND} <= r.keys()]
    open_ = [r for r in twice if max(r) == SECOND_ROUND]
    apart = sum(abs(r[1] - r[SECOND_ROUND]) for r in open_)
    trucks = sum(max(r[1], r[SECOND_ROUND]) for r in twice)
    return len(twice), apart / trucks if trucks else float(apart > 0)


def check_agreement(rows: Sequence[AuditWindow], where: str) -> tuple[int, float]:
    """Return `disagreement`, unless it is too large for any estimate.

    Raises
    ------
    CalibrationError
        When two people differ by more than 5 % of the trucks.
    """
    n_double, apart = disagreement(rows)
    if apart > MAX_DISAGREEMENT:
        msg = (
            f"{where}: two people differ by "
            f"{apart:.1%} of the trucks in {n_double} clips, above "
            f"{MAX_DISAGREEMENT:.0%}; settle them with `truckcount audit review "
            "--round 3` before anything is estimated"
        )
        raise CalibrationError(msg)
    return n_double, apart


def _check_whole(rows: Sequence[AuditWindow]) -> None:
    """Refuse an audit that lacks a stratum of its frame: its pi would be 0."""
    for audit_id in sorted({r.audit_id for r in rows}):
        own = [r for r in rows if r.audit_id == audit_id]
        sizes = {r.stratum: r.n_stratum for r in own}
        lacking = own[0].n_frame - sum(sizes.values())
        if lacking:
            msg = (
                f"audit {audit_id}: {lacking} of {own[0].n_frame} windows belong to a "
                f"stratum that was not drawn (there are {', '.join(sorted(sizes))}); "
                "without stratum 0 no miss can be seen: draw the audit again"
            )
            raise CalibrationError(msg)
