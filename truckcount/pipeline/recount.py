"""Stored scores of one camera to passages and hours: the last three hops."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from truckcount.counting import (
    CountingOptions,
    count_hours,
    count_passages,
    measure_coverage,
)
from truckcount.domain.camera import Camera, Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.pipeline.config import RunOptions, config_hash, counting_options
from truckcount.pipeline.timeline import (
    Interval,
    Span,
    affected_windows,
    keep_first_of_tick,
    resolve_overlaps,
    span_of,
)
from truckcount.presence.weights import Weights
from truckcount.store import HourStamp, SegmentRecord, Store

US_PER_MINUTE = 60_000_000
HOUR_US = 60 * US_PER_MINUTE
MAX_NULL_HOURS = 400 * 24  # fill no longer outage with null rows than the scores live
MAX_SHOWN_NULL_HOURS = 7 * 24  # of an outage within one run; the store holds them all


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCounts:
    """What windows of a camera count to."""

    windows: tuple[Interval, ...]
    passages: tuple[Passage, ...]
    hours: tuple[HourRow, ...]
    won: dict[str, list[Interval]]


def publish_counts(
    store: Store,
    camera: Camera,
    records: Sequence[SegmentRecord],
    changed: set[str],
    *,
    weights: Weights,
    options: RunOptions,
    vacated: Sequence[Interval] = (),
    now_us: int | None = None,
) -> CameraCounts | None:
    """Count what changed segments touch and publish it; call under the lock.

    Parameters
    ----------
    records : sequence of SegmentRecord
        All counted segments of the camera, the changed ones among them.
    changed : set of str
        Ids of segments that are new or whose configuration changed.
    vacated : sequence of (start_us, end_us)
        Times that segments were moved away from: a corrected clock.
    """
    spans = [span_of(record) for record in records]
    gates = [
        (gate, counting_options(gate, weights.header.thresholds))
        for gate in camera.gates
    ]
    touched = [(s.start_us, s.end_us) for s in spans if s.segment_id in changed]
    windows = affected_windows(
        spans,
        [*touched, *vacated],
        seam_us=round(max(o.seam_s for _, o in gates) * 1e6),
        bin_us=HOUR_US,
    )
    if not windows:
        return None
    won = resolve_overlaps(spans)
    passages: list[Passage] = []
    hours: list[HourRow] = []
    for window in windows:
        aspect = _aspect(records, window)
        for gate, counting in gates:
            job = _GateWindow(
                store, camera, gate, counting, window, weights, options, now_us
            )
            found, rows = job.publish(spans, won, aspect)
            passages += found
            hours += rows
    if options.bins == 60:
        for (_, low), (high, _) in itertools.pairwise(windows):
            for gate in camera.gates:
                hours += _null_rows(gate, low, high, MAX_SHOWN_NULL_HOURS)
    return CameraCounts(
        windows=tuple(windows), passages=tuple(passages), hours=tuple(hours), won=won
    )


@dataclass(frozen=True, slots=True)
class _GateWindow:
    """One gate in one window: its scores to passages, hours and tables."""

    store: Store
    camera: Camera
    gate: Gate
    counting: CountingOptions
    window: Interval
    weights: Weights
    options: RunOptions
    now_us: int | None

    def publish(
        self, spans: Sequence[Span], won: dict[str, list[Interval]], aspect: float
    ) -> tuple[list[Passage], list[HourRow]]:
        """Count and write; return passages and the rows of the asked bins."""
        name, gate, window = self.camera.name, self.gate, self.window
        scores = self.store.read_scores(name, gate.name, window, won)
        scores = keep_first_of_tick(scores, self.options.sample_fps)
        found = count_passages(
            scores, gate, self.counting, aspect, has_peaks=self.weights.has_peaks
        )
        coverage = measure_coverage(scores, self.counting)
        model_id = self.weights.model_id
        digest = config_hash(gate, model_id, self.counting, self.options)
        self.store.write_passages(
            name,
            gate.name,
            found,
            window,
            model_id=model_id,
            config_hash=digest,
            now_us=self.now_us,
        )
        stamp = HourStamp(
            camera=name,
            timezone=self.camera.timezone,
            source_kind=self.camera.source_kind,
            model_id=model_id,
            config_hash=digest,
            clock_offset_s=self.camera.clock_shift_s,
        )
        asked: list[HourRow] = []
        for minutes in sorted({60, self.options.bins}):
            rows = count_hours(
                found,
                coverage,
                gate,
                bin_minutes=minutes,
                from_us=window[0],
                to_us=window[1],
            )
            rows = [_as_source_kind(row, self.camera.source_kind) for row in rows]
            if minutes == self.options.bins:
                asked = rows
            if minutes == 60:
                rows = _outage_rows(gate, spans, window) + rows
            self.store.write_hours(stamp, rows, self.now_us)
        return found, asked


def _aspect(records: Sequence[SegmentRecord], window: Interval) -> float:
    """Width / height of a window's first picture; a camera keeps its shape.

    The first by time, so that it does not hang on the order of arrival.
    """
    sized = [
        (span.start_us, r.segment_id, r.width / r.height)
        for r in records
        for span in [span_of(r)]
        if r.width and r.height
        if span.end_us > window[0] and span.start_us < window[1]
    ]
    return min(sized)[2] if sized else 16 / 9


def _outage_rows(gate: Gate, spans: Sequence[Span], window: Interval) -> list[HourRow]:
    """Null rows for unwatched hours between this window and its neighbours."""
    before = [s.end_us for s in spans if s.end_us <= window[0]]
    after = [s.start_us for s in spans if s.start_us >= window[1]]
    rows = []
    if before:
        rows += _null_rows(gate, -(-max(before) // HOUR_US) * HOUR_US, window[0])
    if after:
        rows += _null_rows(gate, window[1], min(after) // HOUR_US * HOUR_US)
    return rows


def _null_rows(
    gate: Gate, low: int, high: int, limit: int = MAX_NULL_HOURS
) -> list[HourRow]:
    """Rows of hours that nobody watched: null, never 0."""
    if (high - low) // HOUR_US > limit:
        return []
    return [
        HourRow(
            gate=gate.name,
            direction=direction,
            bin_start_us=t,
            bin_minutes=60,
            n_trucks=None,
            onsets=None,
            n_censored=None,
            coverage_s=0.0,
            unusable_s=0.0,
            max_gap_s=3600.0,
            busy_s=None,
            n_samples=0,
            occupancy_mean=None,
            n_trucks_est=None,
            n_trucks_se=None,
            n_trucks_se_indep=None,
        )
        for t in range(low, high, HOUR_US)
        for direction in gate.directions
    ]


def _as_source_kind(row: HourRow, source_kind: str) -> HourRow:
    """Blank what stills cannot show: onsets happen between the pictures."""
    if source_kind != "stills":
        return row
    return replace(
        row,
        n_trucks=None,
        onsets=None,
        n_censored=None,
        coverage_s=0.0,
        busy_s=None,
        n_trucks_est=None,
        n_trucks_se=None,
        n_trucks_se_indep=None,
    )
