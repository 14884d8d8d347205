"""Segments of one camera on the clock: who wins an overlap, what must be recounted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truckcount.domain.scores import Scores, select_scores
from truckcount.domain.ticks import TickSampler

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A segment's place on the clock, microseconds since 1970-01-01 UTC."""

    segment_id: str
    start_us: int
    end_us: int


def resolve_overlaps(spans: Sequence[Span]) -> dict[str, list[Interval]]:
    """Give every instant to one segment.

    The earlier start wins, ties go to the smaller id (features.md section 4.1),
    so that the outcome does not hang on the order of arrival.
    """
    taken: list[Interval] = []
    won: dict[str, list[Interval]] = {}
    for span in sorted(spans, key=lambda s: (s.start_us, s.segment_id)):
        free = [(span.start_us, span.end_us)]
        for low, high in taken:
            free = [
                part
                for a, b in free
                for part in ((a, min(b, low)), (max(a, high), b))
                if part[0] < part[1]
            ]
        won[span.segment_id] = free
        taken.extend(free)
    return won


def keep_first_of_tick(scores: Scores, sample_fps: float) -> Scores:
    """Keep the earlier of two samples of one tick, as at the cut between files."""
    if not len(scores):
        return scores
    sampler = TickSampler(sample_fps)
    ticks = sampler.ticks_of(scores.t_us)
    keep = np.diff(ticks, prepend=ticks[0] - 1) > 0
    return scores if bool(keep.all()) else select_scores(scores, keep)


def affected_window(
    spans: Sequence[Span], changed: set[str], *, seam_us: int, bin_us: int
) -> Interval | None:
    """Find the stretch of bins that new segments can change.

    Counting carries its state over touching segments, so a new segment changes
    what follows it without a gap, and may close the seam to what precedes it.
    """
    touched = [s for s in spans if s.segment_id in changed]
    if not touched:
        return None
    low = min(s.start_us for s in touched)
    high = max(s.end_us for s in touched)
    while True:
        bin_low = low // bin_us * bin_us
        bin_high = -(-high // bin_us) * bin_us
        reached = [
            s
            for s in spans
            if s.end_us + seam_us >= bin_low and s.start_us - seam_us <= bin_high
        ]
        wider = min(s.start_us for s in reached), max(s.end_us for s in reached)
        if wider[0] >= low and wider[1] <= high:
            return bin_low, bin_high
        low, high = min(low, wider[0]), max(high, wider[1])
