"""A store against its invariants (features.md section 12)."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from truckcount.errors import SchemaError, StoreError
from truckcount.store.layout import to_us
from truckcount.store.passages_table import count_by_hour, read_passages
from truckcount.store.publish import read_table
from truckcount.store.schema import COLUMNS, check_table
from truckcount.store.store import Store

TABLES = ("hours", "history", "passages", "segments", "scores")
KEYS = {
    "hours": ("gate", "direction", "hour_start_utc"),
    "history": ("gate", "direction", "hour_start_utc", "revision"),
    "passages": ("passage_id",),
    "segments": ("segment_id", "path"),
    "scores": ("gate", "t_utc", "segment_id"),
}
FULL_S = 3600.0
SLACK = 1e-6
CLOCK_SLACK_US = 120_000_000
EXPOSURE = ("coverage_s", "unusable_s", "max_gap_s", "n_samples")
DIRECTED = {"in", "out", "unknown"}


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken invariant."""

    invariant: str
    where: str
    what: str


def check_store(path: str | Path) -> list[Broken]:
    """Return every broken invariant of a store; an empty list is a whole store."""
    root = Store.open(path, is_new_allowed=False).root
    cameras = sorted(
        {p.name for t in TABLES for p in (root / t).glob("[!._]*") if p.is_dir()}
    )
    return [broken for camera in cameras for broken in _check_camera(root, camera)]


def _check_camera(root: Path, camera: str) -> Iterator[Broken]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for name in TABLES:
        rows: list[dict[str, Any]] = []
        for path in sorted((root / name / camera).glob("[!._]*.parquet")):
            try:
                table = read_table(path, name)
                check_table(table, name, str(path))
            except (SchemaError, StoreError) as error:
                yield Broken("F11", str(path), str(error))
                continue
            columns = [c.name for c in COLUMNS[name] if c.name != "peaks"]
            rows += table.select(columns).to_pylist()
        tables[name] = rows
        keys = Counter(tuple(r[k] for k in KEYS[name]) for r in rows)
        for key, n in keys.items():
            if n > 1:
                yield Broken("F1", f"{name}/{camera}", f"key {key} stands {n} times")
    yield from _check_hours(camera, tables["hours"])
    yield from _check_history(camera, tables["hours"], tables["history"])
    yield from _check_counts(root, camera, tables["hours"])
    yield from _check_segments(camera, tables["segments"])


def _check_hours(camera: str, rows: list[dict[str, Any]]) -> Iterator[Broken]:
    by_hour: dict[tuple[str, Any], list[dict[str, Any]]] = {}
    for row in rows:
        where = _where(camera, row)
        if (row["n_trucks"] is None) != (row["coverage_s"] == 0):
            yield Broken("F4", where, "n_trucks is null iff coverage_s is 0")
        if row["coverage_s"] + row["unusable_s"] > FULL_S + SLACK:
            yield Broken("F5", where, "coverage_s + unusable_s exceed the hour")
        if to_us(row["known_at_utc"]) > time.time_ns() // 1000 + CLOCK_SLACK_US:
            yield Broken("F15", where, "known_at_utc lies in the future")
        by_hour.setdefault((row["gate"], row["hour_start_utc"]), []).append(row)
    for group in by_hour.values():
        where = _where(camera, group[0])
        directions = {r["direction"] for r in group}
        if directions not in ({"any"}, DIRECTED):
            yield Broken("F7", where, f"directions are {sorted(directions)}")
        for name in EXPOSURE:
            if len({r[name] for r in group}) > 1:
                yield Broken("F9", where, f"{name} differs between directions")


def _check_history(
    camera: str, hours: list[dict[str, Any]], history: list[dict[str, Any]]
) -> Iterator[Broken]:
    chains: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in history:
        key = (row["gate"], row["direction"], row["hour_start_utc"])
        chains.setdefault(key, []).append(row)
    latest = {}
    for key, chain in chains.items():
        chain.sort(key=lambda r: r["revision"])
        latest[key] = chain[-1]
        known = [r["known_at_utc"] for r in chain]
        is_gapless = [r["revision"] for r in chain] == list(range(1, len(chain) + 1))
        if not is_gapless or known != sorted(set(known)):
            yield Broken("F3", _where(camera, chain[0]), "revisions are not in order")
    names = [c.name for c in COLUMNS["hours"]]
    found = {(r["gate"], r["direction"], r["hour_start_utc"]): r for r in hours}
    for key in sorted(latest.keys() | found.keys()):
        a, b = found.get(key), latest.get(key)
        if a is None or b is None or any(a[n] != b[n] for n in names):
            yield Broken("F2", f"{camera}/{key}", "hours is not the latest of history")


def _check_counts(
    root: Path, camera: str, hours: list[dict[str, Any]]
) -> Iterator[Broken]:
    try:
        passages: pa.Table = read_passages(root, camera)
    except StoreError as error:
        yield Broken("F11", f"passages/{camera}", str(error))
        return
    counts = count_by_hour(passages)
    for row in hours:
        key = (row["gate"], row["direction"], row["hour_start_utc"])
        is_counted = row["n_trucks"] is not None and row["source_kind"] != "stills"
        if is_counted and row["n_trucks"] != counts.get(key, 0):
            what = f"n_trucks {row['n_trucks']}, passages {counts.get(key, 0)}"
            yield Broken("F6", _where(camera, row), what)
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


def _where(camera: str, row: dict[str, Any]) -> str:
    return f"{camera}/{row['gate']}/{row['direction']}/{row['hour_start_utc']}"
