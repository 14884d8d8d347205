"""What must hold of the hours of a camera, its history and its bins."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from truckcount.store.finality import HOUR_US, LATE_US
from truckcount.store.hours_table import local_fields
from truckcount.store.latest import latest_rows
from truckcount.store.layout import from_us, to_us
from truckcount.store.registry import Validity
from truckcount.store.schema import schema_of
from truckcount.store.stamps import corrected_rows

FULL_S = 3600.0
SLACK = 1e-6
CLOCK_SLACK_US = 120_000_000
OVERDUE_US = 6 * HOUR_US
MAX_OUTAGE_US = 400 * 24 * HOUR_US  # longer ones get no rows: see pipeline.outages
EXPOSURE = ("coverage_s", "unusable_s", "max_gap_s", "n_samples")
DIRECTED = {"in", "out", "unknown"}
SUMMED = ("n_trucks", "onsets", "n_censored", "coverage_s", "unusable_s", "n_samples")

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken invariant."""

    invariant: str
    where: str
    what: str


def where_of(camera: str, row: Mapping[str, Any]) -> str:
    """Say which row of ``hours`` is meant."""
    return f"{camera}/{row['gate']}/{row['direction']}/{row['hour_start_utc']}"


def check_hour_rows(camera: str, rows: Rows, now_us: int) -> Iterator[Broken]:
    """Check rows one by one, and the directions of an hour against one another."""
    by_hour: dict[tuple[str, Any], Rows] = defaultdict(list)
    for row in rows:
        where = where_of(camera, row)
        if row["source_kind"] != "stills" and (
            (row["n_trucks"] is None) != (row["coverage_s"] == 0)
        ):
            yield Broken("F4", where, "n_trucks is null iff coverage_s is 0")
        if row["coverage_s"] + row["unusable_s"] > FULL_S + SLACK:
            yield Broken("F5", where, "coverage_s + unusable_s exceed the hour")
        known_us = to_us(row["known_at_utc"])
        if known_us > now_us + CLOCK_SLACK_US:
            yield Broken("F15", where, "known_at_utc lies in the future")
        start_us = to_us(row["hour_start_utc"])
        if row["is_backfill"] != (known_us > start_us + HOUR_US + LATE_US):
            yield Broken("F13", where, "is_backfill is not known_at > end + 72 h")
        if is_local_wrong(row):
            what = f"local time is not that of {row['tz']} by this tzdata"
            yield Broken("F16", where, what)
        by_hour[row["gate"], row["hour_start_utc"]].append(row)
    for group in by_hour.values():
        where = where_of(camera, group[0])
        directions = {r["direction"] for r in group}
        if directions not in ({"any"}, DIRECTED):
            yield Broken("F7", where, f"directions are {sorted(directions)}")
        for name in EXPOSURE:
            if len({r[name] for r in group}) > 1:
                yield Broken("F9", where, f"{name} differs between directions")


def is_local_wrong(row: Mapping[str, Any]) -> bool:
    """Tell whether a row's wall clock is not what the zone says today."""
    local = local_fields(to_us(row["hour_start_utc"]), ZoneInfo(row["tz"]))
    return any(row[name] != value for name, value in local.items())


def check_history(camera: str, hours: pa.Table, history: pa.Table) -> Iterator[Broken]:
    """Check that revisions are in order, and that ``hours`` is the latest of each."""
    chains: dict[tuple[Any, ...], list[tuple[int, Any]]] = defaultdict(list)
    names = ("gate", "direction", "hour_start_utc", "revision", "known_at_utc")
    for gate, direction, hour, revision, known, is_corrected in zip(
        *(history[name].to_pylist() for name in names),
        corrected_rows(history),
        strict=True,
    ):
        chains[gate, direction, hour].append(
            (revision, None if is_corrected else known)
        )
    for key, chain in chains.items():
        chain.sort(key=lambda one: one[0])
        times = [known for _, known in chain if known is not None]
        is_gapless = [n for n, _ in chain] == list(range(1, len(chain) + 1))
        if not is_gapless or times != sorted(set(times)):
            what = "revisions are not in order"
            yield Broken("F3", f"{camera}/{key[0]}/{key[1]}/{key[2]}", what)
    columns = schema_of("hours").names
    latest = latest_rows(history).select(columns)
    order = [(name, "ascending") for name in columns[:4]]
    hours, latest = hours.sort_by(order), latest.sort_by(order)
    if hours.equals(latest.replace_schema_metadata(hours.schema.metadata)):
        return
    found, wanted = _by_key(hours), _by_key(latest)
    for key in sorted(wanted.keys() | found.keys()):
        if found.get(key) != wanted.get(key):
            yield Broken("F2", f"{camera}/{key}", "hours is not the latest of history")


