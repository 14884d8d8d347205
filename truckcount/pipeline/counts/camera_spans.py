"""The places of a camera's counted segments, read as far as they are asked for.

What a new file changes lies near it. A camera that records five-minute files has
100,000 segments after a year: those near the change are read, and where the
counting has to look farther back, some more.
"""

import bisect
import itertools
import math
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.pipeline.counts.timeline import (
    Interval,
    Span,
    affected_windows,
    resolve_overlaps,
    span_of,
)
from truckcount.pipeline.counts.windows import join_windows
from truckcount.store import SegmentRecord, Store
from truckcount.store.seals import subtract
from truckcount.store.segments_table import neighbours, segment_rows

HOUR_US = 3_600_000_000
FOREVER_US = 2**62
SLACK_US = 2 * HOUR_US  # segments more than an hour apart never touch
PAD_US = 8 * HOUR_US  # read beyond what was asked for: the next question's answer
_COLUMNS = (
    "segment_id", "start_utc", "end_utc", "width", "height", "source_kind",
    "n_samples", "duration_s", "clock_offset_s", "clock_sd_s", "status",
)  # fmt: skip


class CameraSpans:
    """Spans by time, and which of them owns a moment.

    Parameters
    ----------
    records : sequence of SegmentRecord
        Counted segments; they go before what the store says of them.
    store, camera : Store and str, optional
        Where the others are read; without, there are no others.
    holes : sequence of (low_us, high_us)
        Times that no segment counts for: they were deleted.
    """

    def __init__(
        self,
        records: Sequence[SegmentRecord],
        holes: Sequence[Interval],
        store: Store | None = None,
        camera: str = "",
    ) -> None:
        self._holes, self._store, self._camera = holes, store, camera
        self._own = {r.segment_id for r in records}
        self._known: list[Interval] = []
        self._arrange([span_of(r) for r in records])

    def _arrange(self, spans: Sequence[Span]) -> None:
        self._spans = sorted(spans, key=lambda s: (s.start_us, s.segment_id))
        ends = (span.end_us for span in self._spans)
        self._reach = list(itertools.accumulate(ends, max))
        self._won: dict[str, list[Interval]] | None = None

    def around(self, low_us: int, high_us: int) -> list[Span]:
        """Return the spans that begin before ``high_us`` and end after ``low_us``."""
        self._read(low_us, high_us)
        # of those before the first, none reaches to low
        first = bisect.bisect_right(self._reach, low_us)
        last = bisect.bisect_left(self._spans, high_us, key=lambda s: s.start_us)
        return [s for s in self._spans[first:last] if s.end_us > low_us]

    def won_within(self, low_us: int, high_us: int) -> Mapping[str, Sequence[Interval]]:
        """Return the times each segment counts for; they hold in [low, high)."""
        self._read(low_us, high_us)
        if self._won is None:
            self._won = {
                segment_id: subtract(parts, self._holes) if self._holes else parts
                for segment_id, parts in resolve_overlaps(self._spans).items()
            }
        return self._won

    def clock_of(self, low_us: int, high_us: int) -> tuple[float, float] | None:
        """Return clock offset and standard deviation of [low, high), seconds.

        Means over the segments, each weighted by the time it counts for there
        (features.md section 1.1); None where there is none.
        """
        near = self.around(low_us, high_us)
        won = self.won_within(low_us, high_us)
        held_us = [
            sum(max(0, min(b, high_us) - max(a, low_us)) for a, b in won[s.segment_id])
            for s in near
        ]
        if not sum(held_us):
            return None
        return (
            _mean([s.clock_offset_s for s in near], held_us),
            _mean([s.clock_sd_s for s in near], held_us),
        )

    def won_near(self, touched: Sequence[Interval]) -> dict[str, list[Interval]]:
        """Return all the times of each segment that a change of these times touches."""
        near = [span for low, high in touched for span in self.around(low, high)]
        for span in near:  # what began before one of them, and reaches into it
            self.around(span.start_us, span.end_us)
        return {
            span.segment_id: list(
                self.won_within(span.start_us, span.end_us)[span.segment_id]
            )
            for span in near
        }

    def stretch(self, window: Interval, reach_us: int, seam_us: int) -> Interval:
        """Return the touching segments around a window, in whole hours.

        Parameters
        ----------
        reach_us : int
            Either end is exact where it lies within this of the window, and
            beyond that somewhere farther out.
        """
        low, high = window
        reach_us = min(reach_us, FOREVER_US // 2) + seam_us + SLACK_US
        found = affected_windows(
            self.around(low - reach_us, high + reach_us),
            [window],
            seam_us=seam_us,
            bin_us=HOUR_US,
        )
        return found[0]

    def neighbours(self, low_us: int, high_us: int) -> tuple[int | None, int | None]:
        """Return the last end up to ``low_us`` and the first start from ``high_us``."""
        before: list[int] = [s.end_us for s in self._spans if s.end_us <= low_us]
        after: list[int] = [s.start_us for s in self._spans if s.start_us >= high_us]
        if self._store is not None:
            end, start = neighbours(
                self._store.root, self._camera, low_us, high_us, self._own
            )
            before += [] if end is None else [end]
            after += [] if start is None else [start]
        return max(before, default=None), min(after, default=None)

    def _read(self, low_us: int, high_us: int) -> None:
        if self._store is None:
            return
        missing = subtract([(low_us, high_us)], self._known)
        if not missing:
            return
        padded = join_windows([(a - PAD_US, b + PAD_US) for a, b in missing])
        self._known = join_windows([*self._known, *padded])
        spans = {s.segment_id: s for s in self._spans}
        root = self._store.root
        for low, high in padded:
            for table in segment_rows(root, self._camera, low, high, _COLUMNS):
                for span in _spans_of(table):
                    if span.segment_id not in self._own:
                        spans[span.segment_id] = span
        self._arrange(list(spans.values()))


def _mean(values: Sequence[float], weights_us: Sequence[int]) -> float:
    """Average; exactly the value where all agree, so that hours do not flicker."""
    told = {v for v, w in zip(values, weights_us, strict=True) if w}
    if len(told) == 1:
        return told.pop()
    pairs = zip(values, weights_us, strict=True)
    return round(math.fsum(v * w for v, w in pairs) / sum(weights_us), 3)


def _spans_of(table: pa.Table) -> list[Span]:
    counted = table.filter(pc.field("status") == "done").select(_COLUMNS[:-1])
    columns = [
        column.cast(pa.int64()).to_pylist()
        if pa.types.is_timestamp(column.type)
        else column.to_pylist()
        for column in counted.columns
    ]
    return [
        Span(
            segment_id=segment_id,
            start_us=start_us,
            end_us=end_us,
            aspect=width / height if width and height else None,
            is_stills=kind == "stills",
            n_samples=n_samples or 0,
            duration_s=duration_s or 0.0,
            clock_offset_s=clock_offset_s,
            clock_sd_s=clock_sd_s,
        )
        for (
            segment_id, start_us, end_us, width, height, kind, n_samples, duration_s,
            clock_offset_s, clock_sd_s,
        ) in zip(*columns, strict=True)
    ]  # fmt: skip
