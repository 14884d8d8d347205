"""Bins that do not sum to their hours to bins that do, from passages and scores.

The hours stay as they are: they are the record, and bins go by them. Passages are
stored as they were counted, whatever thresholds they were counted with; what was
watched is measured anew from the scores. Bins are written only where they then sum
to their hour in all that is summed. Stills are left to a recount, and so are clips on
a cycle that were counted with other options than the store's cameras.toml gives.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.counting import CountingOptions, Coverage, count_hours, measure_coverage
from truckcount.domain.camera import WHOLE_PICTURE, Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.domain.scores import select_scores
from truckcount.errors import StoreError, WeightsError
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import RunOptions, config_hash, counting_options
from truckcount.pipeline.counts.camera_spans import CameraSpans
from truckcount.pipeline.counts.outages import unwatched_rows
from truckcount.pipeline.counts.timeline import keep_first_of_tick
from truckcount.pipeline.counts.windows import join_windows, whole_segments
from truckcount.pipeline.segments import is_counted
from truckcount.presence.weights import Weights, find_weights
from truckcount.store import HourStamp, Store
from truckcount.store.check import list_cameras
from truckcount.store.hour_invariants import SUMMED, find_unsummed
from truckcount.store.layout import from_us, month_of, table_files, to_us
from truckcount.store.passages_table import read_passages
from truckcount.store.publish import read_table
from truckcount.store.schema import TIME, schema_of

HOUR_US = 3_600_000_000
SLACK = 1e-3
ESTIMATED = (  # what is estimated from more than its passages
    ("duty", " (clips on a cycle: the options they were counted with are not known)"),
    ("stills", " (stills are estimated by their dwell, from cameras.toml)"),
)

Rows = list[dict[str, Any]]
Hour = tuple[str, int]
"""A gate's, by its start in microseconds UTC."""


def repair_bins(path: str | Path) -> list[str]:
    """Make bins anew that do not sum to their hours; return a line for what was done.

    Where passages and scores do not suffice, the line says what to run instead.
    """
    store = Store.open(path, is_new_allowed=False)
    done: list[str] = []
    for camera in list_cameras(store.root):
        if not store.kept_bins(camera):
            continue
        with store.lock(camera):
            done += _repair_camera(store, camera)
    return done


def _repair_camera(store: Store, camera: str) -> Iterator[str]:
    hours = _read_all(store.root, "hours", camera).to_pylist()
    rebuilder = _BinsRebuilder(store, camera, hours)
    for minutes in store.kept_bins(camera):
        table = f"bins_{minutes:02d}"
        damaged = _damaged_files(store.root, table, camera)
        for file in damaged:
            file.unlink()  # nothing is lost: it is made again with its hours
            yield f"{file}: removed, it could not be read"
        lost = {file.stem for file in damaged}
        bins = _read_all(store.root, table, camera)
        stale = {
            (gate, to_us(start))
            for (gate, _, start), _ in find_unsummed(hours, bins, minutes)
        } | {hour for hour in rebuilder.hours if month_of(hour[1]) in lost}
        if not stale:
            continue
        mended = {hour for hour in sorted(stale) if rebuilder.rebuild(hour, minutes)}
        if mended:
            n = len(mended)
            yield f"{camera}: {table} of {n} hours rebuilt from passages and scores"
        if stale - mended:
            kinds = {
                row["source_kind"]
                for hour in stale - mended
                for row in rebuilder.hours.get(hour, ())
            }
            yield _advise(store, camera, minutes, sorted(stale - mended), kinds)


