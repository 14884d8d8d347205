"""Hour rows to revisions in ``history``, and ``hours`` as the latest of each key."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from truckcount.domain.hour import HourRow
from truckcount.errors import StoreError
from truckcount.store.layout import file_path, from_us, month_of, to_us
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of

US_PER_S = 1_000_000
EMBARGO_US = 60 * US_PER_S
MINUTE_US = 60 * US_PER_S
FINAL_AFTER_US = 72 * 3600 * US_PER_S
FULL_SHARE = 3599 / 3600
BOOKKEEPING = frozenset(
    {"known_at_utc", "revision", "is_final", "is_backfill", "cause", "payload_sha"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourStamp:
    """What all hour rows of one write have in common."""

    camera: str
    timezone: str
    source_kind: str
    model_id: str
    config_hash: str
    clock_offset_s: float = 0.0
    clock_sd_s: float = 0.0


def write_hours(
    root: Path, stamp: HourStamp, rows: Sequence[HourRow], now_us: int
) -> int:
    """Add revisions for rows that changed and rebuild ``hours``.

    Returns
    -------
    int
        Revisions added; 0 leaves every file as it was.
    """
    if not rows:
        return 0
    minutes = rows[0].bin_minutes
    table = "hours" if minutes == 60 else f"bins_{minutes:02d}"
    history = _History(root, stamp.camera) if table == "hours" else None
    drafts = [_to_row(stamp, row, now_us) for row in rows]
    if history is None:
        return _write_bins(root, stamp.camera, table, drafts, now_us)
    added = []
    for draft in drafts:
        latest = history.latest.get(_key(draft))
        revised = _revise(draft, latest, now_us)
        if revised is not None:
            added.append(revised)
    if added:
        history.append(added)
    _rebuild_hours(root, stamp.camera, {_key(d): d for d in drafts}, history)
    return len(added)


class _History:
    """A camera's revisions, read once and appended to."""

    def __init__(self, root: Path, camera: str) -> None:
        self._root, self._camera = root, camera
        folder = file_path(root, "history", camera, "x").parent
        self.latest: dict[tuple[Any, ...], dict[str, Any]] = {}
        for path in sorted(folder.glob("[!._]*.parquet")):
            for row in read_table(path, "history").to_pylist():
                before = self.latest.get(_key(row))
                if before is None or row["revision"] > before["revision"]:
                    self.latest[_key(row)] = row

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Append rows to the month of their ``known_at_utc``; never edit one."""
        month = month_of(to_us(rows[0]["known_at_utc"]))
        path = file_path(self._root, "history", self._camera, month)
        old = read_table(path, "history")
        new = pa.Table.from_pylist(rows, schema=schema_of("history"))
        grown = pa.concat_tables(
            [old.replace_schema_metadata(new.schema.metadata), new]
        )
        if not grown.slice(0, len(old)).equals(
            old.replace_schema_metadata(new.schema.metadata)
        ):
            msg = f"{path}: history would change; nothing was written"
            raise StoreError(msg)
        publish_table(grown, "history", path)
        for row in rows:
            self.latest[_key(row)] = row


def _rebuild_hours(
    root: Path, camera: str, touched: dict[tuple[Any, ...], Any], history: _History
) -> None:
    names = schema_of("hours").names
    months = {f"{key[3]:%Y-%m}" for key in touched}
    for month in sorted(months):
        rows = [
            {name: row[name] for name in names}
            for key, row in history.latest.items()
            if f"{key[3]:%Y-%m}" == month
        ]
        rows.sort(key=lambda r: (r["gate"], r["direction"], r["hour_start_utc"]))
        table = pa.Table.from_pylist(rows, schema=schema_of("hours"))
        publish_table(table, "hours", file_path(root, "hours", camera, month))


def _write_bins(
    root: Path, camera: str, table: str, drafts: list[dict[str, Any]], now_us: int
) -> int:
    n_changed = 0
    names = schema_of(table).names
    for month in sorted({f"{d['hour_start_utc']:%Y-%m}" for d in drafts}):
        path = file_path(root, table, camera, month)
        rows = {
            (r["gate"], r["direction"], r["bin_start_utc"]): r
            for r in read_table(path, table).to_pylist()
        }
        for draft in drafts:
            if f"{draft['hour_start_utc']:%Y-%m}" != month:
                continue
            row = dict(draft)
            row["bin_start_utc"] = row.pop("hour_start_utc")
            key = (row["gate"], row["direction"], row["bin_start_utc"])
            before = rows.get(key)
            if before is not None and all(
                before[k] == row[k] for k in row if k in before and k not in BOOKKEEPING
            ):
                continue
            row["revision"] = 1 if before is None else before["revision"] + 1
            row["known_at_utc"] = from_us(_known_at(now_us))
            rows[key] = {name: row[name] for name in names}
            n_changed += 1
        ordered = [rows[key] for key in sorted(rows)]
        publish_table(
            pa.Table.from_pylist(ordered, schema=schema_of(table)), table, path
        )
    return n_changed


def _revise(
    draft: dict[str, Any], latest: dict[str, Any] | None, now_us: int
) -> dict[str, Any] | None:
    """Return the row as a new revision, or None where nothing changed."""
    is_final = draft["is_final"]
    if latest is not None:
        is_same = latest["payload_sha"] == draft["payload_sha"]
        is_final = is_final or latest["is_final"]  # final stays final
        if is_same and latest["is_final"] == is_final:
            return None
    known_us = _known_at(now_us)
    if latest is not None:
        # a microsecond orders two revisions of one minute; a minute would let the
        # stamps of quick ones run ahead of the clock
        known_us = max(known_us, to_us(latest["known_at_utc"]) + 1)
    end_us = to_us(draft["hour_start_utc"]) + 3600 * US_PER_S
    return {
        **draft,
        "is_final": is_final,
        "is_backfill": known_us > end_us + FINAL_AFTER_US,
        "known_at_utc": from_us(known_us),
        "revision": 1 if latest is None else latest["revision"] + 1,
        "cause": _cause(draft, latest),
    }


def _cause(draft: dict[str, Any], latest: dict[str, Any] | None) -> str:
    if latest is None:
        return "first"
    if latest["model_id"] != draft["model_id"]:
        return "model"
    if latest["config_hash"] != draft["config_hash"]:
        return "config"
    if latest["payload_sha"] == draft["payload_sha"]:
        return "finalise"
    return "late_segment"


def _known_at(now_us: int) -> int:
    """Return now plus the embargo, rounded up to a minute (features.md 3.2)."""
    return -(-(now_us + EMBARGO_US) // MINUTE_US) * MINUTE_US


def _to_row(stamp: HourStamp, row: HourRow, now_us: int) -> dict[str, Any]:
    start = from_us(row.bin_start_us)
    local = start.astimezone(ZoneInfo(stamp.timezone))
    offset = local.utcoffset()
    bin_us = row.bin_minutes * MINUTE_US
    is_full = row.coverage_s + row.unusable_s >= FULL_SHARE * bin_us / US_PER_S
    values: dict[str, Any] = {
        "camera": stamp.camera,
        "gate": row.gate,
        "direction": row.direction,
        "hour_start_utc": start,
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
        "is_final": is_full or now_us >= row.bin_start_us + bin_us + FINAL_AFTER_US,
        "is_backfill": False,
        "known_at_utc": from_us(_known_at(now_us)),
        "revision": 1,
        "model_id": stamp.model_id,
        "config_hash": stamp.config_hash,
        "calibration_id": None,
        "clock_offset_s": stamp.clock_offset_s,
        "clock_sd_s": stamp.clock_sd_s,
        "local_start": local.replace(tzinfo=None),
        "utc_offset_min": 0 if offset is None else round(offset.total_seconds() / 60),
        "local_dow": local.weekday(),
        "tz": stamp.timezone,
    }
    payload = {k: str(v) for k, v in values.items() if k not in BOOKKEEPING}
    text = json.dumps(payload, sort_keys=True)
    values["payload_sha"] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return values


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["camera"], row["gate"], row["direction"], row["hour_start_utc"])
