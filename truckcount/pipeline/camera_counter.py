"""Stored scores of one camera to passages and hour rows, window by window."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from truckcount.counting import (
    CountingOptions,
    count_hours,
    count_passages,
    count_still_hours,
    measure_coverage,
)
from truckcount.counting.estimates import PARKED_DWELLS
from truckcount.domain.camera import Camera, Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.domain.scores import Scores, select_scores
from truckcount.pipeline.bins import bins_of
from truckcount.pipeline.config import RunOptions, config_hash, counting_options
from truckcount.pipeline.outages import is_valid
from truckcount.pipeline.timeline import (
    Interval,
    affected_windows,
    keep_first_of_tick,
    resolve_overlaps,
    span_of,
)
from truckcount.pipeline.windows import (
    ReadScores,
    cut_after,
    cut_before,
    join_windows,
    split_days,
    whole_segments,
)
from truckcount.presence.weights import Weights
from truckcount.store import SegmentRecord
from truckcount.store.seals import Seals, subtract

HOUR_US = 3_600_000_000


class ScoresPlace(Protocol):
    """Where scores are read from: a store, or two."""

    def read_scores(
        self,
        camera: str,
        gate: str,
        window: Interval,
        won: Mapping[str, Sequence[Interval]],
    ) -> Scores:
        """Read a gate's scores in a window, each moment from one segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCounts:
    """What one gate counts to in one window."""

    gate: Gate
    config_hash: str
    source_kind: str
    window: Interval
    passages: tuple[Passage, ...]
    rows: dict[int, list[HourRow]]
    """By the minutes of their bins."""


