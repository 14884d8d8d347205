"""Facts of a store to what a person should look at, the worst first."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from truckcount.domain.audit import latest_labels
from truckcount.domain.calibration import Calibration
from truckcount.reporting.facts import GateFacts, StoreFacts
from truckcount.store.seals import LATE, LEFT_OUT

ACT, LOOK, NOTE = 0, 1, 2
SILENT_AFTER = timedelta(hours=6)
GAP_HOURS, FRESH_HOURS = 2, 48
LOW_WATCHED = 0.90
UNUSABLE_SHARE = 0.02
ODD_FACTOR = 4.0  # of the usual count of that hour
MIN_USUAL = 8.0
UNKNOWN_SHARE = 0.20
FAILED = ("corrupt", "failed", "conflict", "ambiguous_time", "empty")
GOOD = ("done", "duplicate", "growing", *LEFT_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at."""

    severity: int
    """0 act, 1 look, 2 note."""
    weight: float
    """Orders findings of one severity."""
    camera: str | None
    title: str
    detail: str


def find_attention(facts: StoreFacts) -> list[Finding]:
    """Return what needs attention, the worst first."""
    found: list[Finding] = []
    for camera in facts.cameras:
        found += _silence(facts, camera)
        found += _files(facts, camera)
        for gate in facts.gates_of(camera)[:1]:  # a camera's gates share its exposure
            found += _exposure(facts, gate)
        for gate in facts.gates_of(camera):
            found += _odd_hours(facts, gate)
            found += _directions(gate)
    found += _calibrations(facts)
    found += _late_changes(facts)
    return sorted(found, key=lambda f: (f.severity, -f.weight, f.camera or ""))


def _silence(facts: StoreFacts, camera: str) -> Iterator[Finding]:
    newest = max(facts.last_watched.values())
    last = facts.last_watched.get(camera)
    if last is None:
        yield Finding(
            severity=ACT, weight=1e6, camera=camera, title="was never watched",
            detail="Files were offered, but no hour of this camera was seen.",
        )  # fmt: skip
    elif newest - last > SILENT_AFTER:
        hours = (newest - last) / timedelta(hours=1)
        yield Finding(
            severity=ACT,
            weight=1000 + hours,
            camera=camera,
            title=f"silent for {_span(hours)}",
            detail=f"Last watched until {last:%d %b %H:%M} UTC; other cameras go on "
            f"to {newest:%d %b %H:%M}.",
        )


def _files(facts: StoreFacts, camera: str) -> Iterator[Finding]:
    records = facts.files.get(camera, ())
    failed = [r for r in records if r.status in FAILED]
    if failed:
        kinds = Counter(r.status for r in failed)
        newest = max(failed, key=lambda r: r.known_at_us)
        what = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in kinds.items())
        reason = newest.error or "no reason was kept"
        yield Finding(
            severity=ACT if len(failed) > 0.02 * len(records) else LOOK,
            weight=100.0 * len(failed),
            camera=camera,
            title=f"{len(failed)} of {len(records)} files could not be counted",
            detail=f"{what}. Newest: {newest.name}: {reason}",
        )
    late = [r for r in records if r.status == LATE]
    if late:
        yield Finding(
            severity=LOOK,
            weight=len(late),
            camera=camera,
            title=f"{len(late)} files came after their hours closed",
            detail=f"Not counted, as {late[-1].name}: `truckcount backfill` revises "
            "the hours.",
        )
    guessed = [r for r in records if r.time_quality == "guess" and r.status == "done"]
    if guessed:
        yield Finding(
            severity=LOOK,
            weight=len(guessed),
            camera=camera,
            title=f"{len(guessed)} files have a guessed start time",
            detail="Their hours may be wrong. Give --start, a sidecar or a name with "
            "the time in it.",
        )


