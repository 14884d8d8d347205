"""Sample times to what was watched: usable, unusable and busy stretches."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truckcount.counting.debounce import Debouncer
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
        mask = self.is_usable if usable else ~self.is_usable
        span = np.minimum(self.end_us[mask], high_us) - np.maximum(
            self.start_us[mask], low_us
        )
        return float(np.clip(span, 0, None).sum()) / 1e6

    def n_samples(self, low_us: int, high_us: int) -> int:
        """Return the usable samples taken within [low, high)."""
        inside = (self.start_us >= low_us) & (self.start_us < high_us)
        return int((inside & self.is_usable).sum())

    def longest_gap_s(self, low_us: int, high_us: int) -> float:
        """Return the longest stretch of [low, high) without usable coverage."""
        keep = self.is_usable & (self.end_us > low_us) & (self.start_us < high_us)
        starts = np.append(np.maximum(self.start_us[keep], low_us), high_us)
        ends = np.insert(np.minimum(self.end_us[keep], high_us), 0, low_us)
        return float(np.max(starts - ends)) / 1e6

    def busy_s(self, low_us: int, high_us: int) -> float:
        """Return the seconds of presence within [low, high)."""
        return sum(max(0, min(b, high_us) - max(a, low_us)) for a, b in self.busy) / 1e6


def measure_coverage(scores: Scores, options: CountingOptions) -> Coverage:
    """Measure what a gate's samples cover (features.md section 4.1).

    A sample stands for the time to the next one, up to the longest gap that is
    bridged; before a longer gap it stands for the median interval of its segment.
    """
    times = scores.t_us
    is_usable = scores.quality_flags == 0
    if not len(times):
        empty = np.empty(0, np.int64)
        return Coverage(start_us=empty, end_us=empty, is_usable=is_usable, busy=())
    dt = np.diff(times, append=times[-1])
    stands_for = np.empty(len(times), np.int64)
    for index in range(len(scores.segment_ids)):
        mine = scores.segment == index
        own = np.diff(times[mine])
        median = int(np.median(own)) if len(own) else 200_000
        limit = max(options.seam_s, DT_MAX_S) * 1e6
        limit = max(limit, DT_MAX_MEDIANS * median)
        stands_for[mine] = np.where(
            (dt[mine] > 0) & (dt[mine] <= limit), dt[mine], median
        )
    # the last sample must not reach past a following one
    end = np.minimum(times + stands_for, np.append(times[1:], np.iinfo(np.int64).max))
    return Coverage(
        start_us=times,
        end_us=end,
        is_usable=np.asarray(is_usable),
        busy=_busy_stretches(scores, options),
    )


def _busy_stretches(
    scores: Scores, options: CountingOptions
) -> tuple[tuple[int, int], ...]:
    debouncer = Debouncer(options)
    usable = np.flatnonzero(scores.quality_flags == 0)
    floor = round(options.off_score * 255)
    found = []
    active = usable[scores.score_u8[usable] >= floor]
    last = -1
    for i in active.tolist():
        # a quiet sample after a dip ends a presence: show the debouncer one
        if not debouncer.is_idle and last >= 0:
            quiet = (
                usable[(usable > last) & (usable < i)]
                if i - last < 64
                else usable[
                    np.searchsorted(usable, last + 1) : np.searchsorted(usable, i)
                ]
            )
            for q in quiet.tolist():
                found += debouncer.process(int(scores.t_us[q]), 0.0, "")
                if debouncer.is_idle:
                    break
        if last >= 0 and i > 0:
            debouncer.skip_to(int(scores.t_us[usable[np.searchsorted(usable, i) - 1]]))
        found += debouncer.process(int(scores.t_us[i]), scores.score_u8[i] / 255, "")
        last = i
    for q in usable[np.searchsorted(usable, last + 1) :].tolist() if last >= 0 else []:
        if debouncer.is_idle:
            break
        found += debouncer.process(int(scores.t_us[q]), 0.0, "")
    found += debouncer.finish()
    return tuple((p.onset_us, p.offset_us) for p in found)
