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
    keep_winners,
    resolve_overlaps,
)
from truckcount.presence.weights import Weights
from truckcount.store import SegmentRecord, Store

US_PER_MINUTE = 60_000_000
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
) -> CameraCounts | None:
    """Count what changed segments touch and publish it; call under the lock.

    Parameters
    ----------
    records : sequence of SegmentRecord
        All counted segments of the camera, the changed ones among them.
    changed : set of str
        Ids of segments that are new or whose configuration changed.
    """
    spans = [_span(r) for r in records if r.start_us is not None]
    gate_options = [
        counting_options(gate, weights.header.thresholds) for gate in camera.gates
    ]
    seam_us = round(max(o.seam_s for o in gate_options) * 1e6)
    bin_us = 60 * US_PER_MINUTE
    window = affected_window(spans, changed, seam_us=seam_us, bin_us=bin_us)
    if window is None:
        return None
    won = resolve_overlaps(spans)
    aspect = _aspect(records, changed)
    passages: list[Passage] = []
    hours: list[HourRow] = []
    for gate, counting in zip(camera.gates, gate_options, strict=True):
        scores = keep_winners(store.read_scores(camera.name, gate.name, *window), won)
        found = count_passages(scores, gate, counting, aspect)
        coverage = measure_coverage(scores, counting)
        identity = {
            "model_id": weights.model_id,
            "config_hash": config_hash(gate, weights.model_id, counting, options),
        }
        store.write_passages(camera.name, gate.name, found, *window, **identity)
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
            store.write_hours(
                camera.name,
                camera.timezone,
                rows,
                gate=gate.name,
                source_kind=camera.source_kind,
                **identity,
            )
            if minutes == 60:
                hours.extend(row for row in rows if row.bin_start_us >= window[0])
        passages.extend(found)
    return CameraCounts(
        window=window, passages=tuple(passages), hours=tuple(hours), won=won
    )


def _span(record: SegmentRecord) -> Span:
    return Span(
        segment_id=record.segment_id,
        start_us=record.start_us,
        end_us=record.end_us,
    )


def _aspect(records: Sequence[SegmentRecord], changed: set[str]) -> float:
    """Width / height of the newest picture; a camera keeps its shape."""
    sized = [r for r in records if r.height and r.segment_id in changed]
    return sized[-1].width / sized[-1].height if sized else 16 / 9


def _outage_rows(gate: Gate, spans: Sequence[Span], window: Interval) -> list[HourRow]:
    """Null rows for unwatched hours between this window and its neighbours."""
    bin_us = 60 * US_PER_MINUTE
    before = [s.end_us for s in spans if s.end_us <= window[0]]
    after = [s.start_us for s in spans if s.start_us >= window[1]]
    stretches = []
    if before:
        stretches.append((-(-max(before) // bin_us) * bin_us, window[0]))
    if after:
        stretches.append((window[1], min(after) // bin_us * bin_us))
    starts = [
        t
        for low, high in stretches
        if (high - low) // bin_us <= MAX_NULL_HOURS
        for t in range(low, high, bin_us)
    ]
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
        for t in starts
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