def _exposure(facts: StoreFacts, gate: GateFacts) -> Iterator[Finding]:
    # hours in time order; clips on a cycle are a plan that was kept, no gap
    order = (gate.watched if gate.told is None else gate.told).T.reshape(-1)
    is_gap = _join(order == 0, np.isnan(order))
    runs = [
        (len(list(group)), is_null)
        for is_null, group in itertools.groupby(is_gap.tolist())
    ]
    starts = np.cumsum([0, *[n for n, _ in runs]])
    gaps = [
        (n_hours, int(start))
        for (n, is_null), start in zip(runs, starts, strict=False)
        if is_null
        and (n_hours := int((order[start : start + n] == 0).sum())) >= GAP_HOURS
    ]
    watched = float(np.nanmean(order)) if not np.isnan(order).all() else 0.0
    if gaps:
        longest, start = max(gaps)
        day, hour = facts.days[start // 24], start % 24
        total = sum(n for n, _ in gaps)
        is_fresh = max(s + n for n, s in gaps) >= len(order) - FRESH_HOURS
        yield Finding(
            severity=ACT if is_fresh or watched < LOW_WATCHED else LOOK,
            weight=total,
            camera=gate.camera,
            title=f"{_span(total)} not watched, in {len(gaps)} gap"
            + ("s" if len(gaps) > 1 else ""),
            detail=f"Longest {_span(longest)}, from {day:%d %b} {hour:02d}:00 local. "
            f"{spell_share(watched)} of the time was watched.",
        )
    elif watched < LOW_WATCHED:
        yield Finding(
            severity=LOOK,
            weight=100 * (1 - watched),
            camera=gate.camera,
            title=f"only {spell_share(watched)} watched",
            detail="No long gap: every hour lacks some of its minutes.",
        )
    if gate.source_kind == "stills" and np.isnan(gate.trucks).all():
        yield Finding(
            severity=LOOK, weight=100.0, camera=gate.camera,
            title=f"no estimate from the stills of {gate.gate}",
            detail="They need how long a truck is in view: give dwell_mean_s and "
            "dwell_cv of the gate in cameras.toml.",
        )  # fmt: skip
    bad = float(np.nanmean(gate.unusable))
    if bad > UNUSABLE_SHARE:
        yield Finding(
            severity=LOOK,
            weight=1000 * bad,
            camera=gate.camera,
            title=f"{bad:.1%} of the picture is unusable",
            detail="Frozen, dark, covered or moved: look at the camera.",
        )


def _join(
    is_gap: npt.NDArray[np.bool_], is_absent: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Take the hour that spring leaves out as part of the gap that it lies in."""
    joined = is_gap.copy()
    for at in np.flatnonzero(is_absent[1:-1]) + 1:
        joined[at] = is_gap[at - 1] and is_gap[at + 1]
    return joined


def _odd_hours(facts: StoreFacts, gate: GateFacts) -> Iterator[Finding]:
    """Find hours far from what is usual for that hour on weekdays or at the weekend."""
    if gate.source_kind == "stills":
        return  # an hour of them strays by itself as far as this
    is_weekend = np.array([d.weekday() >= 5 for d in facts.days])
    full = np.where(gate.watched >= LOW_WATCHED, gate.trucks, np.nan)
    usual = np.full(full.shape, np.nan)
    for mask in (is_weekend, ~is_weekend):
        part = full[:, mask]
        known = (~np.isnan(part)).sum(axis=1) >= 3
        middle = np.full(24, np.nan)
        if known.any():
            middle[known] = np.nanmedian(part[known], axis=1)
        usual[:, mask] = middle[:, None]
    with np.errstate(invalid="ignore"):
        low = (full < usual / ODD_FACTOR) & (usual >= MIN_USUAL)
        high = full > np.maximum(usual * ODD_FACTOR, usual + 3 * MIN_USUAL)
    for mask, word in ((low, "fewer"), (high, "more")):
        n = int(mask.sum())
        if n == 0:
            continue
        gap = np.where(mask, np.abs(full - usual), -1)
        hour, day = np.unravel_index(int(gap.argmax()), gap.shape)
        yield Finding(
            severity=LOOK,
            weight=float(n),
            camera=gate.camera,
            title=f"{n} doubtful hour{'s' if n > 1 else ''} at {gate.gate}: far {word} "
            "than usual",
            detail=f"{facts.days[int(day)]:%a %d %b} {hour:02d}:00 has "
            f"{full[hour, day]:.0f} where {usual[hour, day]:.0f} are usual, fully "
            "watched. A holiday, or something in the picture?",
        )


def _directions(gate: GateFacts) -> Iterator[Finding]:
    total = sum(n or 0 for n in gate.by_direction.values())
    unknown = gate.by_direction.get("unknown") or 0
    if total >= 50 and unknown / total > UNKNOWN_SHARE:
        yield Finding(
            severity=LOOK,
            weight=100 * unknown / total,
            camera=gate.camera,
            title=f"{unknown / total:.0%} of trucks at {gate.gate} have no direction",
            detail="Trucks out lie between `out` and `out` + `unknown`; check the "
            "gate's `in` vector.",
        )


def _calibrations(facts: StoreFacts) -> Iterator[Finding]:
    newest: dict[tuple[str, ...], Calibration] = {}
    for c in facts.calibrations:
        newest[c.camera, c.gate, c.direction, c.config_hash] = c
    for c in newest.values():  # one that a full audit followed is no worry any more
        if c.status == "drifted":
            yield Finding(
                severity=ACT,
                weight=500,
                camera=c.camera,
                title=f"the calibration of {c.gate}, {c.direction} has drifted",
                detail="Fresh labels no longer fit it; its error was doubled. Draw a "
                "full audit.",
            )
    for gate in facts.gates:
        factors = {
            c.direction
            for c in facts.calibrations
            if (c.camera, c.gate, c.config_hash)
            == (gate.camera, gate.gate, gate.config_hash)
            and c.status != "withdrawn"
        }
        if factors and (gate.band is None or not gate.band.is_calibrated):
            yield Finding(
                severity=LOOK,
                weight=50,
                camera=gate.camera,
                title=f"the factor of {gate.gate}, {', '.join(sorted(factors))} is in "
                "none of its hours",
                detail="They are as the machine saw them. Look at what it changes with "
                "`truckcount calibrate`, then --publish.",
            )
    latest = latest_labels(facts.audits)
    for audit_id in sorted({w.audit_id for w in latest}):
        own = [w for w in latest if w.audit_id == audit_id]
        left = sum(w.y_human is None for w in own)
        if left:
            yield Finding(
                severity=NOTE,
                weight=left,
                camera=own[0].camera,
                title=f"{left} of {len(own)} audit clips of {own[0].gate}, "
                f"{own[0].direction} are not labelled",
                detail="Go on with `truckcount audit review`.",
            )


def _late_changes(facts: StoreFacts) -> Iterator[Finding]:
    late = [c for c in facts.changes if c.is_after_final]
    if late:
        moved = sum(abs((c.latest or 0) - (c.first or 0)) for c in late)
        yield Finding(
            severity=LOOK,
            weight=float(len(late)),
            camera=None,
            title=f"{len(late)} final hours were changed, by {moved} trucks",
            detail="Who used them before sees other figures now; `--as-of` gives what "
            "was known.",
        )


def spell_share(share: float) -> str:
    """Spell a share: what is not nothing is no 0 %, what is not all no 100 %."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def _span(hours: float) -> str:
    """Spell a length of time: ``7 h``, ``3 days``."""
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
