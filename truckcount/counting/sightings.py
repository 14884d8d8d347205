"""Stored peaks to observations: what many samples have in common is found at once."""

import numpy as np
import numpy.typing as npt

from truckcount.counting.options import CountingOptions
from truckcount.counting.track import Observation
from truckcount.domain.camera import Gate
from truckcount.domain.polygon import contains
from truckcount.domain.scores import PEAK_UNIT, Scores


class Sightings:
    """The peaks of one gate's samples that may be a truck.

    Observations are made only of the samples that are asked for: a quiet road has
    many weak peaks that nobody is looked for in.

    Parameters
    ----------
    scores : Scores
        N samples.
    aspect : float
        Width / height of the picture.
    """

    def __init__(
        self, scores: Scores, gate: Gate, options: CountingOptions, aspect: float
    ) -> None:
        p = scores.peaks["p"].astype(np.float64) / 255
        is_seen = p >= options.peak_floor
        self._start = _total(is_seen)[scores.peak_start]
        self.is_any = self._start[1:] > self._start[:-1]
        """Shape (N,): something is above the floor."""
        strong = _total(scores.peaks["p"] >= round(options.off_score * 255))
        at = strong[scores.peak_start]
        self.is_strong = np.asarray(at[1:] > at[:-1])
        """Shape (N,): something may begin a track."""
        seen = scores.peaks[is_seen]
        x, y, w, h = (seen[k].astype(np.float64) / PEAK_UNIT for k in "xywh")
        is_inside = contains(gate.polygon, x, y)
        columns = [x * aspect, y, w * aspect, h, p[is_seen], is_inside]
        self._boxes = np.stack(columns, axis=1)

    def observe(self, i: int, t_us: int, segment: str) -> list[Observation]:
        """Return what is seen in a sample."""
        low, high = self._start[i : i + 2].tolist()
        return [
            Observation(t_us, x, y, w, h, p, is_inside > 0, segment)
            for x, y, w, h, p, is_inside in self._boxes[low:high].tolist()
        ]


def _total(is_it: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Shape (M + 1,): how many are true before each."""
    return np.concatenate([[0], np.cumsum(is_it)])
