"""A store to the hours as they were known at a moment."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import FeatureError
from truckcount.features.files import StoreFiles
from truckcount.features.moments import (
    MAX_US,
    MIN_US,
    Int64s,
    Moment,
    moment_us,
    window_us,
)
from truckcount.features.replay import CameraHistory, filter_hours
from truckcount.features.validity import (
    check_complete,
    due_validity,
    newest_known_us,
    read_validity,
)
from truckcount.store.layout import month_of
from truckcount.store.schema import schema_of

Vintage = Literal["strict", "simulated"]
OnMissing = Literal["raise", "ignore"]
KEYS = ("camera", "gate", "hour_start_utc", "direction")
DIRECTIONS = ("in", "out", "unknown", "any")
IDENTITY = (*KEYS, "known_at_utc", "revision")

log = logging.getLogger(__name__)


def load_hours(
    store: str | Path,
    as_of: Moment | None = None,
    *,
    start: Any = None,
    end: Any = None,
    cameras: Sequence[str] | None = None,
    gates: Sequence[str] | None = None,
    direction: str | Sequence[str] | None = "out",
    final_only: bool = False,
    vintage: Vintage = "strict",
    columns: Sequence[str] | None = None,
    on_missing: OnMissing = "raise",
) -> pd.DataFrame:
    """Load the hours of a store as a reader at a moment would have seen them.

    Parameters
    ----------
    store : path or fsspec URL
    as_of : aware datetime or ISO-8601 str, optional
        Only revisions with ``known_at_utc`` up to it; the latest of all when None.
    start, end : date, aware datetime or ISO-8601 str, optional
        Hours that begin in [start, end); a plain date is midnight UTC.
    direction : str, sequence of str or None
        None gives all directions, which a roll-up needs of bounds.
    final_only : bool
        Only rows that were final at that moment: 72 hours late.
    vintage : {"strict", "simulated"}
        Simulated pretends that hours known only by backfill were known 24 hours
        after they ended. It is no evidence: model, thresholds and calibration are
        younger than what they measure.
    columns : sequence of str, optional
        Which columns, in which order.
    on_missing : {"raise", "ignore"}
        What to do about an hour inside a gate's validity that has no row: of a
        gate with an ``active_from``, also when it has no row at all.

    Returns
    -------
    DataFrame
        Sorted by camera, gate, hour and direction. ``attrs``: ``as_of``,
        ``vintage`` and ``store_sha``, which is equal for equal answers.

    Raises
    ------
    NaiveTimeError
        When a moment has no zone.
    MissingHoursError
        Naming camera, gate, hour and the command that repairs it.

    Notes
    -----
    What becomes known after ``as_of`` never changes the answer, with one
    exception that only removes: a row whose stamp was too early is followed by a
    ``restamp``, and is not shown before that (features.md section 3.2).
    """
    if on_missing not in get_args(OnMissing):
        msg = f"on_missing must be 'raise' or 'ignore', got {on_missing!r}"
        raise FeatureError(msg)
    files = StoreFiles.open(store)
    as_of_us = MAX_US if as_of is None else moment_us(as_of, "as_of")
    window = window_us(start, end)
    chosen = _Choice(files, as_of_us, window, vintage, _names(cameras), _names(gates))
    wanted = _wanted_columns(columns, vintage)
    directions = _names(direction)
    if odd := (directions or frozenset()).difference(DIRECTIONS):
        msg = f"no direction {min(odd)!r}; there are {', '.join(DIRECTIONS)}"
        raise FeatureError(msg)
    asked = {*wanted, *IDENTITY, *(("is_final",) if final_only else ())}
    read = [name for name in schema_of("hours").names if name in asked]
    parts = []
    for camera in chosen.list_cameras():
        part = chosen.rows_of(camera, read)
        if len(part):
            parts.append(part)
    table = pa.concat_tables(parts) if parts else _empty(read, vintage)
    chosen.check_gates(table)
    if on_missing == "raise":
        _check_complete(table, chosen, window, str(store))
    table = _narrow(table, directions, is_final_only=final_only)
    table = _sort(table)
    frame = table.select(wanted).to_pandas()
    frame.attrs.update(
        as_of=None if as_of is None else str(as_of),
        vintage=vintage,
        store_sha=_sha(table),
    )
    return frame


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which revisions of which hours were asked for."""

    files: StoreFiles
    as_of_us: int
    window: tuple[int, int]
    vintage: Vintage
    cameras: frozenset[str] | None
    gates: frozenset[str] | None

    @property
    def table(self) -> str:
        """``hours`` is the latest of ``history``: nothing to replay for now."""
        is_now = self.as_of_us == MAX_US and self.vintage == "strict"
        return "hours" if is_now else "history"

    def list_cameras(self) -> list[str]:
        """List the cameras asked for that have rows; one never heard of is an error."""
        there = self.files.cameras(self.table)
        if self.cameras is None:
            return there
        odd = self.cameras.difference(there)
        if odd:  # that one lacks its rows: another matter, for `_check_complete`
            validity = read_validity(self.files, self.as_of_us)
            odd -= {name for (name, _), (low, _) in validity.items() if low is not None}
        if odd:
            msg = (
                f"no camera {min(odd)!r} in {self.files.root}; it has "
                f"{', '.join(there)}"
            )
            raise FeatureError(msg)
        return sorted(self.cameras.intersection(there))

    def check_gates(self, found: pa.Table) -> None:
        """Refuse a gate that was asked for and that the store never heard of."""
        odd = set(self.gates or ()) - set(found["gate"].unique().to_pylist())
        if not odd:
            return
        cameras = sorted(self.cameras or self.list_cameras())
        known = {g for camera, g in read_validity(self.files) if camera in cameras}
        for camera in cameras:  # rows of another time, or known later
            periods = self.files.periods("history", camera)
            rows = self.files.read("history", camera, periods, ["gate"])
            known.update(rows["gate"].unique().to_pylist())
        if odd - known:
            has = ", ".join(sorted(known)) or "none"
            msg = (
                f"no gate {min(odd - known)!r} in {self.files.root}; gates of "
                f"{', '.join(cameras)} are {has}"
            )
            raise FeatureError(msg)

    def rows_of(self, camera: str, columns: Sequence[str]) -> pa.Table:
        """Read a camera's rows, every direction of them, unsorted."""
        if self.table == "hours":
            low, high = (
                month_of(t) if MIN_US < t < MAX_US else "" for t in self.window
            )
            periods = self.files.periods("hours", camera)
            periods = [p for p in periods if low <= p and (not high or p <= high)]
            table = self.files.read("hours", camera, periods, columns)
            return filter_hours(table, self.window, self.gates)
        history = CameraHistory.read(
            self.files,
            camera,
            columns,
            window=self.window,
            as_of_us=self.as_of_us,
            vintage=self.vintage,
            gates=self.gates,
        )
        positions = history.at(self.as_of_us)
        rows = history.rows(positions).select(columns)
        if self.vintage == "strict":
            return rows
        is_simulated = history.revisions.is_simulated[positions]
        labels = np.where(is_simulated, "simulated", "strict")
        return rows.append_column("vintage", pa.array(labels, pa.string()))


