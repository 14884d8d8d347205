"""One gate's part of a day file of scores, decoded once: windows are cut from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.scores import PEAK_DTYPE, Scores
from truckcount.store.schema import PEAKS

COUNTED = ["gate", "t_utc", "segment_id", "score_u8", "quality_flags", "peaks"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateDay:
    """Columns of a gate's rows by time; files that overlap have times twice.

    They are read-only: what is cut from them are views.
    """

    t_us: npt.NDArray[np.int64]
    score_u8: npt.NDArray[np.uint8]
    quality_flags: npt.NDArray[np.int32]
    segment: npt.NDArray[np.int32]
    """Index into ``segment_ids``."""
    segment_ids: tuple[str, ...]
    peak_start: npt.NDArray[np.int64]
    """One more than rows."""
    peaks: npt.NDArray[np.void]

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "segment_ids":
                getattr(self, field.name).flags.writeable = False

    def cut(
        self,
        window: tuple[int, int],
        won: Mapping[str, Sequence[tuple[int, int]]],
    ) -> Scores:
        """Return the samples of [low, high) at times that their segments won."""
        low, high = (int(i) for i in np.searchsorted(self.t_us, window))
        high = max(low, high)
        keep = np.zeros(high - low, np.bool_)
        t_us, segment = self.t_us[low:high], self.segment[low:high]
        for index in np.flatnonzero(np.bincount(segment)).tolist():
            for edges in won.get(self.segment_ids[index], ()):
                a, b = np.searchsorted(t_us, edges)
                keep[a:b] |= segment[a:b] == index
        starts = self.peak_start[low : high + 1]
        peaks = self.peaks[starts[0] : starts[-1]]
        if keep.all():
            rows: slice | npt.NDArray[np.int64] = slice(low, high)
            starts = starts - starts[0]
        else:
            rows = np.flatnonzero(keep) + low
            counts = np.diff(starts)
            peaks = peaks[np.repeat(keep, counts)]
            starts = np.concatenate([[0], np.cumsum(counts[keep])])
        segment, ids = self._own_segments(self.segment[rows])
        return Scores(
            t_us=self.t_us[rows],
            score_u8=self.score_u8[rows],
            quality_flags=self.quality_flags[rows],
            segment=segment,
            segment_ids=ids,
            peak_start=starts.astype(np.int64),
            peaks=peaks,
        )

    def _own_segments(
        self, segment: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
        """Give the segments that are there numbers in order of appearance."""
        is_first = np.diff(segment, prepend=-1) != 0
        found = list(dict.fromkeys(segment[is_first].tolist()))
        numbers = np.zeros(len(self.segment_ids), np.int32)
        numbers[found] = np.arange(len(found))
        return numbers[segment], tuple(self.segment_ids[i] for i in found)


def decode_gates(table: pa.Table) -> dict[str, GateDay]:
    """Decode the ``COUNTED`` columns of a day file, gate by gate."""
    gates = pc.unique(table["gate"]).to_pylist()
    if len(gates) == 1:
        return {gates[0]: _decode(table)}
    return {g: _decode(table.filter(pc.equal(table["gate"], g))) for g in gates}


def _decode(table: pa.Table) -> GateDay:
    times = table["t_utc"].cast(pa.int64()).to_numpy()
    if not (np.diff(times) >= 0).all():
        table = table.sort_by([("t_utc", "ascending")])
    ids = _whole(table["segment_id"]).dictionary_encode()
    lists = _whole(table["peaks"])
    flat = lists.flatten()
    peaks = np.empty(len(flat), PEAK_DTYPE)
    for target, source in zip(("x", "y", "w", "h", "p"), PEAKS.value_type, strict=True):
        peaks[target] = flat.field(source.name).to_numpy(zero_copy_only=False)
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return GateDay(
        t_us=table["t_utc"].cast(pa.int64()).to_numpy(),
        score_u8=table["score_u8"].to_numpy(),
        quality_flags=table["quality_flags"].to_numpy(),
        segment=ids.indices.to_numpy(zero_copy_only=False).astype(np.int32),
        segment_ids=tuple(ids.dictionary.to_pylist()),
        peak_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        peaks=peaks,
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if hasattr(whole, "chunks") else whole
