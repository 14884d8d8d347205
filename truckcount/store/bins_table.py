"""Rows of bins shorter than an hour to their month files; the latest alone is kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.store.file_statistics import column_range
from truckcount.store.finality import LATE_US
from truckcount.store.layout import file_path, from_us, month_of, table_files, to_us
from truckcount.store.payload import ESTIMATES, is_near
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of
from truckcount.store.stamps import MINUTE_US

SUB_HOURS = (5, 15, 30)  # minutes of the bins that may lie beside the hours
UNTOLD = frozenset({"known_at_utc", "revision", "is_final", "is_backfill"})


def kept_bins(root: Path, camera: str) -> list[int]:
    """Return the minutes of the bins that a camera has, whatever months they are of.

    Whoever writes its hours writes these, too: a bin is then never older than its
    hour.
    """
    return [n for n in SUB_HOURS if table_files(root, f"bins_{n:02d}", camera)]


def write_bins(
    root: Path,
    camera: str,
    minutes: int,
    drafts: Sequence[dict[str, Any]],
    known_us: int,
    *,
    is_only_new: bool = False,
) -> int:
    """Replace the rows of bins that changed; return how many.

    The rows of a gate's hour have its kind of directions alone, as in ``hours``.
    """
    table = f"bins_{minutes:02d}"
    by_month: dict[str, list[dict[str, Any]]] = {}
    for draft in drafts:
        row = dict(draft)
        row["bin_start_utc"] = row.pop("hour_start_utc")
        by_month.setdefault(month_of(to_us(row["bin_start_utc"])), []).append(row)
    return sum(
        _write_month(
            file_path(root, table, camera, month),
            table,
            rows,
            known_us,
            is_only_new=is_only_new,
        )
        for month, rows in sorted(by_month.items())
    )


def finalise_bins(root: Path, camera: str, now_us: int, known_us: int) -> int:
    """Make bins final whose end is 72 h ago; return how many (features.md 3.3)."""
    n_final = 0
    for minutes in kept_bins(root, camera):
        table = f"bins_{minutes:02d}"
        for path in table_files(root, table, camera):
            span = column_range(path, "is_final")
            if span is not None and span[0]:
                continue
            old = read_table(path, table)
            last_us = now_us - minutes * MINUTE_US - LATE_US
            rows = old.to_pylist()
            ready = [
                k
                for k, row in enumerate(rows)
                if not row["is_final"] and to_us(row["bin_start_utc"]) <= last_us
            ]
            for k in ready:
                final = rows[k] | {"is_final": True}
                rows[k] = stamped(final, rows[k]["revision"] + 1, known_us)
            if ready:
                new = pa.Table.from_pylist(rows, schema=old.schema)
                publish_table(new, table, path, before=old)
            n_final += len(ready)
    return n_final


def stamped(row: dict[str, Any], revision: int, known_us: int) -> dict[str, Any]:
    """Return a row of a bin as another revision."""
    end_us = to_us(row["bin_start_utc"]) + row["bin_minutes"] * MINUTE_US
    return row | {
        "revision": revision,
        "known_at_utc": from_us(known_us),
        "is_backfill": known_us > end_us + LATE_US,
    }


def _write_month(
    path: Path,
    table: str,
    drafts: list[dict[str, Any]],
    known_us: int,
    *,
    is_only_new: bool,
) -> int:
    schema = schema_of(table)
    old = read_table(path, table)
    starts = pa.array(
        sorted({d["bin_start_utc"] for d in drafts}), schema.field(3).type
    )
    gates = pa.array(sorted({d["gate"] for d in drafts}))
    is_touched = pc.and_(
        pc.is_in(old["bin_start_utc"], value_set=starts),
        pc.is_in(old["gate"], value_set=gates),
    )
    before = {_key(row): row for row in old.filter(is_touched).to_pylist()}
    if is_only_new:
        there = {(gate, start) for gate, _, start in before}
        drafts = [d for d in drafts if (d["gate"], d["bin_start_utc"]) not in there]
    written = {(d["gate"], d["bin_start_utc"]) for d in drafts}
    rows = [
        r for r in before.values() if (r["gate"], r["bin_start_utc"]) not in written
    ]
    n_changed = 0
    for draft in drafts:
        was = before.get(_key(draft))
        if was is not None and _is_same(was, draft, schema.names):
            rows.append(was)
            continue
        n_changed += 1
        revision = 1 if was is None else was["revision"] + 1
        is_final = draft["is_final"] or (was is not None and was["is_final"])
        rows.append(stamped(draft | {"is_final": is_final}, revision, known_us))
    kept = old.filter(pc.invert(is_touched)).replace_schema_metadata(schema.metadata)
    new = pa.Table.from_pylist(
        [{name: row[name] for name in schema.names} for row in rows], schema=schema
    )
    merged = pa.concat_tables([kept, new]).sort_by(
        [(name, "ascending") for name in ("gate", "direction", "bin_start_utc")]
    )
    publish_table(merged, table, path, before=old)
    return n_changed


def _is_same(was: dict[str, Any], draft: dict[str, Any], names: Sequence[str]) -> bool:
    told = [name for name in names if name not in UNTOLD]
    # a factor that was undone and put on again leaves rounding errors
    floats = ESTIMATES if was["calibration_id"] is not None else ()
    return all(
        is_near(was[name], draft[name]) if name in floats else was[name] == draft[name]
        for name in told
    )


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["gate"], row["direction"], row["bin_start_utc"])
