"""Stored scores of one camera to passages and hours: the last three hops."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from truckcount.counting import count_hours, count_passages, measure_coverage
from truckcount.domain.camera import Camera, Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.pipeline.config import RunOptions, config_hash, counting_options
from truckcount.pipeline.timeline import (
    Interval,
    Span,
    affected_window,
    keep_first_of_tick,
    resolve_overlaps,
)
from truckcount.presence.weights import Weights
from truckcount.store import HourStamp, SegmentRecord, Store

US_PER_MINUTE = 60_000_000
HOUR_US = 60 * US_PER_MINUTE
MAX_NULL_HOURS = 400 * 24  # fill no longer outage with null rows than the scores live


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCounts:
    """What the window of a camera counts to."""

    window: Interval
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
    now_us: int | None = None,
) -> CameraCounts | None:
    """Count what changed segments touch and publish it; call under the lock.

    Parameters
    ----------
    records : sequence of SegmentRecord
        All counted segments of the camera, the changed ones among them.
    changed : set of str
        Ids of segments that are new or whose configuration changed.
    """
    spans = [
        Span(segment_id=r.segment_id, start_us=r.start_us, end_us=r.end_us)
        for r in records
        if r.start_us is not None and r.end_us is not None
    ]
    gates = [
        (gate, counting_options(gate, weights.header.thresholds))
        for gate in camera.gates
    ]
    seam_us = round(max(o.seam_s for _, o in gates) * 1e6)
    window = affected_window(spans, changed, seam_us=seam_us, bin_us=HOUR_US)
    if window is None:
        return None
    won = resolve_overlaps(spans)
    aspect = _aspect(records, changed)
    passages: list[Passage] = []
    hours: list[HourRow] = []
    for gate, counting in gates:
        scores = store.read_scores(camera.name, gate.name, window, won)
        scores = keep_first_of_tick(scores, options.sample_fps)
        found = count_passages(scores, gate, counting, aspect)
        coverage = measure_coverage(scores, counting)
        digest = config_hash(gate, weights.model_id, counting, options)
        store.write_passages(
            camera.name,
            gate.name,
            found,
            window,
            model_id=weights.model_id,
            config_hash=digest,
            now_us=now_us,
        )
        stamp = HourStamp(
            camera=camera.name,
            timezone=camera.timezone,
            source_kind=camera.source_kind,
            model_id=weights.model_id,
            config_hash=digest,
            clock_offset_s=camera.clock_shift_s,
        )
        for minutes in sorted({60, options.bins}):
            rows = count_hours(
                found,
                coverage,
                gate,
                bin_minutes=minutes,
                from_us=window[0],
                to_us=window[1],
            )
            if minutes == 60:
                rows = _outage_rows(gate, spans, window) + rows
            rows = [_as_source_kind(row, camera.source_kind) for row in rows]
            store.write_hours(stamp, rows, now_us)
            if minutes == options.bins:
                hours.extend(row for row in rows if row.bin_start_us >= window[0])
        passages.extend(found)
    return CameraCounts(
        window=window, passages=tuple(passages), hours=tuple(hours), won=won
    )


def _aspect(records: Sequence[SegmentRecord], changed: set[str]) -> float:
    """Width / height of the newest picture; a camera keeps its shape."""
    sized = [
        r.width / r.height
        for r in records
        if r.width and r.height and r.segment_id in changed
    ]
    return sized[-1] if sized else 16 / 9


def _outage_rows(gate: Gate, spans: Sequence[Span], window: Interval) -> list[HourRow]:
    """Null rows for unwatched hours between this window and its neighbours."""
    before = [s.end_us for s in spans if s.end_us <= window[0]]
    after = [s.start_us for s in spans if s.start_us >= window[1]]
    stretches = []
    if before:
        stretches.append((-(-max(before) // HOUR_US) * HOUR_US, window[0]))
    if after:
        stretches.append((window[1], min(after) // HOUR_US * HOUR_US))
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
        for low, high in stretches
        if (high - low) // HOUR_US <= MAX_NULL_HOURS
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
