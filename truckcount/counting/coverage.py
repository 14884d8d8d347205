"""Sample times to what was watched: usable, unusable and busy stretches."""

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truckcount.counting.debounce import Debouncer, Presence
from truckcount.counting.options import CountingOptions
from truckcount.domain.scores import Scores

DT_MAX_S = 2.0
DT_MAX_MEDIANS = 3.0

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """What one gate's samples cover; all times microseconds UTC."""

    start_us: Int64Array
    """Shape (N,): each sample covers [start, end); in order, disjoint."""
    end_us: Int64Array
    is_usable: npt.NDArray[np.bool_]
    busy: tuple[tuple[int, int], ...]
    """Stretches in which the gate's state was: truck present."""

    def seconds(self, low_us: int, high_us: int, *, usable: bool = True) -> float:
        """Return the covered seconds within [low, high)."""
        part = self._within(low_us, high_us)
        mask = self.is_usable[part] if usable else ~self.is_usable[part]
        span = np.minimum(self.end_us[part][mask], high_us) - np.maximum(
            self.start_us[part][mask], low_us
        )
        return float(span.sum()) / 1e6

    def n_samples(self, low_us: int, high_us: int) -> int:
        """Return the usable samples taken within [low, high)."""
        low, high = np.searchsorted(self.start_us, [low_us, high_us])
        return int(self.is_usable[low:high].sum())

    def longest_gap_s(self, low_us: int, high_us: int) -> float:
        """Return the longest stretch of [low, high) without usable coverage."""
        part = self._within(low_us, high_us)
        keep = self.is_usable[part]
        starts = np.append(np.maximum(self.start_us[part][keep], low_us), high_us)
        ends = np.insert(np.minimum(self.end_us[part][keep], high_us), 0, low_us)
        return float(np.max(starts - ends)) / 1e6

    def busy_s(self, low_us: int, high_us: int) -> float:
        """Return the seconds of presence within [low, high)."""
        first = bisect.bisect_right(self.busy, low_us, key=lambda stretch: stretch[1])
        last = bisect.bisect_left(self.busy, high_us, key=lambda stretch: stretch[0])
        inside = self.busy[first:last]
        return sum(max(0, min(b, high_us) - max(a, low_us)) for a, b in inside) / 1e6

    def clips(
        self, low_us: int, high_us: int, seam_us: int
    ) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Return the unbroken usable stretches that begin within [low, high).

        Returns
        -------
        starts, ends, firsts : int64 arrays, shape (m,)
            Each stretch, and how long its first sample stands for, microseconds.
        """
        starts = self.start_us[self.is_usable]
        ends = self.end_us[self.is_usable]
        is_first = np.ones(len(starts), np.bool_)
        is_first[1:] = starts[1:] - ends[:-1] > seam_us
        first = np.flatnonzero(is_first)
        last = np.append(first[1:], len(starts)) - 1
        begin = starts[first]
        mine = (begin >= low_us) & (begin < high_us)
        return begin[mine], ends[last][mine], (ends[first] - begin)[mine]

    def _within(self, low_us: int, high_us: int) -> slice:
        """Return which samples touch [low, high): they are in order and disjoint."""
        low = int(np.searchsorted(self.end_us, low_us, "right"))
        high = int(np.searchsorted(self.start_us, high_us, "left"))
        return slice(low, max(low, high))


class BusyCounter:
    """Turns presence scores into stretches of presence; a fold, as counting is."""

    def __init__(self, options: CountingOptions) -> None:
        self.debouncer = Debouncer(options)
        self._floor = round(options.off_score * 255)

    def process(self, scores: Scores) -> list[tuple[int, int]]:
        """Take the next scores; return the stretches that ended in them."""
        usable = np.flatnonzero(scores.quality_flags == 0)
        times, values = scores.t_us[usable], scores.score_u8[usable]
        found: list[Presence] = []
        last = -1
        active = np.flatnonzero(values >= self._floor)
        columns = (active, times[active], values[active])
        for k, t_us, value in zip(*(c.tolist() for c in columns), strict=True):
            if last + 1 < k:
                found += self._pass_quiet(times[last + 1 : k])
            found += self.debouncer.process(t_us, value / 255, "")
            last = k
        found += self._pass_quiet(times[last + 1 :])
        return [(p.onset_us, p.offset_us) for p in found]

    def _pass_quiet(self, times: Int64Array) -> list[Presence]:
        """Take quiet samples: after a dip they end a presence, then they do nothing."""
        found: list[Presence] = []
        for t_us in times:
            if self.debouncer.is_idle:
                break
            found += self.debouncer.process(int(t_us), 0.0, "")
        if len(times):
            self.debouncer.skip_to(int(times[-1]))
        return found

    def finish(self) -> list[tuple[int, int]]:
        """End what is open, as at the end of coverage."""
        return [(p.onset_us, p.offset_us) for p in self.debouncer.finish()]


def measure_coverage(
    scores: Scores,
    options: CountingOptions,
    busy: Sequence[tuple[int, int]] | None = None,
    *,
    has_peaks: bool = True,
) -> Coverage:
    """Measure what a gate's samples cover (features.md section 4.1).

    A sample stands for the time to the next one, up to the longest gap that is
    bridged; before a longer gap it stands for the median interval of its segment.
    Film whose frames are so far apart that every truck is lost between them watched
    nothing: its seconds are unusable.

    Parameters
    ----------
    busy : sequence of (start_us, end_us), optional
        The stretches of presence, where they were found already.
    has_peaks : bool
        False for networks that score whole views.
    """
    if busy is None:
        counter = BusyCounter(options)
        busy = counter.process(scores) + counter.finish()
    times = scores.t_us
    is_usable = np.asarray(scores.quality_flags == 0)
    if not len(times):
        empty = np.empty(0, np.int64)
        return Coverage(
            start_us=empty, end_us=empty, is_usable=is_usable, busy=tuple(busy)
        )
    dt = np.diff(times, append=times[-1])
    stands_for = np.empty(len(times), np.int64)
    held_us = options.held_s(has_peaks=has_peaks) * 1e6
    for mine in _by_segment(scores.segment):
        own = np.diff(times[mine])
        median = int(np.median(own)) if len(own) else 200_000
        limit = max(options.seam_s, DT_MAX_S) * 1e6
        limit = max(limit, DT_MAX_MEDIANS * median)
        stands_for[mine] = np.where(
            (dt[mine] > 0) & (dt[mine] <= limit), dt[mine], median
        )
        if median > held_us:
            is_usable[mine] &= stands_for[mine] <= held_us
    # the last sample must not reach past a following one
    end = np.minimum(times + stands_for, np.append(times[1:], np.iinfo(np.int64).max))
    return Coverage(
        start_us=times,
        end_us=end,
        is_usable=is_usable,
        busy=tuple(busy),
    )


def _by_segment(segment: npt.NDArray[np.int32]) -> list[slice] | list[Int64Array]:
    """Return each segment's samples; slices where they are not mixed."""
    edges = [0, *(np.flatnonzero(np.diff(segment)) + 1).tolist(), len(segment)]
    runs = [slice(a, b) for a, b in itertools.pairwise(edges)]
    indices = [int(segment[run.start]) for run in runs]
    if len(set(indices)) == len(indices):
        return runs
    return [np.flatnonzero(segment == index) for index in sorted(set(indices))]