def _by_key(table: pa.Table) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {
        (r["gate"], r["direction"], r["hour_start_utc"]): r for r in table.to_pylist()
    }


def check_presence(
    camera: str,
    rows: Rows,
    validity: Mapping[tuple[str, str], Validity],
    now_us: int,
) -> Iterator[Broken]:
    """Check that no hour is absent: within a gate's validity, or between its rows."""
    starts: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        starts[row["gate"]].add(to_us(row["hour_start_utc"]))
    gates = starts.keys() | {gate for name, gate in validity if name == camera}
    for gate in sorted(gates):
        found = sorted(starts[gate])
        begin, end = validity.get((camera, gate), (None, None))
        wanted: set[int] = set()
        for a, b in itertools.pairwise(found):
            if b - a <= MAX_OUTAGE_US:
                wanted |= set(range(a + HOUR_US, b, HOUR_US))
        if begin is not None:
            until = now_us - OVERDUE_US
            until = until if end is None else min(until, end + HOUR_US - 1)
            first = begin // HOUR_US * HOUR_US
            wanted |= set(range(first, until // HOUR_US * HOUR_US, HOUR_US))
        if wanted and not found:
            what = (
                f"none of its {len(wanted)} hours from {from_us(min(wanted))} on has a "
                "row, though cameras.toml has it active; run over its videos, or "
                "correct its active_from and run again"
            )
            yield Broken("F8", f"{camera}/{gate}", what)
            continue
        for t in sorted(wanted - starts[gate]):
            where = f"{camera}/{gate}/{from_us(t)}"
            what = (
                "the hour has no row; run again to fill it, or give the gate an "
                "active_to if nobody watches it any more"
            )
            yield Broken("F8", where, what)


def check_bins(
    camera: str, hours: Rows, bins: pa.Table, minutes: int
) -> Iterator[Broken]:
    """Check that the bins of an hour sum to it, where it has bins."""
    for (gate, direction, hour), what in find_unsummed(hours, bins, minutes):
        yield Broken("F10", f"{camera}/{gate}/{direction}/{hour}", what)


def find_unsummed(
    hours: Rows, bins: pa.Table, minutes: int
) -> Iterator[tuple[tuple[str, str, datetime], str]]:
    """Give each (gate, direction, hour) whose bins do not sum to it, with the reason.

    Hours without bins are none of them.
    """
    sums: dict[tuple[str, str, datetime], Rows] = defaultdict(list)
    for row in bins.to_pylist():
        start = row["bin_start_utc"].replace(minute=0)
        sums[row["gate"], row["direction"], start].append(row)
    for hour in hours:
        key = (hour["gate"], hour["direction"], hour["hour_start_utc"])
        parts = sums.pop(key, [])
        if not parts:
            continue
        for name in SUMMED:
            seen = [r[name] for r in parts if r[name] is not None]
            total = sum(seen) if seen else None
            if (total is None) != (hour[name] is None) or (
                total is not None and abs(total - hour[name]) > 1e-3
            ):
                yield key, f"{name} {hour[name]}, bins_{minutes:02d} sum to {total}"
    for key in sums:
        yield key, f"bins_{minutes:02d} has an hour that hours has not"
