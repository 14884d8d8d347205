"""A store against its invariants (features.md section 12)."""

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import SchemaError, StoreError
from truckcount.store.calibration_invariants import check_calibrations
from truckcount.store.calibrations_table import to_calibrations
from truckcount.store.hour_invariants import (
    CLOCK_SLACK_US,
    Broken,
    check_bins,
    check_history,
    check_hour_rows,
    check_presence,
    where_of,
)
from truckcount.store.layout import from_us
from truckcount.store.passages_table import count_by_hour
from truckcount.store.publish import read_table, remedy_of
from truckcount.store.registry import Validity, read_validity
from truckcount.store.schema import check_table, schema_of
from truckcount.store.seals import DELETED, read_seals
from truckcount.store.stamps import corrected_rows
from truckcount.store.store import Store

TABLES = (
    "hours", "history", "passages", "segments", "scores",
    "bins_05", "bins_15", "bins_30", "audits", "calibrations",
)  # fmt: skip
KEYS = {
    "hours": ("gate", "direction", "hour_start_utc"),
    "history": ("gate", "direction", "hour_start_utc", "revision"),
    "passages": ("passage_id",),
    "segments": ("segment_id", "path"),
    "scores": ("gate", "t_utc", "segment_id"),
    "bins_05": ("gate", "direction", "bin_start_utc"),
    "bins_15": ("gate", "direction", "bin_start_utc"),
    "bins_30": ("gate", "direction", "bin_start_utc"),
    "audits": ("audit_id", "window_start_utc", "label_round"),
    "calibrations": ("calibration_id", "known_at_utc"),
}
LOCK_TIMEOUT_S = 60.0  # a publish takes seconds; a recount may take longer
DUPLICATE_REMEDY = "take all but one out, or put the file back from a backup"


def check_store(path: str | Path, now_us: int | None = None) -> list[Broken]:
    """Return every broken invariant of a store; an empty list is a whole store.

    Tables are written one after another, so that between two of them those of a
    camera disagree for a moment: where something seems broken, it is looked at again
    while nobody writes.
    """
    store = Store.open(path, is_new_allowed=False)
    validity = read_validity(store.root)
    due = {camera for (camera, _), (begin, _) in validity.items() if begin is not None}
    return [
        broken
        for camera in sorted({*list_cameras(store.root), *due})
        for broken in _check_at_rest(store, camera, validity, now_us)
    ]


def _check_at_rest(
    store: Store,
    camera: str,
    validity: Mapping[tuple[str, str], Validity],
    now_us: int | None,
) -> list[Broken]:
    def look() -> list[Broken]:
        now = time.time_ns() // 1000 if now_us is None else now_us
        return list(_check_camera(store.root, camera, validity, now))

    broken = look()
    if broken:
        # a copy that cannot be written, or is another's, is reported as it was found
        with contextlib.suppress(StoreError), store.lock(camera, LOCK_TIMEOUT_S):
            broken = look()
    return broken


def list_cameras(root: Path) -> list[str]:
    """Return the cameras that any table has."""
    return sorted(
        {p.name for t in TABLES for p in (root / t).glob("[!._]*") if p.is_dir()}
    )


def _check_camera(
    root: Path,
    camera: str,
    validity: Mapping[tuple[str, str], Validity],
    now_us: int,
) -> Iterator[Broken]:
    broken: list[Broken] = []
    tables = {n: _read_camera(root, n, camera, now_us, broken) for n in TABLES}
    yield from broken
    hours = tables["hours"].to_pylist()
    yield from check_hour_rows(camera, hours, now_us)
    yield from check_history(camera, tables["hours"], tables["history"])
    yield from _check_counts(camera, hours, tables["passages"])
    yield from check_presence(camera, hours, validity, now_us)
    for minutes in (5, 15, 30):
        yield from check_bins(camera, hours, tables[f"bins_{minutes:02d}"], minutes)
    yield from _check_segments(camera, tables["segments"].to_pylist())
    lost = {Path(b.where).parent.parent.name for b in broken if b.invariant == "F11"}
    if "calibrations" not in lost:
        factors = to_calibrations(tables["calibrations"])
        yield from check_calibrations(camera, hours, factors)
    yield from _check_deleted(root, camera, hours, tables["passages"])


