"""How far a change reaches: quiet moments between which counting stands alone.

Counting is a fold over days of touching files. Where no truck is about, the state
of the fold is empty, and counting may begin or end there and give the same: a new
hour of a camera that never stops costs an hour, not the year before it. A road that
has no such moment goes on from a kept state (``gate_counter.py`` says why no other
cut is exact); ``restless_hours`` tells where one is worth keeping.
"""

import bisect
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from truckcount.counting import CountingOptions
from truckcount.domain.scores import Scores
from truckcount.pipeline.counts.timeline import Interval, Span

S_US = 1_000_000
HOUR_US = 3600 * S_US
REACHES_US = (2 * HOUR_US, 26 * HOUR_US, 24 * 40 * HOUR_US)
MARGIN_US = 3 * S_US  # one tick's samples, and a first sample's look back
START_US = 2 * S_US  # a truck found sooner after the start might have been there

ReadScores = Callable[[int, int], Scores]
"""Gives a gate's scores of [low, high)."""
Edge = Callable[[int], int]
"""Gives the end of the touching segments, exact where it lies within a reach."""


def quiet_cuts(scores: Scores, options: CountingOptions) -> list[Interval]:
    """Find the stretches [a, b] at any moment of which counting may be cut.

    A moment is quiet when nothing was seen for so long before it that every track
    and presence has ended, and nothing begins just after it; or when it lies in a
    gap of coverage, which ends everything.
    """
    usable = scores.quality_flags == 0
    times = scores.t_us[usable]
    if not len(times):
        return []
    strong = scores.peaks["p"] >= int(options.peak_floor * 255)
    total = np.concatenate([[0], np.cumsum(strong)])
    n_strong = total[scores.peak_start[1:]] - total[scores.peak_start[:-1]]
    is_active = (n_strong > 0) | (scores.score_u8 >= int(options.off_score * 255))
    active = times[is_active[usable]]
    # what is beyond either end is not known: take it for active
    edges = np.concatenate([times[:1], active, times[-1:]])
    rest_us = round(max(options.stand_fill_s, options.fill_s) * S_US) + S_US
    low, high = edges[:-1] + rest_us, edges[1:] - START_US
    cuts = [
        (int(a), int(b))
        for a, b in zip(low[low <= high], high[low <= high], strict=True)
    ]
    gap = np.flatnonzero(np.diff(times) > options.seam_s * S_US)
    cuts += [(int(times[i]) + 1, int(times[i + 1])) for i in gap.tolist()]
    return sorted(cuts)


def cut_before(
    read: ReadScores,
    options: CountingOptions,
    moment: int,
    outer: Edge,
    reaches: Sequence[int] = REACHES_US,
) -> int | None:
    """Return the last cut well before a moment, at the earliest the outer end.

    None where there is none within the reaches.
    """
    limit = moment - MARGIN_US - round(options.seam_s * S_US)
    for reach in reaches:
        edge = outer(reach)
        begin = max(edge, moment - reach)
        fit = [
            min(b, limit)
            for a, b in quiet_cuts(read(begin, moment), options)
            if a <= limit
        ]
        if fit:
            return max(fit)
        if begin == edge:
            return edge
    return None


def cut_after(
    read: ReadScores,
    options: CountingOptions,
    moment: int,
    outer: Edge,
    reaches: Sequence[int] = REACHES_US,
) -> int | None:
    """Return the first cut well after a moment, at the latest the outer end.

    None where there is none within the reaches.
    """
    limit = moment + MARGIN_US + round(options.seam_s * S_US)
    for reach in reaches:
        edge = outer(reach)
        end = min(edge, moment + reach)
        fit = [
            max(a, limit)
            for a, b in quiet_cuts(read(moment, end), options)
            if b >= limit
        ]
        if fit:
            return min(fit)
        if end == edge:
            return edge
    return None


def restless_hours(
    scores: Scores, options: CountingOptions, near_us: int | None = None
) -> list[int]:
    """Return the full hours before which no cut lies within the first reach.

    Parameters
    ----------
    near_us : int, optional
        A cut, or the outer end, that is known already.
    """
    if not len(scores):
        return []
    cuts = np.array(quiet_cuts(scores, options), np.int64).reshape(-1, 2)
    first, last = (int(t) // HOUR_US for t in (scores.t_us[0], scores.t_us[-1]))
    found = []
    for hour in range((first + 1) * HOUR_US, last * HOUR_US + 1, HOUR_US):
        limit = hour - MARGIN_US - round(options.seam_s * S_US)
        low = hour - REACHES_US[0]
        is_near = near_us is not None and near_us >= low
        is_quiet = (cuts[:, 0] <= limit) & (np.minimum(cuts[:, 1], limit) >= low)
        if not is_near and not is_quiet.any():
            found.append(hour)
    return found


def whole_segments(
    spans: Sequence[Span], low: int, high: int, margin_us: int = MARGIN_US
) -> Interval:
    """Widen [low, high) to whole segments: what a sample stands for is by segment.

    ``spans`` are sorted by start.
    """
    begin, end = low, high
    last = bisect.bisect_right(spans, high, key=lambda s: s.start_us)
    for span in spans[:last]:
        if span.end_us > low:
            begin, end = min(begin, span.start_us), max(end, span.end_us)
    return begin - margin_us, end + margin_us


def split_days(window: Interval, day_us: int = 24 * HOUR_US) -> list[Interval]:
    """Split a window at UTC midnights, so that memory holds days, not months."""
    low, high = window
    edges = [low, *range((low // day_us + 1) * day_us, high, day_us), high]
    return [(a, b) for a, b in itertools.pairwise(edges) if a < b]


def join_windows(windows: Sequence[Interval]) -> list[Interval]:
    """Join windows that overlap or touch."""
    joined: list[Interval] = []
    for low, high in sorted(windows):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
