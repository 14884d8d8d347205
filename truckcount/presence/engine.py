"""Samples to scores: one batching engine for all gates and files."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Gate, Point
from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.scores import PEAK_DTYPE, Scores
from truckcount.presence.difference import ViewGate, shrink
from truckcount.presence.peaks import (
    Float32Array,
    find_peaks,
    inside_mask,
    quantise,
    suppress_doubles,
)
from truckcount.presence.runtime import Maps, Runtime
from truckcount.presence.tiles import join_whole, needs_whole

BATCH_SIZE_CPU = 8  # of views; reading the maps of more at once gains nothing
BATCH_SIZE_GPU = 64  # of one clip; those of many clips are scored together


Seen = tuple[float, Float32Array]
"""Presence score inside the gate and peaks of one view of one sample."""
Place = tuple[int, int]
"""Number of a view, number of a sample in its batch."""


@dataclass(slots=True)
class _GateColumns:
    """Columns of one gate's scores while they grow."""

    scores: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    peaks: list[npt.NDArray[np.void]] = field(default_factory=list)

    def add(self, score: int, peaks: npt.NDArray[np.void]) -> None:
        """Append one sample's score and peaks."""
        self.scores.append(score)
        self.counts.append(len(peaks))
        self.peaks.append(peaks)


@dataclass(slots=True)
class _View:
    """One view of the clip: its place, its cells in the gate, its newest score."""

    rect: ViewRect
    polygon: tuple[Point, ...]
    gate: ViewGate | None
    cells: npt.NDArray[np.intp] | None = None
    """Flat indices of the map's cells that lie in the gate; known with the map."""
    latest: Seen = (0.0, np.zeros((0, 5), np.float32))
    """Of the last sample that the network saw."""

    def is_changed(self, tick: int, view: npt.NDArray[np.uint8]) -> bool:
        """Tell whether a sample's view must be scored."""
        return self.gate is None or self.gate.is_changed(tick, shrink(_on_host(view)))

    def read(self, maps: Maps) -> list[Seen]:
        """Return what each of a batch of maps shows."""
        heat = maps.heat
        if maps.is_whole_view:  # a score without a place: no peaks
            nothing = np.zeros((0, 5), np.float32)
            return [(float(p), nothing) for p in heat[:, 0, 0]]
        if self.cells is None:
            mask = inside_mask(self.rect, self.polygon, heat.shape[1:])
            self.cells = np.flatnonzero(mask)
        inside = heat.reshape(len(heat), -1)[:, self.cells]
        scores = inside.max(axis=1, initial=0.0)
        return list(zip(scores.tolist(), find_peaks(maps, self.rect), strict=True))


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
        Reuse a view's last score where it has not changed since that was taken.
    """

    def __init__(
        self,
        runtime: Runtime,
        gates: Sequence[Gate],
        rects: Sequence[ViewRect],
        segment_id: str,
        batch_size: int | None = None,
        *,
        is_gated: bool = False,
    ) -> None:
        self._runtime = runtime
        self._gates = list(gates)
        self._segment_id = segment_id
        if batch_size is None:
            batch_size = BATCH_SIZE_CPU if runtime.device == "cpu" else BATCH_SIZE_GPU
        self._batch_size = batch_size
        self._pending: list[Sample] = []
        self._t_us: list[int] = []
        self._flags: list[int] = []
        self._columns = {gate.name: _GateColumns() for gate in gates}
        polygons = {gate.name: gate.polygon for gate in gates}
        self._views = [
            _View(rect, polygons[rect.gate], ViewGate() if is_gated else None)
            for rect in rects
        ]
        self._tiles = {
            gate.name: [
                i
                for i, rect in enumerate(rects)
                if rect.gate == gate.name and not rect.is_whole
            ]
            for gate in gates
        }
        self.n_views = 0

    def process(self, sample: Sample) -> None:
        """Take one sample; the network runs when a batch is full."""
        self._pending.append(sample)
        if len(self._pending) * len(self._views) >= self._batch_size:
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
        every = range(len(samples))
        wanted = {
            i: every for i, view in enumerate(self._views) if not view.rect.is_whole
        }
        shown = self._show(samples, wanted)
        asked = {
            i: [k for k in every if self._asks(view.rect.gate, k, shown)]
            for i, view in enumerate(self._views)
            if view.rect.is_whole
        }
        if asked:
            shown |= self._show(samples, asked)
        for k, sample in enumerate(samples):
            self._t_us.append(sample.t_us)
            self._flags.append(sample.quality_flags)
            for gate in self._gates:
                columns = self._columns[gate.name]
                if sample.quality_flags:
                    columns.add(0, np.empty(0, PEAK_DTYPE))
                else:
                    columns.add(*self._join(gate.name, k, shown))

    def _show(
        self, samples: list[Sample], wanted: Mapping[int, Sequence[int]]
    ) -> dict[Place, Seen]:
        """Return what views show in samples; their last score where they stand still.

        Parameters
        ----------
        wanted : mapping
            The samples, in order, that each view is wanted of.
        """
        shown = self._score(samples, wanted)
        for i, samples_of in wanted.items():
            view = self._views[i]
            for k in samples_of:
                view.latest = shown.setdefault((i, k), view.latest)
        return shown

    def _score(
        self, samples: list[Sample], wanted: Mapping[int, Sequence[int]]
    ) -> dict[Place, Seen]:
        """Show the network what it must see.

        Pictures known to be unusable are not shown, nor views that stand still.
        """
        by_shape: dict[tuple[Any, ...], list[Place]] = {}
        for i, samples_of in wanted.items():
            view = self._views[i]
            for k in samples_of:
                sample = samples[k]
                picture = sample.views[i]
                if sample.quality_flags or not view.is_changed(sample.tick, picture):
                    continue
                key = (type(picture), *picture.shape)
                by_shape.setdefault(key, []).append((i, k))
        seen: dict[Place, Seen] = {}
        for places in by_shape.values():
            batch = _stack([samples[k].views[i] for i, k in places])
            maps = self._runtime.score_views(batch)
            self.n_views += len(batch)
            begin = 0
            for i, group in itertools.groupby(places, key=lambda place: place[0]):
                mine = list(group)
                rows = slice(begin, begin + len(mine))
                found = self._views[i].read(Maps(maps.heat[rows], maps.box[rows]))
                seen.update(zip(mine, found, strict=True))
                begin += len(mine)
        return seen

    def _asks(self, gate: str, k: int, shown: dict[Place, Seen]) -> bool:
        """Tell whether a gate's tiles need the view of all of it in a sample."""
        return any(
            needs_whole(shown[i, k][1], self._views[i].rect) for i in self._tiles[gate]
        )

    def _join(
        self, gate: str, k: int, shown: dict[Place, Seen]
    ) -> tuple[int, npt.NDArray[np.void]]:
        """Return a gate's score and peaks in a sample, quantised."""
        tiles = [shown[i, k] for i in self._tiles[gate]]
        score = max(score for score, _ in tiles)
        peaks = tiles[0][1]
        if len(tiles) > 1:
            peaks = np.concatenate([peaks for _, peaks in tiles])
        for i, view in enumerate(self._views):
            if view.rect.is_whole and view.rect.gate == gate and (i, k) in shown:
                tile = self._views[self._tiles[gate][0]].rect
                peaks = join_whole(peaks, shown[i, k][1], tile)
        return round(255 * min(max(score, 0.0), 1.0)), quantise(suppress_doubles(peaks))


def _stack(pictures: list[Any]) -> Any:
    """Join views where they lie."""
    if isinstance(pictures[0], np.ndarray):
        return np.stack(pictures)
    import torch  # they are tensors on the GPU: it is loaded already

    return torch.stack(pictures)


def _on_host(picture: Any) -> npt.NDArray[np.uint8]:
    if isinstance(picture, np.ndarray):
        return picture
    return np.asarray(picture.cpu())
