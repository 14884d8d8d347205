"""Stored peaks to observations: what many samples have in common is found at once."""

import bisect
import math

import numpy as np
import numpy.typing as npt

from truckcount.counting.lone_tracks import Peaks, find_joins
from truckcount.counting.options import CountingOptions
from truckcount.counting.track import VELOCITY_OBS, Observation
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
        N usable samples.
    is_gap : bool array, shape (N,)
        Coverage ends before the sample.
    aspect : float
        Width / height of the picture.
    """

    def __init__(
        self,
        scores: Scores,
        is_gap: npt.NDArray[np.bool_],
        gate: Gate,
        options: CountingOptions,
        aspect: float,
    ) -> None:
        self._scores = scores
        p = scores.peaks["p"].astype(np.float64) / 255
        is_seen = p >= options.peak_floor
        self._start = _total(is_seen)[scores.peak_start]
        n_seen = np.diff(self._start)
        self.is_any = n_seen > 0
        """Shape (N,): something is above the floor."""
        strong = _total(scores.peaks["p"] >= round(options.off_score * 255))
        self.is_strong = np.diff(strong[scores.peak_start]) > 0
        """Shape (N,): something may begin a track."""
        seen = scores.peaks[is_seen]
        x, y, w, h = (seen[k].astype(np.float64) / PEAK_UNIT for k in "xywh")
        is_inside = contains(gate.polygon, x, y)
        x, w = x * aspect, w * aspect
        self._boxes = np.stack([x, y, w, h, p[is_seen], is_inside], axis=1)
        self._sample = np.repeat(np.arange(len(scores)), n_seen)
        t_us = scores.t_us[self._sample]
        n_gaps = np.cumsum(is_gap)[self._sample]
        is_near = np.diff(t_us, prepend=t_us[:1]) <= math.floor(options.fill_s * 1e6)
        can_follow = (n_seen[self._sample] == 1) & is_near
        can_follow &= np.diff(n_gaps, prepend=n_gaps[:1]) == 0
        peaks = Peaks(t_us=t_us, x=x, y=y, w=w, h=h)
        self._joins = find_joins(peaks, can_follow, options)
        self._ends = [*np.flatnonzero(~self._joins[-1]).tolist(), len(seen)]

    def observe(self, i: int) -> list[Observation]:
        """Return what is seen in a sample."""
        low, high = self._start[i : i + 2].tolist()
        if low == high:
            return []
        t_us = int(self._scores.t_us[i])
        segment = self._scores.segment_ids[self._scores.segment[i]]
        return [
            Observation(t_us, x, y, w, h, p, is_inside > 0, segment)
            for x, y, w, h, p, is_inside in self._boxes[low:high].tolist()
        ]

    def observe_lone(self, i: int, n: int) -> tuple[list[Observation], int]:
        """Return what a track takes next, if there is no other, and where that ends.

        Parameters
        ----------
        i : int
            Sample of its last observation, which was the only sighting there.
        n : int
            Its observations, or the last of them: those that were made of the
            sightings just before. All must be, or ``VELOCITY_OBS``.

        Returns
        -------
        observations : list of Observation
            Each the only one of its sample.
        i : int
            Sample of the last of them.
        """
        low = end = int(self._start[i + 1])
        while n < VELOCITY_OBS and end < len(self._boxes) and self._joins[n - 1, end]:
            n, end = n + 1, end + 1
        if n >= VELOCITY_OBS:
            end = self._ends[bisect.bisect_left(self._ends, end)]
        if low == end:
            return [], i
        samples = self._sample[low:end]
        ids = self._scores.segment_ids
        rows = zip(
            self._scores.t_us[samples].tolist(),
            self._boxes[low:end].tolist(),
            self._scores.segment[samples].tolist(),
            strict=True,
        )
        return [
            Observation(t_us, x, y, w, h, p, is_inside > 0, ids[segment])
            for t_us, (x, y, w, h, p, is_inside), segment in rows
        ], int(samples[-1])


def _total(is_it: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Shape (M + 1,): how many are true before each."""
    return np.concatenate([[0], np.cumsum(is_it)])