class _BinsRebuilder:
    """Makes the bins of hours of one camera."""

    def __init__(self, store: Store, camera: str, hours: Rows) -> None:
        self._store, self._camera = store, camera
        self.hours: dict[Hour, Rows] = defaultdict(list)
        for row in hours:
            self.hours[row["gate"], to_us(row["hour_start_utc"])].append(row)
        records = [r for r in store.segments(camera) if is_counted(r)]
        self._spans = CameraSpans(records, store.seals(camera).deleted)
        self._passages = read_passages(store.root, camera)
        self._gates = _configured_gates(store.root, camera)

    def rebuild(self, hour: Hour, minutes: int) -> bool:
        """Write the bins of an hour; False where they would not sum to it."""
        name, start_us = hour
        rows = self.hours.get(hour)
        if not rows:
            return False
        gate = self._gate(name, {r["direction"] for r in rows})
        if not _is_told(gate, rows):
            return False
        if all(r["coverage_s"] + r["unusable_s"] == 0 for r in rows):
            made = unwatched_rows(gate, [start_us], minutes)
        else:
            made = self._count(gate, rows[0], start_us, minutes)
        if not _sums_to(made, rows):
            return False
        made = [self._with_clock(row, rows[0], minutes) for row in made]
        self._store.write_hours(_stamp_of(rows[0]), made)
        return True

    def _with_clock(self, row: HourRow, hour: dict[str, Any], minutes: int) -> HourRow:
        end_us = row.bin_start_us + minutes * 60_000_000
        found = self._spans.clock_of(row.bin_start_us, end_us)
        offset_s, sd_s = (hour["clock_offset_s"], 0.0) if found is None else found
        return replace(row, clock_offset_s=offset_s, clock_sd_s=sd_s)

    def _gate(self, name: str, directions: set[str]) -> Gate:
        gate = self._gates.get(name, replace(WHOLE_PICTURE, name=name))
        if set(gate.directions) == directions:
            return gate
        # it was another then; of its direction only the rows matter here
        return replace(gate, in_vector=None if directions == {"any"} else (1.0, 0.0))

    def _count(
        self, gate: Gate, hour: dict[str, Any], start_us: int, minutes: int
    ) -> list[HourRow]:
        options, is_certain = _options_of(gate, hour)
        made = count_hours(
            self._passages_of(gate.name, start_us),
            self._coverage(gate, start_us, options),
            gate,
            bin_minutes=minutes,
            from_us=start_us,
            to_us=start_us + HOUR_US,
            source_kind=hour["source_kind"],
            options=options,
        )
        if is_certain:
            return made
        # when the gate was busy follows from the thresholds, and they were others
        return [replace(row, busy_s=None) for row in made]

    def _coverage(
        self, gate: Gate, start_us: int, options: CountingOptions
    ) -> Coverage:
        window = (start_us, start_us + HOUR_US)
        low, high = whole_segments(self._spans.around(*window), *window)
        won = self._spans.won_within(low, high)
        scores = self._store.read_scores(self._camera, gate.name, (low, high), won)
        begin = low if gate.active_from_us is None else gate.active_from_us
        end = high if gate.active_to_us is None else gate.active_to_us
        valid = select_scores(scores, (scores.t_us >= begin) & (scores.t_us < end))
        sampled = keep_first_of_tick(valid, RunOptions().sample_fps)
        return measure_coverage(sampled, options)

    def _passages_of(self, gate: str, start_us: int) -> list[Passage]:
        """Return a gate's passages that an hour sees, without their paths."""
        low, high = (
            pa.scalar(t, pa.int64()).cast(TIME) for t in (start_us, start_us + HOUR_US)
        )
        ends = pc.field("offset_utc")
        is_seen = (
            (pc.field("gate") == gate)
            & (pc.field("onset_utc") < high)
            & ((pc.field("onset_utc") >= low) | (ends > low) | ends.is_null())
        )
        return [_passage_of(r) for r in self._passages.filter(is_seen).to_pylist()]


def _is_told(gate: Gate, rows: Rows) -> bool:
    """Tell whether what estimates an hour follows from what the store has.

    Film needs its passages and what was watched. Clips on a cycle need the debounce
    that they were counted with, and stills the mean dwell and their neighbours.
    """
    kinds = {r["source_kind"] for r in rows}
    return kinds == {"video"} or (kinds == {"duty"} and _options_of(gate, rows[0])[1])


