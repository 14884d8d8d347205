"""Hours whose time for late files is over: only a backfill revises them.

Where a month was closed, a number that was told must not move by itself because a
recorder found an old file (features.md 3.3). An archive that is being read is another
matter: its hours stay open for as long after they were first counted.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.store.file_statistics import column_range
from truckcount.store.finality import HOUR_US
from truckcount.store.layout import DAY_US, month_of, table_files, to_us
from truckcount.store.publish import read_table
from truckcount.store.schema import TIME
from truckcount.store.seals import DELETED

LATE_DAYS = 35  # features.md 13: a month is closed a few days after its end
LATE_MAX_US = LATE_DAYS * DAY_US
_COLUMNS = ["hour_start_utc", "known_at_utc", "revision", "cause"]


def may_have_closed(root: Path, camera: str, now_us: int) -> bool:
    """Tell, by names of files alone, whether a camera may have a closed hour."""
    last = month_of(now_us - LATE_MAX_US)
    return any(f.stem <= last for f in table_files(root, "history", camera))


def closed_hours(
    root: Path, camera: str, span: tuple[int, int], now_us: int
) -> list[int]:
    """Return which hours that a span touches are closed: starts, microseconds UTC.

    An hour closes 35 days after it ended, or after it was first known where that is
    later. A deleted one that runs may count again begins anew.
    """
    low = span[0] // HOUR_US * HOUR_US
    high = min(max(span[1], span[0] + 1), now_us - LATE_MAX_US - HOUR_US + 1)
    rows = [
        row
        for file in table_files(root, "history", camera)
        for row in _rows_between(file, low, high)
    ]
    first: dict[int, int] = {}
    latest: dict[int, dict[str, Any]] = {}
    for row in rows:
        start, known = to_us(row["hour_start_utc"]), to_us(row["known_at_utc"])
        first[start] = min(first.get(start, known), known)
        if start not in latest or latest[start]["revision"] <= row["revision"]:
            latest[start] = row
    return sorted(
        start
        for start, known in first.items()
        if known <= now_us - LATE_MAX_US and latest[start]["cause"] != DELETED
    )


def _rows_between(file: Path, low: int, high: int) -> list[dict[str, Any]]:
    """Read what a file of ``history`` says of hours that begin in [low, high)."""
    found = column_range(file, "hour_start_utc")
    if found is not None and not (to_us(found[0]) < high and to_us(found[1]) >= low):
        return []
    table = read_table(file, "history", columns=_COLUMNS)
    begin, end = (pa.scalar(t, pa.int64()).cast(TIME) for t in (low, high))
    start = table["hour_start_utc"]
    is_inside = pc.and_(pc.greater_equal(start, begin), pc.less(start, end))
    rows: list[dict[str, Any]] = table.filter(is_inside).to_pylist()
    return rows
