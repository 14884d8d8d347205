"""Stored scores of one camera to passages and hour rows, window by window."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from truckcount.counting import CountingOptions, count_hours, count_still_hours
from truckcount.counting.estimates import PARKED_DWELLS
from truckcount.domain.camera import Camera, Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.pipeline.config import (
    RunOptions,
    check_pace,
    config_hash,
    counting_options,
)
from truckcount.pipeline.counts.bins import bins_of
from truckcount.pipeline.counts.camera_spans import CameraSpans
from truckcount.pipeline.counts.gate_counter import GateWindowCounter, ScoresPlace
from truckcount.pipeline.counts.outages import is_valid
from truckcount.pipeline.counts.timeline import Interval, Span
from truckcount.pipeline.counts.windows import join_windows, split_days
from truckcount.presence.weights import Weights
from truckcount.store import SegmentRecord, Store
from truckcount.store.fold_states import HeldStates
from truckcount.store.seals import Seals

HOUR_US = 3_600_000_000


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
    """Counts windows of one camera from its stored scores; writes no table.

    Parameters
    ----------
    records : sequence of SegmentRecord
        Counted segments of the camera: all, or those that ``others`` has not or
        has otherwise.
    seals : Seals
        Hours that are left as they stand: their scores are gone.
    others : Store, optional
        Holds the other counted segments; those that matter are read from it.
    states : HeldStates, optional
        What a road that is never quiet goes on from.
    kept_bins : sequence of int
        Minutes of the bins that the store has of the camera: counted with its hours.
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
        others: Store | None = None,
        states: HeldStates | None = None,
        kept_bins: Sequence[int] = (),
    ) -> None:
        self._camera, self._options, self._seals = camera, options, seals
        self._kept_bins = kept_bins
        self.spans = CameraSpans(records, seals.deleted, others, camera.name)
        self.model_id, self._has_peaks = weights.model_id, weights.has_peaks
        self.gates: list[tuple[Gate, CountingOptions, str]] = []
        self._counters: dict[str, GateWindowCounter] = {}
        states = HeldStates() if states is None else states
        for gate in camera.gates:
            counting = counting_options(gate, weights.header.thresholds)
            digest = config_hash(gate, weights.model_id, counting, options)
            self.gates.append((gate, counting, digest))
            self._counters[gate.name] = GateWindowCounter(
                store,
                camera.name,
                gate,
                counting,
                self.spans,
                states,
                digest=digest,
                sample_fps=options.sample_fps,
                has_peaks=weights.has_peaks,
            )

    def windows(self, touched: Sequence[Interval]) -> list[Interval]:
        """Return the whole hours that a change of these times can reach.

        Sealed ones are left out.
        """
        narrow = []
        for low, high in join_windows([self._with_losers(t) for t in touched]):
            begin, end = low, high
            outer = (low // HOUR_US * HOUR_US, -(-high // HOUR_US) * HOUR_US)
            for gate, _, _ in self.gates:
                counter, lead = self._counters[gate.name], self._parked_us(gate)
                first, last = counter.reach((low, high), lead, self._aspect(outer))
                begin, end = min(begin, first), max(end, last)
            narrow.append((begin // HOUR_US * HOUR_US, -(-end // HOUR_US) * HOUR_US))
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

    def minutes(self, low_us: int, high_us: int) -> list[int]:
        """Return the minutes of the bins that a window is counted in."""
        zone, asked = self._camera.timezone, self._options.bins
        return bins_of(zone, asked, low_us, high_us, self._kept_bins)

    def _count_gate(
        self, gate: Gate, counting: CountingOptions, digest: str, window: Interval
    ) -> GateCounts:
        low, high = window
        counter, lead = self._counters[gate.name], self._parked_us(gate)
        minutes = self.minutes(low, high)
        passages: list[Passage] = []
        rows: dict[int, list[HourRow]] = {}
        kind = self._kind(window, counting)
        if kind == "stills":
            scores = counter.read_stills(window, lead)
            for n in minutes:
                rows[n] = count_still_hours(
                    scores, gate, counting, bin_minutes=n, from_us=low, to_us=high
                )
        else:
            fps = self._options.sample_fps
            check_pace(gate, counting, fps, has_peaks=self._has_peaks)
            everything, coverage = counter.count(window, lead, self._aspect(window))
            passages = [p for p in everything if low <= p.onset_us < high]
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
            # by the hour in all bins, or those of an hour would not sum to it
            rows[n] = [
                self._with_clock(r, step) for r in rows[n] if _is_in_validity(gate, r)
            ]
        return GateCounts(
            gate=gate,
            config_hash=digest,
            source_kind=kind,
            window=window,
            passages=tuple(passages),
            rows=rows,
        )

    def _with_clock(self, row: HourRow, step_us: int) -> HourRow:
        """Say how far the clock of a row's files was set right, and how sure."""
        found = self.spans.clock_of(row.bin_start_us, row.bin_start_us + step_us)
        offset_s, sd_s = (self._camera.clock_shift_s, 0.0) if found is None else found
        return replace(row, clock_offset_s=offset_s, clock_sd_s=sd_s)

    def _with_losers(self, touched: Interval) -> Interval:
        """Widen to the segments it overlaps: they may own other times now."""
        low, high = touched
        reached = self.spans.around(low, high)
        return (
            min([low, *(s.start_us for s in reached)]),
            max([high, *(s.end_us for s in reached)]),
        )

    def _kind(self, window: Interval, counting: CountingOptions) -> str:
        """Tell what a window was watched with: pictures far apart show no onset.

        A folder of stills of a camera that is not configured for them is told by
        its pace; one that holds every frame of a film is as good as the film.
        """
        if self._camera.source_kind != "video":
            return self._camera.source_kind
        inside = self.spans.around(*window)
        held_s = counting.held_s(has_peaks=self._has_peaks)
        are_sparse = inside and all(is_sparse(s, held_s) for s in inside)
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
        found = (span.aspect for span in self.spans.around(*window))
        return next((aspect for aspect in found if aspect is not None), 16 / 9)


def is_sparse(span: Span, held_s: float) -> bool:
    """Whether a segment is stills with gaps between them that end every track.

    Parameters
    ----------
    held_s : float
        Longest gap that no moving truck is lost in (``CountingOptions.held_s``).
    """
    return span.is_stills and span.duration_s > held_s * max(span.n_samples, 1)


def _is_in_validity(gate: Gate, row: HourRow) -> bool:
    hour_us = row.bin_start_us // HOUR_US * HOUR_US
    return is_valid(gate, hour_us, hour_us + HOUR_US)