def _options_of(gate: Gate, hour: dict[str, Any]) -> tuple[CountingOptions, bool]:
    """Return what an hour was counted with, as far as that can be told; and whether."""
    weights = _weights_of(hour["model_id"])
    thresholds = () if weights is None else weights.header.thresholds
    options = counting_options(gate, thresholds)
    digest = config_hash(gate, hour["model_id"], options, RunOptions())
    return options, digest == hour["config_hash"]


def _weights_of(model_id: str) -> Weights | None:
    """Return the shipped weights of an id, if they are."""
    try:
        weights = find_weights(model_id.split("@")[0])
    except WeightsError:
        return None
    return weights if weights.model_id == model_id else None


def _configured_gates(root: Path, camera: str) -> dict[str, Gate]:
    """Return a camera's gates of the copy of ``cameras.toml``, by name."""
    path = root / "_meta" / "cameras.toml"
    cameras = load_cameras(path).cameras if path.exists() else ()
    return {gate.name: gate for c in cameras if c.name == camera for gate in c.gates}


def _sums_to(made: Sequence[HourRow], hours: Rows) -> bool:
    """Tell whether bins sum to the hour's rows in all that is summed."""
    for hour in hours:
        own = [row for row in made if row.direction == hour["direction"]]
        for name in SUMMED:
            seen = [v for v in (getattr(r, name) for r in own) if v is not None]
            if bool(seen) != (hour[name] is not None):
                return False
            if seen and abs(sum(seen) - hour[name]) > SLACK:
                return False
    return True


def _stamp_of(hour: dict[str, Any]) -> HourStamp:
    return HourStamp(
        camera=hour["camera"],
        timezone=hour["tz"],
        source_kind=hour["source_kind"],
        model_id=hour["model_id"],
        config_hash=hour["config_hash"],
    )


def _passage_of(row: dict[str, Any]) -> Passage:
    names = Passage.__dataclass_fields__.keys() & row.keys()
    offset: datetime | None = row["offset_utc"]
    return Passage(
        onset_us=to_us(row["onset_utc"]),
        offset_us=None if offset is None else to_us(offset),
        **{name: row[name] for name in names},
    )


def _advise(
    store: Store, camera: str, minutes: int, left: Sequence[Hour], kinds: Set[str]
) -> str:
    """Say which command makes the bins of hours that this one could not, and why.

    Parameters
    ----------
    kinds : set of str
        What those hours were watched with.
    """
    starts = [start for _, start in left]
    low, high = (
        f"{from_us(t):%Y-%m-%dT%H:%MZ}" for t in (min(starts), max(starts) + HOUR_US)
    )
    what = f"{camera}: bins_{minutes:02d} of {len(left)} hours do not sum to them and "
    windows = join_windows([(t, t + HOUR_US) for t in starts])
    seals = store.seals(camera)
    if not any(seals.open_parts(window) for window in windows):
        return what + "stay so: their scores are gone; take the hours instead"
    why = "".join(why for kind, why in ESTIMATED if kind in kinds)
    command = (
        f"truckcount recount {shlex.quote(str(store.root))} --camera {camera} "
        f"--bins {minutes} --from {low} --to {high}"
    )
    return (
        what
        + f"could not be rebuilt{why}; run `{command}` with the --config, --model, "
        "--sample-fps and thresholds that they were counted with"
    )


def _damaged_files(root: Path, table: str, camera: str) -> list[Path]:
    damaged = []
    for file in table_files(root, table, camera):
        try:
            read_table(file, table)
        except StoreError:
            damaged.append(file)
    return damaged


def _read_all(root: Path, table: str, camera: str) -> pa.Table:
    empty = schema_of(table).empty_table()
    parts = [read_table(file, table) for file in table_files(root, table, camera)]
    return pa.concat_tables(
        [empty, *(p.replace_schema_metadata(empty.schema.metadata) for p in parts)]
    )
