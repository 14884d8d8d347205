"""Segments of one camera on the clock: who wins an overlap, what must be recounted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truckcount.domain.scores import Scores, select_scores
from truckcount.domain.ticks import TickSampler
from truckcount.errors import StoreError
from truckcount.store import SegmentRecord

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A segment's place on the clock, microseconds since 1970-01-01 UTC."""

    segment_id: str
    start_us: int
    end_us: int
    aspect: float | None = None
    """Width / height of its picture, where known."""
    is_stills: bool = False
    n_samples: int = 0
    duration_s: float = 0.0
    clock_offset_s: float = 0.0
    clock_sd_s: float = 0.0


def span_of(record: SegmentRecord) -> Span:
    """Return the place of a counted segment.

    Raises
    ------
    StoreError
        When the segment has none: it was never counted.
    """
    if record.start_us is None or record.end_us is None:
        msg = f"segment {record.segment_id} ({record.path}) has no place on the clock"
        raise StoreError(msg)
    is_sized = record.width and record.height
    return Span(
        segment_id=record.segment_id,
        start_us=record.start_us,
        end_us=record.end_us,
        aspect=(record.width or 0) / (record.height or 1) if is_sized else None,
        is_stills=record.source_kind == "stills",
        n_samples=record.n_samples or 0,
        duration_s=record.duration_s or 0.0,
        clock_offset_s=record.clock_offset_s,
        clock_sd_s=record.clock_sd_s,
    )


def resolve_overlaps(spans: Sequence[Span]) -> dict[str, list[Interval]]:
    """Give every instant to one segment.

    The earlier start wins, ties go to the smaller id (features.md section 4.1),
    so that the outcome does not hang on the order of arrival.
    """
    won: dict[str, list[Interval]] = {}
    reach: int | None = None
    for span in sorted(spans, key=lambda s: (s.start_us, s.segment_id)):
        # all before began no later: what they hold of this one is its beginning
        low = span.start_us if reach is None else max(span.start_us, reach)
        won[span.segment_id] = [(low, span.end_us)] if low < span.end_us else []
        reach = span.end_us if reach is None else max(reach, span.end_us)
    return won


def keep_first_of_tick(scores: Scores, sample_fps: float) -> Scores:
    """Keep the earlier of two samples of one tick, as at the cut between files."""
    if not len(scores):
        return scores
    sampler = TickSampler(sample_fps)
    ticks = sampler.ticks_of(scores.t_us)
    keep = np.diff(ticks, prepend=ticks[0] - 1) > 0
    return scores if bool(keep.all()) else select_scores(scores, keep)


def affected_windows(
    spans: Sequence[Span], touched: Sequence[Interval], *, seam_us: int, bin_us: int
) -> list[Interval]:
    """Find the stretches of whole bins that a change of these times can reach.

    Counting carries its state over touching segments, so a new segment changes
    what follows it without a gap, and may close the seam to what precedes it.
    Stretches that do not touch are counted apart: a year between two files costs
    nothing.
    """
    changes = set(touched)
    everything = sorted({(s.start_us, s.end_us) for s in spans} | changes)
    windows: list[Interval] = []
    cluster: list[Interval] = []

    def close() -> None:
        if not changes.isdisjoint(cluster):
            low = cluster[0][0] // bin_us * bin_us
            high = -(-max(end for _, end in cluster) // bin_us) * bin_us
            if windows and low <= windows[-1][1]:
                low = windows.pop()[0]
            windows.append((low, high))
        cluster.clear()

    reach = 0
    for start, end in everything:
        bin_reach = -(-reach // bin_us) * bin_us
        is_apart = start - seam_us > bin_reach and reach + seam_us < (
            start // bin_us * bin_us
        )
        if cluster and is_apart:
            close()
        reach = max(reach, end) if cluster else end
        cluster.append((start, end))
    if cluster:
        close()
    return windows
