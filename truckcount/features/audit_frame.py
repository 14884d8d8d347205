"""A store to the sampling frame: all windows that were fully watched, with counts."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from truckcount.domain.calibration import regime_of
from truckcount.errors import CalibrationError
from truckcount.store import SegmentRecord, Store
from truckcount.store.layout import days_between, file_path, from_us, to_us
from truckcount.store.publish import read_table
from truckcount.store.read import read_hours

HOUR_US = 3_600_000_000
FULL_SHARE = 0.98  # of a window: its edges and seams cost a sample or two
AUDITED = ("in", "out", "any")  # nobody can label a direction as `unknown`

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FrameWindow:
    """One window that could be drawn."""

    start_us: int
    end_us: int
    x: int
    """Trucks that the machine counted in it."""
    regime: str
    """``day`` or ``night``, by the clock at the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """All fully watched windows of one gate and direction in one period."""

    camera: str
    gate: str
    direction: str
    model_id: str
    config_hash: str
    windows: tuple[FrameWindow, ...]

    @property
    def sha(self) -> str:
        """12 hex over what could be drawn."""
        text = "|".join(
            [self.camera, self.gate, self.direction, self.config_hash]
            + [f"{w.start_us},{w.end_us},{w.x},{w.regime}" for w in self.windows]
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def month_span(month: str) -> tuple[int, int]:
    """Return the microseconds [start, end) of a UTC month such as ``2026-03``."""
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        msg = f"{month!r} is no month like 2026-03"
        raise CalibrationError(msg) from error
    year, number = divmod(first.year * 12 + first.month, 12)
    return to_us(first), to_us(datetime(year, number + 1, 1, tzinfo=UTC))


def latest_month(root: Path, camera: str) -> str:
    """Return the newest month in which the camera watched anything."""
    hours = read_hours(root, camera=camera)
    watched = hours.filter(pc.field("coverage_s") > 0)["hour_start_utc"]
    if not len(watched):
        msg = f"camera {camera!r} has no watched hour in {root}; nothing to audit"
        raise CalibrationError(msg)
    return f"{pc.max(watched).as_py():%Y-%m}"


def build_frames(
    store: Store, camera: str, span: tuple[int, int], window_s: int | None
) -> list[Frame]:
    """Build the frames of a camera: one for each gate and direction.

    Parameters
    ----------
    span : (start_us, end_us)
        Period, usually a calendar month.
    window_s : int or None
        Seconds of a window, a divisor of 3600; None takes every counted file as
        one window (duty-cycled clips).

    Notes
    -----
    Where the configuration changed within the period, the newest one is audited:
    a calibration holds for one configuration only.
    """
    if window_s is not None and (window_s <= 0 or 3600 % window_s):
        msg = f"a window of {window_s} s does not divide the hour; use 600 or 900"
        raise CalibrationError(msg)
    hours = read_hours(store.root, camera=camera).to_pylist()
    records = [r for r in store.segments(camera, window=span) if r.status == "done"]
    frames = []
    by_gate = itertools.groupby(
        sorted(hours, key=lambda r: str(r["gate"])), key=lambda r: str(r["gate"])
    )
    for gate, group in by_gate:
        rows = [r for r in group if span[0] <= to_us(r["hour_start_utc"]) < span[1]]
        watched = [r for r in rows if r["coverage_s"] > 0]
        if not watched:
            continue
        newest = max(watched, key=lambda r: r["hour_start_utc"])
        digest = newest["config_hash"]
        own = {
            to_us(r["hour_start_utc"]) for r in watched if r["config_hash"] == digest
        }
        spans = [
            w
            for w in _watched_windows(store.root, camera, gate, records, span, window_s)
            if w[0] // HOUR_US * HOUR_US in own
        ]
        zone = ZoneInfo(newest["tz"])
        for direction in sorted({str(r["direction"]) for r in watched}):
            if direction in AUDITED and spans:
                onsets = counted_onsets(store.root, camera, gate, direction, span)
                windows = tuple(_with_counts(spans, onsets, zone))
                frames.append(
                    Frame(
                        camera=camera,
                        gate=gate,
                        direction=direction,
                        model_id=newest["model_id"],
                        config_hash=digest,
                        windows=windows,
                    )
                )
    return frames


def _with_counts(
    spans: list[tuple[int, int]], onsets: Int64Array, zone: ZoneInfo
) -> Iterator[FrameWindow]:
    for start, end in spans:
        low, high = np.searchsorted(onsets, [start, end])
        local = from_us(start).astimezone(zone)
        yield FrameWindow(start, end, int(high - low), regime_of(local.hour))


def counted_onsets(
    root: Path, camera: str, gate: str, direction: str, span: tuple[int, int]
) -> Int64Array:
    """Return the onsets of counted passages in the months of a span, in order."""
    months = sorted({day[:7] for day in days_between(*span)})
    found = [np.empty(0, np.int64)]
    for month in months:
        table = read_table(file_path(root, "passages", camera, month), "passages")
        mine = table.filter(
            (pc.field("gate") == gate)
            & (pc.field("direction") == direction)
            & pc.field("is_counted")
        )
        found.append(mine["onset_utc"].cast(pa.int64()).to_numpy())
    return np.sort(np.concatenate(found))


def _watched_windows(
    root: Path,
    camera: str,
    gate: str,
    records: list[SegmentRecord],
    span: tuple[int, int],
    window_s: int | None,
) -> list[tuple[int, int]]:
    won = {r.segment_id: r.winner_intervals for r in records}
    if window_s is None:
        files = sorted(i for intervals in won.values() for i in intervals)
        candidates = [(a, b) for a, b in files if span[0] <= a and b <= span[1]]
    else:
        size = window_s * 1_000_000
        first = -(-span[0] // size) * size
        candidates = [(t, t + size) for t in range(first, span[1] - size + 1, size)]
    if not candidates:
        return []
    edges = np.array(sorted({t for pair in candidates for t in pair}), np.int64)
    seconds = np.zeros(len(edges) + 1)
    for day in days_between(int(edges[0]), int(edges[-1])):
        t_us, dt_s = usable_samples(root, camera, gate, day, won)
        place = np.searchsorted(edges, t_us, side="right")
        seconds += np.bincount(place, dt_s, minlength=len(seconds))
    starts = np.searchsorted(edges, [a for a, _ in candidates], side="right")
    return [
        (a, b)
        for (a, b), k in zip(candidates, starts, strict=True)
        if seconds[k] >= FULL_SHARE * (b - a) / 1e6
    ]


def usable_samples(
    root: Path,
    camera: str,
    gate: str,
    day: str,
    won: dict[str, tuple[tuple[int, int], ...]],
) -> tuple[Int64Array, npt.NDArray[np.float64]]:
    """Return the times of a day's usable samples and the seconds each stands for.

    Only the columns that are needed are read: a month of samples has millions.
    """
    path = file_path(root, "scores", camera, day)
    if not path.exists():
        return np.empty(0, np.int64), np.empty(0)
    table = pq.read_table(
        path,
        columns=["t_utc", "dt_s", "segment_id"],
        filters=(pc.field("gate") == gate) & (pc.field("state") >= 0),
        partitioning=None,
    )
    t_us = table["t_utc"].cast(pa.int64()).to_numpy()
    keep = np.zeros(len(t_us), np.bool_)
    for segment_id in pc.unique(table["segment_id"]).to_pylist():
        mine = pc.equal(table["segment_id"], segment_id).to_numpy()
        for low, high in won.get(segment_id, ()):
            keep |= mine & (t_us >= low) & (t_us < high)
    return t_us[keep], table["dt_s"].to_numpy()[keep].astype(np.float64)
