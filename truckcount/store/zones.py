"""A camera's corrected time zone to the local times of hours that were published."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from truckcount.store.bins_table import kept_bins, stamped
from truckcount.store.file_statistics import column_range
from truckcount.store.history import Clock, History, known_at
from truckcount.store.hours_table import local_fields, rebuild_month
from truckcount.store.layout import month_of, table_files, to_us
from truckcount.store.payload import payload_sha
from truckcount.store.publish import publish_table, read_table


def other_zones(root: Path, camera: str, zone: str) -> set[str]:
    """Return the zones, other than this one, that a camera's hours were written in."""
    found: set[str] = set()
    for path in table_files(root, "hours", camera):
        span = column_range(path, "tz")
        found |= set() if span is None else set(span)
    return found - {zone}


def rezone_hours(
    root: Path, camera: str, zone: str, span: tuple[int, int], clock: Clock
) -> int:
    """Tell local times of hours that begin in [low, high) by a zone; return how many.

    No count moves: UTC stands. Unwatched hours are among them, and those whose scores
    are gone. So are bins, which the number leaves out.
    """
    _rezone_bins(root, camera, zone, span, known_at(clock()))
    history = History(root, camera, *span, clock)
    drafts = [
        _in_zone(row, to_us(row["hour_start_utc"]), zone) | {"cause": "config"}
        for row in history.latest.to_pylist()
        if row["tz"] != zone
    ]
    drafts = [draft | {"payload_sha": payload_sha(draft)} for draft in drafts]
    added = [row for row in map(history.revise, drafts) if row is not None]
    if not added:
        return 0
    history.append(added)
    months = sorted({month_of(to_us(row["hour_start_utc"])) for row in added})
    whole = History(root, camera, -(2**62), 2**62, clock)
    for month in months:
        rebuild_month(root, camera, month, whole.latest)
    return len(added)


def _rezone_bins(
    root: Path, camera: str, zone: str, span: tuple[int, int], known_us: int
) -> None:
    for minutes in kept_bins(root, camera):
        table = f"bins_{minutes:02d}"
        for path in table_files(root, table, camera):
            old = read_table(path, table)
            rows = old.to_pylist()
            for k, row in enumerate(rows):
                start = to_us(row["bin_start_utc"])
                if row["tz"] != zone and span[0] <= start < span[1]:
                    moved = _in_zone(row, start, zone)
                    rows[k] = stamped(moved, row["revision"] + 1, known_us)
            new = pa.Table.from_pylist(rows, schema=old.schema)
            publish_table(new, table, path, before=old)


def _in_zone(row: dict[str, Any], start_us: int, zone: str) -> dict[str, Any]:
    return row | local_fields(start_us, ZoneInfo(zone)) | {"tz": zone}