def _check_complete(
    table: pa.Table, chosen: _Choice, window: tuple[int, int], place: str
) -> None:
    if chosen.vintage == "simulated":
        return  # what was not there in time cannot be late
    start_us = table["hour_start_utc"].cast(pa.int64()).to_numpy()
    starts = {key: start_us[rows] for key, rows in _by_gate(table).items()}
    validity = due_validity(
        chosen.files,
        chosen.as_of_us,
        seen=starts.keys(),
        cameras=chosen.cameras,
        gates=chosen.gates,
    )
    if not starts and all(low is None for low, _ in validity.values()):
        return
    if chosen.as_of_us < MAX_US:
        now_us = chosen.as_of_us
    elif starts:
        now_us = pc.max(table["known_at_utc"].cast(pa.int64())).as_py()
    else:
        now_us = newest_known_us(chosen.files)
    check_complete(starts, validity, window=window, now_us=now_us, place=place)


def _by_gate(table: pa.Table) -> dict[tuple[str, str], Int64s]:
    if not len(table):
        return {}
    names = pc.binary_join_element_wise(table["camera"], table["gate"], "/")
    encoded = names.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    spelled = encoded.dictionary.to_pylist()
    return {tuple(spelled[codes[g[0]]].split("/")): g for g in groups if len(g)}