class CameraCounter:
    """Counts windows of one camera from its stored scores; writes nothing.

    Parameters
    ----------
    records : sequence of SegmentRecord
        All counted segments of the camera.
    seals : Seals
        Hours that are left as they stand: their scores are gone.
    """

    def __init__(
        self,
        store: ScoresPlace,
        camera: Camera,
        records: Sequence[SegmentRecord],
        *,
        weights: Weights,
        options: RunOptions,
        seals: Seals,
    ) -> None:
        self._store, self._camera, self._options = store, camera, options
        self._seals = seals
        self.spans = sorted(
            (span_of(r) for r in records), key=lambda s: (s.start_us, s.segment_id)
        )
        self.won = {
            segment_id: subtract(parts, seals.deleted)
            for segment_id, parts in resolve_overlaps(self.spans).items()
        }
        self.model_id = weights.model_id
        self._has_peaks = weights.has_peaks
        self._shapes = sorted(
            (r.start_us or 0, r.segment_id, r.end_us or 0, r.width / r.height)
            for r in records
            if r.width and r.height
        )
        self._records = {r.segment_id: r for r in records}
        self.gates: list[tuple[Gate, CountingOptions, str]] = []
        for gate in camera.gates:
            counting = counting_options(gate, weights.header.thresholds)
            digest = config_hash(gate, weights.model_id, counting, options)
            self.gates.append((gate, counting, digest))

    def windows(self, touched: Sequence[Interval]) -> list[Interval]:
        """Return the whole hours that a change of these times can reach.

        Sealed ones are left out.
        """
        seam_us = round(max(o.seam_s for _, o, _ in self.gates) * 1e6)
        narrow = []
        for low, high in join_windows([self._with_losers(t) for t in touched]):
            for outer in affected_windows(
                self.spans, [(low, high)], seam_us=seam_us, bin_us=HOUR_US
            ):
                begin, end = low, high
                for gate, counting, _ in self.gates:
                    read = self._reader(gate)
                    lead = self._parked_us(gate)
                    first = cut_before(read, counting, low - lead, outer[0])
                    last = cut_after(read, counting, high + lead, outer[1])
                    begin, end = min(begin, first), max(end, last)
                bins = (begin // HOUR_US * HOUR_US, -(-end // HOUR_US) * HOUR_US)
                narrow.append((max(bins[0], outer[0]), min(bins[1], outer[1])))
        return self.unsealed(join_windows(narrow))

    def unsealed(self, windows: Sequence[Interval]) -> list[Interval]:
        """Leave out sealed hours."""
        return [part for window in windows for part in self._seals.open_parts(window)]

    def count(self, windows: Sequence[Interval]) -> Iterator[GateCounts]:
        """Count each gate in each window of whole hours, a day at a time."""
        for window in self.unsealed(windows):
            for part in split_days(window):
                for gate, counting, digest in self.gates:
                    yield self._count_gate(gate, counting, digest, part)

    def _count_gate(
        self, gate: Gate, counting: CountingOptions, digest: str, window: Interval
    ) -> GateCounts:
        low, high = window
        read, lead = self._reader(gate), self._parked_us(gate)
        seam_us = round(counting.seam_s * 1e6)
        outer = self._outer(low - lead, high + lead, seam_us)
        begin = cut_before(read, counting, low - lead, outer[0])
        end = cut_after(read, counting, high + lead, outer[1])
        scores = read(*whole_segments(self.spans, begin, end))
        scores = keep_first_of_tick(scores, self._options.sample_fps)
        minutes = bins_of(self._camera.timezone, self._options.bins, low, high)
        passages: list[Passage] = []
        rows: dict[int, list[HourRow]] = {}
        kind = self._kind(window, counting)
        if kind == "stills":
            for n in minutes:
                rows[n] = count_still_hours(
                    scores, gate, counting, bin_minutes=n, from_us=low, to_us=high
                )
        else:
            everything = count_passages(
                scores,
                gate,
                counting,
                self._aspect(window),
                has_peaks=self._has_peaks,
            )
            passages = [p for p in everything if low <= p.onset_us < high]
            coverage = measure_coverage(scores, counting)
            for n in minutes:
                rows[n] = count_hours(
                    everything,
                    coverage,
                    gate,
                    bin_minutes=n,
                    from_us=low,
                    to_us=high,
                    source_kind=kind,
                    options=counting,
                )
        for n in minutes:
            step = n * 60_000_000
            rows[n] = [
                r
                for r in rows[n]
                if is_valid(gate, r.bin_start_us, r.bin_start_us + step)
            ]
        return GateCounts(
            gate=gate,
            config_hash=digest,
            source_kind=kind,
            window=window,
            passages=tuple(passages),
            rows=rows,
        )

    def _reader(self, gate: Gate) -> ReadScores:
        def read(low_us: int, high_us: int) -> Scores:
            if low_us >= high_us:
                low_us = high_us
            window = (low_us, high_us)
            scores = self._store.read_scores(
                self._camera.name, gate.name, window, self.won
            )
            if gate.active_from_us is None and gate.active_to_us is None:
                return scores
            keep = np.ones(len(scores), np.bool_)
            if gate.active_from_us is not None:
                keep &= scores.t_us >= gate.active_from_us
            if gate.active_to_us is not None:
                keep &= scores.t_us < gate.active_to_us
            return select_scores(scores, keep)

        return read

    def _with_losers(self, touched: Interval) -> Interval:
        """Widen to the segments it overlaps: they may own other times now."""
        low, high = touched
        reached = [s for s in self.spans if s.end_us > low and s.start_us < high]
        return (
            min([low, *(s.start_us for s in reached)]),
            max([high, *(s.end_us for s in reached)]),
        )

    def _outer(self, low: int, high: int, seam_us: int) -> Interval:
        """Return the stretch of touching segments around a window."""
        found = affected_windows(
            self.spans, [(low, high)], seam_us=seam_us, bin_us=HOUR_US
        )
        return found[0]

    def _kind(self, window: Interval, counting: CountingOptions) -> str:
        """Tell what a window was watched with: pictures far apart show no onset.

        A folder of stills of a camera that is not configured for them is told by
        its pace; one that holds every frame of a film is as good as the film.
        """
        if self._camera.source_kind != "video":
            return self._camera.source_kind
        inside = [
            self._records[s.segment_id]
            for s in self.spans
            if s.end_us > window[0] and s.start_us < window[1]
        ]
        are_sparse = inside and all(_is_sparse(r, counting.seam_s) for r in inside)
        return "stills" if are_sparse else "video"

    def _parked_us(self, gate: Gate) -> int:
        """How long stills must be looked at to know a truck for parked."""
        if gate.dwell is None:
            return 0
        return round(PARKED_DWELLS * gate.dwell[0] * 1e6)

    def _aspect(self, window: Interval) -> float:
        """Width / height of a window's first picture; a camera keeps its shape.

        The first by time, so that it does not hang on the order of arrival.
        """
        for start, _, end, aspect in self._shapes:
            if end > window[0] and start < window[1]:
                return aspect
        return 16 / 9


def _is_sparse(record: SegmentRecord, seam_s: float) -> bool:
    """Whether a segment is stills with gaps between them that end every track."""
    n, length_s = record.n_samples or 0, record.duration_s or 0.0
    return record.source_kind == "stills" and length_s > seam_s * max(n - 1, 1)
