"""Hours seen whole, seen again through real gaps, to how far estimates then stray."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.features.audit_frame import HOUR_US, counted_onsets, usable_samples
from truckcount.store import Store
from truckcount.store.layout import day_of, to_us
from truckcount.store.read import read_hours

TRAILING_US = 90 * 24 * HOUR_US
FULL_S = 3599.0
MIN_F = 0.25  # below it an hour has no estimate (features.md 13)
MIN_FULL_HOURS = 24  # arbitrary: less than a day says nothing of phi
MAX_PATTERNS = 40  # of a gate: each costs a day's scores to read
SEAM_US = 1_000_000

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one partly seen hour saw; microseconds from its start, in order."""

    starts: Int64Array
    ends: Int64Array

    @property
    def share(self) -> float:
        """Share of the hour that was seen."""
        return float((self.ends - self.starts).sum()) / HOUR_US

    def holds(self, offsets: Int64Array) -> npt.NDArray[np.bool_]:
        """Tell which moments of an hour were seen."""
        at = np.searchsorted(self.starts, offsets, "right") - 1
        seen: npt.NDArray[np.bool_] = (at >= 0) & (offsets < self.ends[at])
        return seen


def measure_phi(store: Store, camera: str, until_us: int) -> float | None:
    """Measure how much more than Poisson a camera's partly seen hours stray.

    Every whole hour of the 90 days before is looked at through the gaps that the
    camera's other hours had; what n / f makes of the rest is held against the whole
    (features.md 4.2): mean (n/f - N)^2 over mean N (1 - f) / f, at least 1.

    Returns
    -------
    float or None
        None where the camera has fewer than 24 whole hours, or none partly seen.
    """
    span = (until_us - TRAILING_US, until_us)
    rows = _trailing_rows(store, camera, span)
    squared = expected = 0.0
    n_full = 0
    for gate in sorted({str(row["gate"]) for row in rows}):
        mine = [row for row in rows if row["gate"] == gate]
        full = np.unique(
            [to_us(r["hour_start_utc"]) for r in mine if r["coverage_s"] >= FULL_S]
        )
        n_full += len(full)
        patterns = _patterns(store, camera, gate, mine)
        if not len(full) or not patterns:
            continue
        for direction in sorted({str(row["direction"]) for row in mine}):
            onsets = counted_onsets(store.root, camera, gate, direction, span)
            strayed, poisson = _strayed(onsets, full, patterns)
            squared += strayed
            expected += poisson
    if n_full < MIN_FULL_HOURS or expected <= 0:
        return None
    return max(1.0, squared / expected)


def trailing_configs(store: Store, camera: str, until_us: int) -> set[str]:
    """Return the configurations of the hours that phi is measured on."""
    rows = _trailing_rows(store, camera, (until_us - TRAILING_US, until_us))
    return {str(row["config_hash"]) for row in rows if row["coverage_s"] > 0}


def _trailing_rows(
    store: Store, camera: str, span: tuple[int, int]
) -> list[dict[str, Any]]:
    return [
        row
        for row in read_hours(store.root, camera=camera).to_pylist()
        if row["source_kind"] == "video"
        and span[0] <= to_us(row["hour_start_utc"]) < span[1]
    ]


def _strayed(
    onsets: Int64Array, full: Int64Array, patterns: list[Pattern]
) -> tuple[float, float]:
    """Return the summed squared error, and what it would be of a Poisson stream."""
    hour = onsets // HOUR_US * HOUR_US
    place = np.minimum(np.searchsorted(full, hour), len(full) - 1)
    is_mine = full[place] == hour
    place, offsets = place[is_mine], (onsets - hour)[is_mine]
    whole = np.bincount(place, minlength=len(full)).astype(np.float64)
    squared = expected = 0.0
    for pattern in patterns:
        f = pattern.share
        seen = np.bincount(place[pattern.holds(offsets)], minlength=len(full))
        squared += float(((seen / f - whole) ** 2).sum())
        expected += float(whole.sum()) * (1 - f) / f
    return squared, expected


def _patterns(
    store: Store, camera: str, gate: str, rows: list[dict[str, Any]]
) -> list[Pattern]:
    """Read what the gate's partly seen hours saw, some of them if there are many."""
    partly: list[datetime] = sorted(
        {
            r["hour_start_utc"]
            for r in rows
            if MIN_F * 3600 <= r["coverage_s"] < FULL_S and r["gate"] == gate
        }
    )
    if not partly:
        return []
    chosen = np.linspace(0, len(partly) - 1, min(len(partly), MAX_PATTERNS))
    hours = [to_us(partly[k]) for k in np.unique(chosen.astype(int))]
    records = store.segments(camera, window=(hours[0], hours[-1] + HOUR_US))
    won = {r.segment_id: r.winner_intervals for r in records}
    found = []
    for day in dict.fromkeys(day_of(t) for t in hours):
        t_us, dt_s = usable_samples(store.root, camera, gate, day, won)
        order = np.argsort(t_us, kind="stable")
        t_us, end_us = t_us[order], (t_us + np.round(dt_s * 1e6).astype(int))[order]
        for start in (t for t in hours if day_of(t) == day):
            low, high = np.searchsorted(t_us, [start, start + HOUR_US])
            pattern = _join(t_us[low:high] - start, end_us[low:high] - start)
            if MIN_F <= pattern.share < 1:
                found.append(pattern)
    return found


def _join(starts: Int64Array, ends: Int64Array) -> Pattern:
    """Join samples that follow one another to stretches within the hour."""
    if not len(starts):
        return Pattern(starts, ends)
    is_first = np.append(np.True_, starts[1:] - ends[:-1] > SEAM_US)
    is_last = np.append(is_first[1:], np.True_)
    return Pattern(starts[is_first], np.minimum(ends[is_last], HOUR_US))
