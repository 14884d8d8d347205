"""What can be put right without a video: hours from history, local times, leftovers."""

import logging
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import SchemaError, StoreError
from truckcount.store.audits_table import lock_audits
from truckcount.store.check import TABLES, list_cameras
from truckcount.store.history import History
from truckcount.store.hour_invariants import is_local_wrong
from truckcount.store.hours_table import (
    local_fields,
    rebuild_month,
)
from truckcount.store.layout import file_path, from_us, month_of, table_files, to_us
from truckcount.store.payload import payload_sha
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import COLUMNS, check_table, schema_of
from truckcount.store.seals import LATE
from truckcount.store.stamps import ahead_of
from truckcount.store.store import Store

logger = logging.getLogger(__name__)

LEFTOVER_S = 3600.0  # a draft this old has no writer any more
FOREVER_US = 2**62
DERIVED = ("passages", "segments", "bins_05", "bins_15", "bins_30")


def repair_store(path: str | Path) -> list[str]:
    """Rebuild ``hours`` from ``history``; return what was done, one line each.

    Rows that a clock stamped which ran ahead become revisions of cause ``restamp``;
    this host's clock must be right by now. A wall clock that today's tzdata
    contradicts becomes a revision of cause ``repair``. Drafts that a killed writer
    left are removed.
    """
    store = Store.open(path, is_new_allowed=False)
    done: list[str] = []
    for camera in list_cameras(store.root):
        with store.lock(camera):
            done += _repair_camera(store.root, camera)
    return done


def _repair_camera(root: Path, camera: str) -> list[str]:
    done = []
    for draft in sorted(root.glob(f"*/{camera}/.*.tmp")):
        if time.time() - draft.stat().st_mtime > LEFTOVER_S:
            draft.unlink()
            done.append(f"{draft}: removed, left by a killed run")
    history = History(
        root, camera, -FOREVER_US, FOREVER_US, _now_us, is_ahead_allowed=True
    )
    n_ahead = history.restamp_ahead()
    if n_ahead:
        now = from_us(_now_us()).isoformat(timespec="seconds")
        done.append(
            f"{camera}: {n_ahead} rows of a clock that ran ahead stamped anew, {now}"
        )
    done += _stamp_derived(root, camera)
    wrong: list[dict[str, Any]] = [
        row for row in history.latest.to_pylist() if is_local_wrong(row)
    ]
    drafts = [_with_local(row) for row in wrong]
    added = [row for row in map(history.revise, drafts) if row is not None]
    if added:
        history.append(added)
        done.append(f"{camera}: {len(added)} local times put right by revisions")
    starts = history.latest["hour_start_utc"].cast(pa.int64()).unique().to_pylist()
    folder = file_path(root, "hours", camera, "x").parent
    months = {month_of(t) for t in starts}
    for month in sorted(months | {p.stem for p in folder.glob("[!._]*.parquet")}):
        path = file_path(root, "hours", camera, month)
        try:
            check_table(read_table(path, "hours"), "hours", str(path))
        except (StoreError, SchemaError):
            path.unlink()  # nothing is lost: it is derived from history
        if month not in months:
            path.unlink(missing_ok=True)
            done.append(f"{path}: removed, history knows none of it")
        elif rebuild_month(root, camera, month, history.latest):
            done.append(f"{path}: rebuilt from history")
    return done


def _stamp_derived(root: Path, camera: str) -> list[str]:
    """Stamp anew what a clock wrote that ran ahead, where only the newest is kept."""
    done = []
    now = pa.scalar(_now_us(), pa.int64())
    for name in DERIVED:
        for path in table_files(root, name, camera):
            try:
                table = read_table(path, name)
                check_table(table, name, str(path))
            except (StoreError, SchemaError):
                continue  # the check says so
            known = table["known_at_utc"].cast(pa.int64())
            is_ahead = pc.greater(known, ahead_of(now.as_py()))
            n = pc.sum(is_ahead).as_py()
            if not n:
                continue
            if name == "segments":  # judged late by that clock: to be judged anew
                is_misjudged = pc.and_(is_ahead, pc.equal(table["status"], LATE))
                table = table.filter(pc.invert(is_misjudged))
                is_ahead, known = (
                    column.filter(pc.invert(is_misjudged))
                    for column in (is_ahead, known)
                )
            place = table.schema.get_field_index("known_at_utc")
            field = table.schema.field(place)
            stamps = pc.if_else(is_ahead, now, known).cast(field.type)
            publish_table(table.set_column(place, field, stamps), name, path)
            done.append(f"{path}: {n} rows of a clock that ran ahead stamped anew")
    return done


def _with_local(row: dict[str, Any]) -> dict[str, Any]:
    local = local_fields(to_us(row["hour_start_utc"]), ZoneInfo(row["tz"]))
    changed = row | local | {"cause": "repair"}
    return changed | {"payload_sha": payload_sha(changed)}


def migrate_store(path: str | Path) -> list[str]:
    """Rewrite files of an older schema with the columns of this one, added as null.

    Raises
    ------
    SchemaError
        When a file differs otherwise: its rows are not ours to guess at.
    """
    store = Store.open(path, is_new_allowed=False)
    done = []
    for camera in list_cameras(store.root):
        with store.lock(camera), lock_audits(store.root, camera):
            for table in TABLES:
                for file in sorted(
                    (store.root / table / camera).glob("[!._]*.parquet")
                ):
                    if _migrate_file(file, table):
                        done.append(f"{file}: columns of this version added")
    return done


def _migrate_file(path: Path, name: str) -> bool:
    table = read_table(path, name)
    schema = schema_of(name)
    missing = [c for c in COLUMNS[name] if c.name not in table.column_names]
    if not missing:
        check_table(table, name, str(path))
        return False
    must = [c.name for c in missing if not c.is_nullable]
    if must:
        msg = f"{path}: columns {must} are missing and are never null; count it again"
        raise SchemaError(msg)
    for column in missing:
        nulls = pa.nulls(len(table), column.type)
        table = table.append_column(schema.field(column.name), nulls)
    publish_table(table.select(schema.names), name, path, is_replaced_unread=True)
    return True


def _now_us() -> int:
    return time.time_ns() // 1000
