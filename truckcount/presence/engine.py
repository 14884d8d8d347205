"""Samples to scores: one batching engine for all gates and files."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Gate
from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.scores import PEAK_DTYPE, Scores
from truckcount.presence.difference import DifferenceGate
from truckcount.presence.peaks import (
    find_peaks,
    inside_mask,
    quantise,
    suppress_doubles,
)
from truckcount.presence.runtime import Maps, Runtime

BATCH_SIZE_CPU = 8  # of views; a larger batch gains nothing on a CPU


@dataclass(slots=True)
class _GateColumns:
    """Columns of one gate's scores while they grow."""

    scores: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    peaks: list[npt.NDArray[np.void]] = field(default_factory=list)
    latest: tuple[int, npt.NDArray[np.void]] = (0, np.empty(0, PEAK_DTYPE))
    """Score and peaks of the last sample that the network saw."""

    def add(self, score: int, peaks: npt.NDArray[np.void]) -> None:
        """Append one sample's score and peaks."""
        self.scores.append(score)
        self.counts.append(len(peaks))
        self.peaks.append(peaks)


class ClipScorer:
    """Scores the samples of one clip.

    Parameters
    ----------
    runtime : Runtime
        Shared by all clips that are scored at the same time.
    gates : sequence of Gate
    rects : sequence of ViewRect
        The views every sample carries, in order; a gate may have several.
    segment_id : str
    is_gated : bool
        Reuse the last score where no view has changed since it was taken.
    """

    def __init__(
        self,
        runtime: Runtime,
        gates: Sequence[Gate],
        rects: Sequence[ViewRect],
        segment_id: str,
        batch_size: int = BATCH_SIZE_CPU,
        *,
        is_gated: bool = False,
    ) -> None:
        self._runtime = runtime
        self._gates = list(gates)
        self._rects = list(rects)
        self._segment_id = segment_id
        self._batch_size = batch_size
        self._pending: list[Sample] = []
        self._t_us: list[int] = []
        self._flags: list[int] = []
        self._columns = {gate.name: _GateColumns() for gate in gates}
        self._masks: dict[int, npt.NDArray[np.bool_]] = {}
        self._gate = DifferenceGate() if is_gated else None
        self.n_views = 0

    def process(self, sample: Sample) -> None:
        """Take one sample; the network runs when a batch is full."""
        self._pending.append(sample)
        if len(self._pending) * len(self._rects) >= self._batch_size:
            self._run()

    def finish(self) -> dict[str, Scores]:
        """Score what is left and return every gate's scores."""
        self._run()
        n = len(self._t_us)
        out = {}
        for name, columns in self._columns.items():
            out[name] = Scores(
                t_us=np.array(self._t_us, np.int64),
                score_u8=np.array(columns.scores, np.uint8),
                quality_flags=np.array(self._flags, np.int32),
                segment=np.zeros(n, np.int32),
                segment_ids=(self._segment_id,),
                peak_start=np.concatenate([[0], np.cumsum(columns.counts)]).astype(
                    np.int64
                ),
                peaks=np.concatenate([np.empty(0, PEAK_DTYPE), *columns.peaks]),
            )
        return out

    @property
    def latest_score(self) -> float:
        """The newest score over all gates, for a progress line."""
        newest = [c.scores[-1] for c in self._columns.values() if c.scores]
        return max(newest, default=0) / 255.0

    def _run(self) -> None:
        if not self._pending:
            return
        samples, self._pending = self._pending, []
        # pictures known to be unusable are not shown to the network
        shown = [s for s in samples if s.quality_flags == 0 and self._is_new(s)]
        maps = self._score(shown)
        row_of = {id(sample): row for row, sample in enumerate(shown)}
        for sample in samples:
            self._t_us.append(sample.t_us)
            self._flags.append(sample.quality_flags)
            row = row_of.get(id(sample))
            for gate in self._gates:
                columns = self._columns[gate.name]
                if sample.quality_flags:
                    columns.add(0, np.empty(0, PEAK_DTYPE))
                    continue
                if row is not None:
                    columns.latest = self._read_maps(gate, maps, row)
                columns.add(*columns.latest)

    def _is_new(self, sample: Sample) -> bool:
        return self._gate is None or self._gate.is_changed(sample)

    def _score(self, samples: list[Sample]) -> list[Maps]:
        """Run views of one shape together; return the maps by view."""
        if not samples:
            return []
        by_shape: dict[tuple[int, int], list[int]] = {}
        for i, rect in enumerate(self._rects):
            by_shape.setdefault((rect.height_px, rect.width_px), []).append(i)
        maps: list[Maps | None] = [None] * len(self._rects)
        n = len(samples)
        for indices in by_shape.values():
            batch = np.stack([s.views[i] for i in indices for s in samples])
            result = self._runtime.score_views(batch)
            self.n_views += len(batch)
            for k, i in enumerate(indices):
                rows = slice(k * n, (k + 1) * n)
                maps[i] = Maps(result.heat[rows], result.box[rows])
        return [m for m in maps if m is not None]

    def _read_maps(
        self, gate: Gate, maps: list[Maps], row: int
    ) -> tuple[int, npt.NDArray[np.void]]:
        """Return one sample's score and peaks of a gate, quantised."""
        found, score = [np.zeros((0, 5), np.float32)], 0.0
        for i, rect in enumerate(self._rects):
            if rect.gate != gate.name:
                continue
            if maps[i].is_whole_view:  # a score without a place: no peaks
                score = max(score, float(maps[i].heat[row, 0, 0]))
                continue
            if i not in self._masks:
                rows, columns = maps[i].heat.shape[1:]
                self._masks[i] = inside_mask(rect, gate.polygon, (rows, columns))
            mask = self._masks[i]
            if mask.any():
                score = max(score, float(maps[i].heat[row][mask].max()))
            found.append(find_peaks(maps[i], row, rect))
        peaks = quantise(suppress_doubles(np.concatenate(found)))
        return round(255 * min(max(score, 0.0), 1.0)), peaks
