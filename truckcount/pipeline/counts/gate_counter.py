"""One gate's stored scores to what a window of it counts to, wherever that begins.

Counting is a fold over all touching files. It begins at the last quiet moment before
the window, where the state of the fold is empty. A road that is never quiet has no
such moment, and an exact cut cannot be put there by rule: what a truck in view at
midnight is counted as, and in which hour, may follow from when it came. So the
states of the fold at full hours are kept (``store/fold_states.py``), and counting
goes on from there: a state is the same whatever files the day was cut into and in
which order they came, since it is dropped when a sample before it changes. What a
publish costs is then bounded by the hours since the oldest truck in view came.
Where nothing was kept (a file that came days late, score files put back from a
backup) all is counted from the last quiet moment once more, and states are kept on
the way.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from truckcount.counting import (
    CountingOptions,
    Coverage,
    GateCounter,
    measure_coverage,
)
from truckcount.counting.coverage import BusyCounter
from truckcount.counting.fold import GateFold
from truckcount.domain.camera import Gate
from truckcount.domain.passage import Passage
from truckcount.domain.scores import Scores, select_scores
from truckcount.pipeline.counts.camera_spans import FOREVER_US, CameraSpans
from truckcount.pipeline.counts.timeline import Interval, keep_first_of_tick
from truckcount.pipeline.counts.windows import (
    MARGIN_US,
    REACHES_US,
    cut_after,
    cut_before,
    restless_hours,
    whole_segments,
)
from truckcount.store.fold_states import HeldStates
from truckcount.store.layout import from_us

logger = logging.getLogger(__name__)

NEAR, FAR = REACHES_US[:1], REACHES_US[1:]
FRESH_US = 3 * 3_600_000_000  # a state so young is taken without a look around
SLOW_US = 26 * 3_600_000_000  # farther back than this, a publish is slow: say so


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


@dataclass(frozen=True, slots=True)
class _Start:
    """Where counting begins."""

    at_us: int
    state: dict[str, Any] | None = None
    """Of the fold there; None: it is empty."""
    is_near: bool = True
    """A quiet moment, or the first file, not long before the window."""


class GateWindowCounter:
    """Counts windows of one gate.

    Parameters
    ----------
    digest : str
        ``config_hash`` of the gate.
    """

    def __init__(
        self,
        store: ScoresPlace,
        camera: str,
        gate: Gate,
        counting: CountingOptions,
        spans: CameraSpans,
        states: HeldStates,
        *,
        digest: str,
        sample_fps: float,
        has_peaks: bool,
    ) -> None:
        self._store, self._camera, self._gate = store, camera, gate
        self._counting, self._spans, self._states = counting, spans, states
        self._digest, self._sample_fps = digest, sample_fps
        self._has_peaks = has_peaks
        self._seam_us = round(counting.seam_s * 1e6)

    def reach(self, touched: Interval, lead_us: int, aspect: float) -> Interval:
        """Return how far before and after it a change of these times is felt."""
        low, high = touched
        moment = low - lead_us
        start = self._find_start(
            moment, touched, aspect, moment - MARGIN_US - self._seam_us
        )
        begin = start.at_us
        if start.state is not None and start.state["since_us"] is not None:
            # a truck in view then came before: its passage may end otherwise
            begin = min(begin, start.state["since_us"])
        if begin < low - SLOW_US:
            logger.warning(
                "%s, gate %s: a truck was in view all the time since %s; all from "
                "there on is counted again, at every publish until it is gone",
                self._camera,
                self._gate.name,
                from_us(begin).isoformat(),
            )
        return begin, self._find_end(high + lead_us, touched)

    def count(
        self, window: Interval, lead_us: int, aspect: float
    ) -> tuple[list[Passage], Coverage]:
        """Count a window of whole hours.

        Returns
        -------
        passages : list of Passage
            All that begin in the window or lie in it; others may be among them.
        coverage : Coverage
        """
        low, high = window
        touched = (low - lead_us, high + lead_us)
        start = self._find_start(touched[0], touched, aspect, touched[0])
        end = self._cut_after(touched[1], touched, NEAR)
        until = touched[1] + NEAR[0] if end is None else end
        scores = self._read_whole(start.at_us, until)
        fold = GateFold(
            GateCounter(self._gate, self._counting, aspect, has_peaks=self._has_peaks),
            BusyCounter(self._counting),
        )
        rest = scores
        if start.state is not None:
            fold.resume(start.state)
            rest = scores[int(np.searchsorted(scores.t_us, start.at_us)) :]
        near_us = start.at_us if start.is_near else None
        hours = restless_hours(rest, self._counting, near_us)
        # whole segments are read: what is before the start has a state of its own
        fold.process(rest, [hour for hour in hours if hour > start.at_us])
        if end is None:
            self._go_on(fold, scores, until, window)
        if fold.states:
            self._states.keep(self._gate.name, self._key(aspect), fold.states)
        passages, busy = fold.finish()
        coverage = measure_coverage(
            scores, self._counting, busy, has_peaks=self._has_peaks
        )
        return passages, coverage

    def read_stills(self, window: Interval, lead_us: int) -> Scores:
        """Read the scores of a window of stills, and what tells who is parked."""
        touched = (window[0] - lead_us, window[1] + lead_us)
        begin = self._cut_before(touched[0], touched, REACHES_US)
        end = self._find_end(touched[1], touched)
        if begin is None:
            begin = self._edge(touched, 0)(FOREVER_US)
        return self._read_whole(begin, end)

    def _go_on(
        self, fold: GateFold, scores: Scores, until: int, window: Interval
    ) -> None:
        """Count on until all that began in the window has ended."""
        edge = self._edge(window, 1)
        at = int(scores.t_us[-1]) + 1 if len(scores) else until
        overlap = max(MARGIN_US, round(3e6 / self._sample_fps))
        while not fold.is_settled(window[1]) and until < edge(until - window[1]):
            until += NEAR[0]
            more = keep_first_of_tick(self.read(at - overlap, until), self._sample_fps)
            more = more[int(np.searchsorted(more.t_us, at)) :]
            fold.process(more)
            at = int(more.t_us[-1]) + 1 if len(more) else at

    def _find_start(
        self, moment: int, touched: Interval, aspect: float, until_us: int
    ) -> _Start:
        """Find where to begin: quiet not long before, a kept state, or far back.

        Parameters
        ----------
        until_us : int
            A state may be of this time at the latest.
        """
        begin = self._cut_before(moment, touched, NEAR)
        if begin is not None:
            return _Start(begin)
        outer = self._edge(touched, 0)
        found = self._states.find(self._gate.name, self._key(aspect), until_us)
        if found is not None and found[0] < outer(moment - found[0]):
            found = None  # of an older stretch: there is a gap between
        if found is not None and found[0] >= moment - FRESH_US:
            return _Start(*found, is_near=False)
        begin = self._cut_before(moment, touched, FAR[:1])
        if found is not None and (begin is None or begin <= found[0]):
            return _Start(*found, is_near=False)
        if begin is None:
            begin = self._cut_before(moment, touched, FAR[1:])
        if begin is None:
            begin = outer(FOREVER_US)
        return _Start(begin, is_near=False)

    def _find_end(self, moment: int, touched: Interval) -> int:
        end = self._cut_after(moment, touched, REACHES_US)
        return self._edge(touched, 1)(FOREVER_US) if end is None else end

    def _cut_before(
        self, moment: int, touched: Interval, reaches: Sequence[int]
    ) -> int | None:
        outer = self._edge(touched, 0)
        return cut_before(self.read, self._counting, moment, outer, reaches)

    def _cut_after(
        self, moment: int, touched: Interval, reaches: Sequence[int]
    ) -> int | None:
        outer = self._edge(touched, 1)
        return cut_after(self.read, self._counting, moment, outer, reaches)

    def _edge(self, touched: Interval, side: int) -> "_Edge":
        return _Edge(self._spans, touched, self._seam_us, side)

    def read(self, low_us: int, high_us: int) -> Scores:
        """Read the gate's scores of [low, high), within its validity."""
        low_us = min(low_us, high_us)
        won = self._spans.won_within(low_us, high_us)
        scores = self._store.read_scores(
            self._camera, self._gate.name, (low_us, high_us), won
        )
        gate = self._gate
        if gate.active_from_us is None and gate.active_to_us is None:
            return scores
        keep = np.ones(len(scores), np.bool_)
        if gate.active_from_us is not None:
            keep &= scores.t_us >= gate.active_from_us
        if gate.active_to_us is not None:
            keep &= scores.t_us < gate.active_to_us
        return select_scores(scores, keep)

    def _read_whole(self, begin: int, end: int) -> Scores:
        """Read the scores of whole segments, one a tick."""
        spans = self._spans.around(begin, end + 1)
        scores = self.read(*whole_segments(spans, begin, end))
        return keep_first_of_tick(scores, self._sample_fps)

    def _key(self, aspect: float) -> str:
        """Tell what a state depends on besides the scores."""
        gate = self._gate
        valid = f"{gate.active_from_us}-{gate.active_to_us}"
        return f"{self._digest} {aspect!r} {self._has_peaks} {valid}"


@dataclass(frozen=True, slots=True)
class _Edge:
    """One end of the touching segments around a window, as far as a reach goes."""

    spans: CameraSpans
    window: Interval
    seam_us: int
    side: int

    def __call__(self, reach_us: int) -> int:
        """Return it; exact where it lies within the reach."""
        return self.spans.stretch(self.window, reach_us, self.seam_us)[self.side]