def _read_camera(
    root: Path, name: str, camera: str, now_us: int, broken: list[Broken]
) -> pa.Table:
    """Read a camera's files of a table; what cannot be read is broken.

    Scores are looked at file by file and left: a year of them fills no memory.
    """
    tables, read = [schema_of(name).empty_table()], list[Path]()
    paths = sorted((root / name / camera).glob("[!._]*.parquet"))
    for path in paths:
        try:
            table = read_table(path, name)
            check_table(table, name, str(path))
        except SchemaError as error:
            broken.append(Broken("F11", str(path), f"{error}; {remedy_of(name)}"))
            continue
        except StoreError as error:
            broken.append(Broken("F11", str(path), str(error)))
            continue
        if name != "history":  # whose stamps a row of another file may correct
            broken += _check_known(name, path, table, now_us)
        if name == "scores":
            broken += _check_keys(name, str(path), table)
        else:
            read.append(path)
            tables.append(table.replace_schema_metadata(tables[0].schema.metadata))
    table = pa.concat_tables(tables)
    if name == "history":
        holds = ~corrected_rows(table)
        first = 0
        for path, part in zip(read, tables[1:], strict=True):
            held = part.filter(pa.array(holds[first : first + len(part)]))
            broken += _check_known(name, path, held, now_us)
            first += len(part)
    if name != "scores":
        where = str(paths[0]) if len(paths) == 1 else str(root / name / camera)
        broken += _check_keys(name, where, table)
    return table


def _check_keys(name: str, where: str, table: pa.Table) -> Iterator[Broken]:
    keys = list(KEYS[name])
    counts = table.select(keys).group_by(keys).aggregate([([], "count_all")])
    for row in counts.filter(pc.greater(counts["count_all"], 1)).to_pylist():
        n = row.pop("count_all")
        key = ", ".join(map(str, row.values()))
        what = f"key ({key}) stands {n} times; {DUPLICATE_REMEDY}"
        yield Broken("F1", where, what)


def _check_known(
    name: str, path: Path, table: pa.Table, now_us: int
) -> Iterator[Broken]:
    """Check that nothing became readable later than now; of hours row by row."""
    if name == "hours" or "known_at_utc" not in table.column_names:
        return
    known = table["known_at_utc"].cast(pa.int64())
    n = pc.sum(pc.greater(known, now_us + CLOCK_SLACK_US)).as_py()
    if n:
        what = (
            f"{n} rows have a known_at_utc in the future, up to "
            f"{pc.max(table['known_at_utc'])}; no reader as of now takes them. If this "
            "machine's clock is wrong, set it; if it is right, it ran ahead then: "
            "`truckcount store check STORE --repair` stamps anew what it wrote"
        )
        yield Broken("F15", str(path), what)


def _check_counts(
    camera: str, hours: list[dict[str, Any]], passages: pa.Table
) -> Iterator[Broken]:
    counts = count_by_hour(passages)
    for row in hours:
        key = (row["gate"], row["direction"], row["hour_start_utc"])
        is_counted = row["n_trucks"] is not None and row["source_kind"] != "stills"
        if is_counted and row["n_trucks"] != counts.get(key, 0):
            what = f"n_trucks {row['n_trucks']}, passages {counts.get(key, 0)}"
            yield Broken("F6", where_of(camera, row), what)
        counts.pop(key, None)
    for key, n in counts.items():
        yield Broken("F6", f"{camera}/{key}", f"{n} passages, but no hour has them")


def _check_segments(camera: str, rows: list[dict[str, Any]]) -> Iterator[Broken]:
    done = Counter(r["segment_id"] for r in rows if r["status"] == "done")
    for segment_id, n in done.items():
        if n > 1:
            yield Broken("F1", f"segments/{camera}", f"{segment_id} is done {n} times")
    won = sorted(
        (i["start"], i["end"], r["segment_id"])
        for r in rows
        for i in r["winner_intervals"]
    )
    for a, b in itertools.pairwise(won):
        if b[0] < a[1]:
            yield Broken("F12", f"segments/{camera}", f"{a[2]} and {b[2]} overlap")


def _check_deleted(
    root: Path, camera: str, hours: list[dict[str, Any]], passages: pa.Table
) -> Iterator[Broken]:
    """Check that nothing of a deleted stretch is left (F17)."""
    for seal in read_seals(root, camera):
        if seal.cause != DELETED:
            continue
        where = f"{camera}/{from_us(seal.low_us)}"
        if not seal.is_done:
            what = "a deletion was begun and not finished; give the command again"
            yield Broken("F17", where, what)
        low, high = from_us(seal.low_us), from_us(seal.high_us)
        onsets = passages["onset_utc"].to_pylist()
        left = {
            "watched hours": sum(
                low <= r["hour_start_utc"] < high and r["coverage_s"] > 0 for r in hours
            ),
            "passages": sum(low <= t < high for t in onsets),
            "days of scores": sum(
                str(low.date()) <= path.stem < str(high.date())
                for path in (root / "scores" / camera).glob("[!._]*.parquet")
            ),
        }
        for table, n in left.items():
            if n:
                what = f"{n} {table} were left by a deletion, or came back"
                yield Broken("F17", where, what)


__all__ = ["Broken", "check_store", "list_cameras"]
