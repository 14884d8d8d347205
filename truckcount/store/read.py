"""A store to frames, without locks: readers see whole files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import StoreError
from truckcount.store.file_statistics import column_range
from truckcount.store.layout import days_between, file_path, to_us
from truckcount.store.publish import read_table
from truckcount.store.schema import schema_of
from truckcount.store.store import Store


def read_hours(
    store: str | Path,
    *,
    camera: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> pa.Table:
    """Read the latest revision of every hour, by camera, gate and time.

    Parameters
    ----------
    start, end : str, optional
        ISO-8601, UTC unless they say otherwise; hours that begin in [start, end).

    Raises
    ------
    StoreError
        When there is no store, or no such camera in it.
    """
    root = Store.open(store, is_new_allowed=False).root
    folders = sorted(p for p in (root / "hours").glob("[!._]*") if p.is_dir())
    if camera is not None:
        names = [p.name for p in folders]
        if camera not in names:
            msg = f"no camera {camera!r} in {root}; it has {names}"
            raise StoreError(msg)
        folders = [p for p in folders if p.name == camera]
    files = [f for folder in folders for f in sorted(folder.glob("[!._]*.parquet"))]
    if not files:
        return schema_of("hours").empty_table()
    table = pa.concat_tables([read_table(f, "hours") for f in files])
    for text, keep in ((start, pc.greater_equal), (end, pc.less)):
        if text is not None:
            moment = pa.scalar(_parse(text), pa.timestamp("us", tz="UTC"))
            table = table.filter(keep(table["hour_start_utc"], moment))
    order = ["camera", "gate", "hour_start_utc", "direction"]
    return table.sort_by([(name, "ascending") for name in order])


def counted_gates(
    root: Path, camera: str, low_us: int, high_us: int
) -> dict[int, set[str]]:
    """Return by which gates the hours that begin in [low, high) were counted.

    Returns
    -------
    dict of int to set of str
        By the hour's start, microseconds UTC; hours that nobody watched are left out.
    """
    found: dict[int, set[str]] = {}
    columns = ["gate", "hour_start_utc", "n_trucks"]
    for month in sorted({day[:7] for day in days_between(low_us, high_us)}):
        path = file_path(root, "hours", camera, month)
        gates = column_range(path, "gate") if path.exists() else None
        if gates is None or gates[0] == gates[1]:
            continue  # one gate: most cameras have no other
        table = read_table(path, "hours", columns)
        for row in table.filter(pc.field("n_trucks").is_valid()).to_pylist():
            start_us = to_us(row["hour_start_utc"])
            if low_us <= start_us < high_us:
                found.setdefault(start_us, set()).add(row["gate"])
    return found


def read_bins(
    store: str | Path, camera: str, bin_minutes: int, low_us: int, high_us: int
) -> list[dict[str, Any]]:
    """Read a camera's stored rows of bins that begin in [low, high), microseconds."""
    table = "hours" if bin_minutes == 60 else f"bins_{bin_minutes:02d}"
    start = "hour_start_utc" if bin_minutes == 60 else "bin_start_utc"
    months = sorted({day[:7] for day in days_between(low_us, high_us)})
    return [
        row
        for month in months
        for row in read_table(
            file_path(Path(store), table, camera, month), table
        ).to_pylist()
        if low_us <= to_us(row[start]) < high_us
    ]


def _parse(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is no ISO-8601 time like 2026-03-01 or 2026-03-01T06:00Z"
        raise StoreError(msg) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
