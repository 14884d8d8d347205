"""Hour rows to revisions in ``history``, and ``hours`` as the latest of each key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.calibration import Calibration
from truckcount.domain.hour import HourRow
from truckcount.store.bins_table import finalise_bins, write_bins
from truckcount.store.calibrated_rows import carry_factor
from truckcount.store.calibrations_table import read_calibrations
from truckcount.store.file_statistics import column_range
from truckcount.store.finality import HOUR_US, LATE_US, is_final_at
from truckcount.store.history import Clock, History, known_at
from truckcount.store.layout import file_path, from_us, month_of, to_us
from truckcount.store.payload import payload_sha
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of
from truckcount.store.stamps import MINUTE_US


@dataclass(frozen=True, slots=True, kw_only=True)
class HourStamp:
    """What all hour rows of one write have in common."""

    camera: str
    timezone: str
    source_kind: str
    model_id: str
    config_hash: str


def write_hours(
    root: Path,
    stamp: HourStamp,
    rows: Sequence[HourRow],
    now_us: int | Clock,
    *,
    cause: str | None = None,
    is_only_new: bool = False,
) -> int:
    """Add revisions for rows that changed and rebuild ``hours``.

    Parameters
    ----------
    now_us : int or callable
        The host's time, or what gives it.
    cause : str, optional
        Cause of all these revisions, where it cannot be seen from the rows.
    is_only_new : bool
        Write only rows of hours that have none yet: outages are filled like this.

    Returns
    -------
    int
        Revisions added; 0 leaves every file as it was.
    """
    if not rows:
        return 0
    clock = now_us if callable(now_us) else lambda: now_us
    calibrations = read_calibrations(root, stamp.camera)
    drafts = draft_rows(stamp, rows, clock(), calibrations)
    minutes = rows[0].bin_minutes
    if minutes != 60:
        return write_bins(
            root,
            stamp.camera,
            minutes,
            drafts,
            known_at(clock()),
            is_only_new=is_only_new,
        )
    for draft in drafts:
        draft["cause"] = cause
    return revise_hours(root, stamp.camera, drafts, clock, is_only_new=is_only_new)


def revise_hours(
    root: Path,
    camera: str,
    drafts: Sequence[dict[str, Any]],
    clock: Clock,
    *,
    is_only_new: bool = False,
) -> int:
    """Append drafts that differ from what stands, rebuild their months of ``hours``."""
    starts = [to_us(draft["hour_start_utc"]) for draft in drafts]
    low, high = month_span(min(starts))[0], month_span(max(starts))[1]
    history = History(root, camera, low, high, clock)
    found = [
        history.revise(draft)
        for draft in drafts
        if not (
            is_only_new and history.has_hour(draft["gate"], draft["hour_start_utc"])
        )
    ]
    added = [row for row in found if row is not None]
    if added:
        history.append(added)
    for month in sorted({month_of(start) for start in starts}):
        rebuild_month(root, camera, month, history.latest)
    return len(added)


def finalise_hours(root: Path, camera: str, clock: Clock) -> int:
    """Make hours final whose end is 72 h ago; return how many (features.md 3.3).

    So are the bins beside them, which the number leaves out.
    """
    now_us = clock()
    n_final = 0
    for path in sorted(file_path(root, "hours", camera, "x").parent.glob("[!._]*")):
        span = column_range(path, "is_final")
        if span is not None and span[0]:
            continue
        history = History(root, camera, *month_span(path.stem), clock)
        rows = [
            history.revise(row | {"is_final": True, "cause": "finalise"})
            for row in history.latest.to_pylist()
            if not row["is_final"]
            and to_us(row["hour_start_utc"]) + HOUR_US + LATE_US <= now_us
        ]
        added = [row for row in rows if row is not None]
        if added:
            history.append(added)
        rebuild_month(root, camera, path.stem, history.latest)
        n_final += len(added)
    finalise_bins(root, camera, now_us, known_at(now_us))
    return n_final


def hour_starts(path: Path, gate: str) -> list[int]:
    """Return which hours of a gate a file of ``hours`` has, microseconds UTC."""
    table = read_table(path, "hours", columns=["gate", "hour_start_utc"])
    mine = table.filter(pc.equal(table["gate"], gate))["hour_start_utc"]
    starts: list[int] = pc.unique(mine.cast(pa.int64())).to_pylist()
    return starts


def rebuild_month(root: Path, camera: str, month: str, latest: pa.Table) -> bool:
    """Write a month of ``hours`` from the latest revisions; tell whether it changed."""
    low, high = month_span(month)
    start = latest["hour_start_utc"].cast(pa.int64()).to_numpy()
    table = latest.filter(pa.array((start >= low) & (start < high)))
    table = table.select(schema_of("hours").names).sort_by(
        [(n, "ascending") for n in ("gate", "direction", "hour_start_utc")]
    )
    return publish_table(table, "hours", file_path(root, "hours", camera, month))


def month_span(moment: int | str) -> tuple[int, int]:
    """Return begin and end of a month, or of the one a moment lies in."""
    month = moment if isinstance(moment, str) else month_of(moment)
    year, number = int(month[:4]), int(month[5:7])
    n = year * 12 + number
    first, after = (datetime(k // 12, k % 12 + 1, 1, tzinfo=UTC) for k in (n - 1, n))
    return to_us(first), to_us(after)


def draft_rows(
    stamp: HourStamp,
    rows: Sequence[HourRow],
    now_us: int,
    calibrations: Sequence[Calibration] = (),
) -> list[dict[str, Any]]:
    """Spell hour rows as rows of ``history`` that are not stamped yet.

    Parameters
    ----------
    calibrations : sequence of Calibration
        The camera's: what is known by the rows' stamp is carried into them.
    """
    zone = ZoneInfo(stamp.timezone)
    local: dict[int, dict[str, Any]] = {}
    drafts = []
    for row in rows:
        if row.bin_start_us not in local:
            local[row.bin_start_us] = local_fields(row.bin_start_us, zone)
        bare = _to_row(stamp, row, local[row.bin_start_us], now_us)
        draft = carry_factor(bare, calibrations, known_at(now_us))
        drafts.append(draft | {"payload_sha": payload_sha(draft)})
    return drafts


def local_fields(start_us: int, zone: ZoneInfo) -> dict[str, Any]:
    """Return a moment's wall clock at the site."""
    local = from_us(start_us).astimezone(zone)
    offset = local.utcoffset()
    return {
        "local_start": local.replace(tzinfo=None),
        "utc_offset_min": 0 if offset is None else round(offset.total_seconds() / 60),
        "local_dow": local.weekday(),
    }


