"""Hours as they stand against hours as they would be: what a restatement changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from truckcount.domain.hour import HourRow
from truckcount.store.layout import from_us, to_us

N_WORST = 10

Key = tuple[str, str, int]
"""Gate, direction, start of the hour in microseconds UTC."""
Counts = dict[Key, int | None]
"""n_trucks of each hour; None where nobody watched."""
Estimates = dict[Key, float | None]
"""n_trucks_est of each hour; None where too little was watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedHour:
    """One hour that would count otherwise; None is an hour nobody watched."""

    gate: str
    direction: str
    hour_start_utc: datetime
    n_old: float | None
    n_new: float | None

    @property
    def difference(self) -> float:
        """New less old, the unwatched taken as none: for the order alone."""
        return (self.n_new or 0) - (self.n_old or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Old against new of one camera's hours."""

    camera: str
    n_hours: int
    n_changed: int
    sum_old: float
    sum_new: float
    correlation: float | None
    """Pearson's r over hours watched both times; None when one side is constant."""
    worst: tuple[ChangedHour, ...]
    """Hours that change most, the most changed first."""

    def to_json(self) -> dict[str, Any]:
        """Return a plain object; times as ISO-8601."""
        value = asdict(self)
        for row in value["worst"]:
            row["hour_start_utc"] = row["hour_start_utc"].isoformat()
        return value


def compare_hours(
    camera: str,
    old: Mapping[Key, float | None],
    new: Mapping[Key, float | None],
) -> Comparison:
    """Compare trucks counted or estimated, key by key, over all keys of either side."""
    keys = sorted(old.keys() | new.keys(), key=lambda k: (k[2], k[0], k[1]))
    changed = [
        ChangedHour(
            gate=gate,
            direction=direction,
            hour_start_utc=from_us(start),
            n_old=old.get((gate, direction, start)),
            n_new=new.get((gate, direction, start)),
        )
        for gate, direction, start in keys
        if old.get((gate, direction, start)) != new.get((gate, direction, start))
    ]
    both = [
        (a, b)
        for k in keys
        for a, b in [(old.get(k), new.get(k))]
        if a is not None and b is not None
    ]
    worst = sorted(changed, key=lambda c: -abs(c.difference))[:N_WORST]
    return Comparison(
        camera=camera,
        n_hours=len({start for _, _, start in keys}),
        n_changed=len({(c.gate, c.hour_start_utc) for c in changed}),
        sum_old=sum(n for n in old.values() if n is not None),
        sum_new=sum(n for n in new.values() if n is not None),
        correlation=_correlation(both),
        worst=tuple(worst),
    )


def stored_counts(rows: Iterable[Mapping[str, Any]]) -> Counts:
    """Return n_trucks of rows of ``hours``."""
    return {
        (r["gate"], r["direction"], to_us(r["hour_start_utc"])): r["n_trucks"]
        for r in rows
    }


def counted_hours(rows: Iterable[HourRow]) -> Counts:
    """Return n_trucks of rows that were just counted."""
    return {(r.gate, r.direction, r.bin_start_us): r.n_trucks for r in rows}


def estimates_of(rows: Iterable[Mapping[str, Any]]) -> Estimates:
    """Return n_trucks_est of rows of ``hours``."""
    return {
        (r["gate"], r["direction"], to_us(r["hour_start_utc"])): r["n_trucks_est"]
        for r in rows
    }


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    if len(pairs) < 2:
        return None
    old, new = np.array(pairs, np.float64).T
    if not old.std() or not new.std():
        return None
    return round(float(np.corrcoef(old, new)[0, 1]), 6)
