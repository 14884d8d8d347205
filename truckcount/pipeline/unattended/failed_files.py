"""A store's segments and attempts to its failed files, and what becomes of each."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.iso_time import iso_utc
from truckcount.pipeline.segments import is_counted_row
from truckcount.pipeline.unattended.attempts import WEEK_US, Attempts, is_gone
from truckcount.store.schema import TIME


def find_failed(
    segments: dict[str, pa.Table], attempts: Attempts, now_us: int
) -> list[dict[str, Any]]:
    """Find failed files: those on the schedule, then those that a plain run met.

    What is gone, as recorders delete what is old, is told for a week after its last
    try: nobody can mend it.

    Parameters
    ----------
    segments : dict of str to Table
        By camera: path, status, error and known_at_utc.
    now_us : int
        Microseconds since 1970.

    Returns
    -------
    list of dict
        By path: what ``status --json`` tells of each.
    """
    week_us = now_us - WEEK_US
    week = pa.scalar(week_us, pa.int64()).cast(TIME)
    is_failed = pc.field("error").is_valid() & (pc.field("known_at_utc") > week)
    failed = [
        (name, row)
        for name, table in segments.items()
        for row in table.filter(is_failed).to_pylist()
    ]
    asked = pa.array(
        sorted({one.path for one in attempts} | {row["path"] for _, row in failed}),
        pa.string(),
    )
    is_asked = pc.field("path").isin(asked)
    counted: set[str] = set()
    camera_of: dict[str, str] = {}
    for name, table in segments.items():
        mine = table.filter(is_asked)
        camera_of |= dict.fromkeys(mine["path"].to_pylist(), name)
        counted |= set(mine.filter(is_counted_row())["path"].to_pylist())
    rows = {
        one.path: {
            "path": one.path,
            "camera": camera_of.get(one.path),
            "status": one.status,
            "reason": one.reason,
            "n_failures": one.n_failures,
            "next_try_utc": None if one.next_us is None else iso_utc(one.next_us),
            "is_quarantined": one.is_quarantined,
            "is_gone": is_gone(one.path),
        }
        for one in attempts
        if one.tried_us > week_us or not is_gone(one.path)
    }
    for name, row in failed:
        if row["path"] not in counted and row["path"] not in rows:
            rows[row["path"]] = {
                "path": row["path"],
                "camera": name,
                "status": row["status"],
                "reason": row["error"],
                "n_failures": 1,
                "next_try_utc": None,
                "is_quarantined": False,
                "is_gone": is_gone(row["path"]),
            }
    return [rows[path] for path in sorted(rows)]