def _to_row(
    stamp: HourStamp, row: HourRow, local: dict[str, Any], now_us: int
) -> dict[str, Any]:
    bin_us = row.bin_minutes * MINUTE_US
    return {
        "camera": stamp.camera,
        "gate": row.gate,
        "direction": row.direction,
        "hour_start_utc": from_us(row.bin_start_us),
        "bin_minutes": row.bin_minutes,
        "source_kind": stamp.source_kind,
        "n_trucks": row.n_trucks,
        "onsets": row.onsets,
        "n_censored": row.n_censored,
        "coverage_s": row.coverage_s,
        "unusable_s": row.unusable_s,
        "max_gap_s": row.max_gap_s,
        "busy_s": row.busy_s,
        "n_samples": row.n_samples,
        "occupancy_mean": row.occupancy_mean,
        "n_trucks_est": row.n_trucks_est,
        "n_trucks_se": row.n_trucks_se,
        "n_trucks_se_indep": row.n_trucks_se_indep,
        "is_final": is_final_at(
            now_us,
            start_us=row.bin_start_us,
            bin_us=bin_us,
            watched_s=row.coverage_s + row.unusable_s,
            clock_sd_s=row.clock_sd_s,
        ),
        "is_backfill": False,
        "known_at_utc": from_us(known_at(now_us)),
        "revision": 1,
        "model_id": stamp.model_id,
        "config_hash": stamp.config_hash,
        "calibration_id": None,
        "clock_offset_s": row.clock_offset_s,
        "clock_sd_s": row.clock_sd_s,
        **{
            name: local[name] for name in ("local_start", "utc_offset_min", "local_dow")
        },
        "tz": stamp.timezone,
    }