def _narrow(
    table: pa.Table, directions: frozenset[str] | None, *, is_final_only: bool
) -> pa.Table:
    if directions is not None and len(table):
        is_mine = pc.is_in(table["direction"], value_set=pa.array(sorted(directions)))
        kept = table.filter(is_mine)
        left = set(_by_gate(table)) - (set(_by_gate(kept)) if len(kept) else set())
        if left:
            names = ", ".join("/".join(key) for key in sorted(left))
            there = table.filter(pc.invert(is_mine))["direction"].unique().to_pylist()
            has = [name for name in DIRECTIONS if name in there]
            hint = "'any'" if has == ["any"] else repr(has)
            msg = (
                f"no direction {' or '.join(sorted(directions))} at {names}, which "
                f"has {', '.join(f'`{n}`' for n in has)}; pass direction={hint}, or "
                "None for all"
            )
            if not len(kept):
                raise FeatureError(msg)
            log.warning(msg)
        table = kept
    return table.filter(table["is_final"]) if is_final_only else table


def _sort(table: pa.Table) -> pa.Table:
    """Sort by camera, gate, hour, direction; directions in their usual order."""
    codes = [
        pc.rank(table[name], tiebreaker="dense").to_numpy(zero_copy_only=False)
        for name in ("camera", "gate", "direction")
    ]
    hour = table["hour_start_utc"].cast(pa.int64()).to_numpy()
    return table.take(pa.array(np.lexsort((codes[2], hour, codes[1], codes[0]))))


def _sha(table: pa.Table) -> str:
    """Hash which revisions of which keys an answer is made of."""
    digest = hashlib.sha256()
    for name in IDENTITY:
        column = table[name]
        if pa.types.is_string(column.type):
            if len(column):
                runs = pc.run_end_encode(column.combine_chunks())
                for part in (runs.run_ends, runs.values):
                    digest.update(repr(part.to_pylist()).encode())
        else:
            digest.update(np.ascontiguousarray(column.cast(pa.int64())).tobytes())
    return digest.hexdigest()[:12]


def _wanted_columns(columns: Iterable[str] | None, vintage: Vintage) -> list[str]:
    if vintage not in ("strict", "simulated"):
        msg = f"vintage must be 'strict' or 'simulated', got {vintage!r}"
        raise FeatureError(msg)
    known = [
        *schema_of("hours").names,
        *(("vintage",) if vintage == "simulated" else ()),
    ]
    if columns is None:
        return known
    wanted = list(columns)
    odd = [name for name in wanted if name not in known]
    if odd:
        msg = f"no column {odd[0]!r} in hours; columns are {', '.join(known)}"
        raise FeatureError(msg)
    return wanted


def _names(value: str | Sequence[str] | None) -> frozenset[str] | None:
    if value is None:
        return None
    return frozenset([value]) if isinstance(value, str) else frozenset(value)


def _empty(columns: Sequence[str], vintage: Vintage) -> pa.Table:
    table = schema_of("hours").empty_table().select(list(columns))
    if vintage == "strict":
        return table
    return table.append_column("vintage", pa.array([], pa.string()))
