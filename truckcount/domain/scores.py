"""Scores: what the network saw of one gate, sample by sample, in columns.

Everything is quantised here, before counting, so that scores read back from
the store count to exactly the same passages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from truckcount.errors import CountingError

PEAK_DTYPE = np.dtype(
    [("x", "<u2"), ("y", "<u2"), ("w", "<u2"), ("h", "<u2"), ("p", "u1")]
)
"""A truck-centre peak: centre x, y and box size w, h as fractions of the picture
x 65535; p as probability x 255."""

PEAK_UNIT = 65535.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """Scores of one gate in time order; N samples, M peaks."""

    t_us: npt.NDArray[np.int64]
    """Shape (N,), strictly increasing, microseconds since 1970-01-01 UTC."""
    score_u8: npt.NDArray[np.uint8]
    """Shape (N,), round(255 x presence score inside the gate)."""
    quality_flags: npt.NDArray[np.int32]
    """Shape (N,), 0 where the picture was usable."""
    segment: npt.NDArray[np.int32]
    """Shape (N,), index into ``segment_ids``."""
    segment_ids: tuple[str, ...]
    peak_start: npt.NDArray[np.int64]
    """Shape (N + 1,): sample i has ``peaks[peak_start[i]:peak_start[i + 1]]``."""
    peaks: npt.NDArray[np.void]
    """Shape (M,), dtype ``PEAK_DTYPE``."""

    def __post_init__(self) -> None:
        n = len(self.t_us)
        lengths = (len(self.score_u8), len(self.quality_flags), len(self.segment))
        if lengths != (n, n, n) or len(self.peak_start) != n + 1:
            msg = (
                f"scores: columns differ in length: t_us {n}, score_u8, flags, "
                f"segment {lengths}, peak_start {len(self.peak_start)} (want n + 1)"
            )
            raise CountingError(msg)
        if n > 1 and not bool(np.all(np.diff(self.t_us) > 0)):
            where = int(np.argmax(np.diff(self.t_us) <= 0))
            msg = (
                f"scores: time does not increase at sample {where + 1}: "
                f"{self.t_us[where]} then {self.t_us[where + 1]} us"
            )
            raise CountingError(msg)

    def __len__(self) -> int:
        return len(self.t_us)

    def __repr__(self) -> str:
        return f"Scores(n_samples={len(self)}, n_peaks={len(self.peaks)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scores):
            return NotImplemented
        return self.segment_ids == other.segment_ids and all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name))
            for f in fields(self)
            if f.name != "segment_ids"
        )

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, rows: slice) -> "Scores":
        """Cut a contiguous stretch of samples (a slice of step 1)."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            msg = f"scores can be cut only in steps of 1, got {step}"
            raise CountingError(msg)
        stop = max(start, stop)
        offsets = self.peak_start[start : stop + 1]
        return Scores(
            t_us=self.t_us[start:stop],
            score_u8=self.score_u8[start:stop],
            quality_flags=self.quality_flags[start:stop],
            segment=self.segment[start:stop],
            segment_ids=self.segment_ids,
            peak_start=offsets - offsets[0],
            peaks=self.peaks[offsets[0] : offsets[-1]],
        )


def select_scores(scores: Scores, keep: npt.NDArray[np.bool_]) -> Scores:
    """Keep the samples where ``keep``, of shape (N,), is true."""
    counts = np.diff(scores.peak_start)
    return Scores(
        t_us=scores.t_us[keep],
        score_u8=scores.score_u8[keep],
        quality_flags=scores.quality_flags[keep],
        segment=scores.segment[keep],
        segment_ids=scores.segment_ids,
        peak_start=np.concatenate([[0], np.cumsum(counts[keep])]).astype(np.int64),
        peaks=scores.peaks[np.repeat(keep, counts)],
    )


def leave_out(scores: Scores, holes: Sequence[tuple[int, int]]) -> Scores:
    """Leave out the samples of stretches [low, high), microseconds UTC."""
    keep = np.ones(len(scores), np.bool_)
    for low, high in holes:
        keep &= (scores.t_us < low) | (scores.t_us >= high)
    return scores if bool(keep.all()) else select_scores(scores, keep)


def empty_scores() -> Scores:
    """Return scores of no sample."""
    return Scores(
        t_us=np.empty(0, np.int64),
        score_u8=np.empty(0, np.uint8),
        quality_flags=np.empty(0, np.int32),
        segment=np.empty(0, np.int32),
        segment_ids=(),
        peak_start=np.zeros(1, np.int64),
        peaks=np.empty(0, PEAK_DTYPE),
    )


def concat_scores(parts: list[Scores]) -> Scores:
    """Join scores end to end; times must increase over the whole."""
    if not parts:
        return empty_scores()
    ids: list[str] = []
    index_of: dict[str, int] = {}
    segments = []
    for part in parts:
        for segment_id in part.segment_ids:
            if segment_id not in index_of:
                index_of[segment_id] = len(ids)
                ids.append(segment_id)
        lut = np.array([index_of[s] for s in part.segment_ids] or [0], np.int32)
        segments.append(lut[part.segment])
    counts = np.concatenate([np.diff(part.peak_start) for part in parts])
    return Scores(
        t_us=np.concatenate([part.t_us for part in parts]),
        score_u8=np.concatenate([part.score_u8 for part in parts]),
        quality_flags=np.concatenate([part.quality_flags for part in parts]),
        segment=np.concatenate(segments),
        segment_ids=tuple(ids),
        peak_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        peaks=np.concatenate([part.peaks for part in parts]),
    )
