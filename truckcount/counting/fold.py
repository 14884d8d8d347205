"""One gate's scores to passages and stretches of presence, with a state to go on from.

Counting is a fold over samples: what comes after a moment follows from the state at
that moment and from the samples after it. A state that was kept is as good as all
the samples before it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from truckcount.counting.coverage import BusyCounter
from truckcount.counting.passages import GateCounter, sort_passages
from truckcount.domain.passage import Passage
from truckcount.domain.scores import Scores

State = dict[str, Any]


class GateFold:
    """Takes a gate's scores in time order, in pieces of any length.

    Parameters
    ----------
    counter : GateCounter
    busy : BusyCounter
        Both new, or both as ``resume`` is to set them.
    """

    def __init__(self, counter: GateCounter, busy: BusyCounter) -> None:
        self._counter, self._busy = counter, busy
        self._passages: list[Passage] = []
        self._stretches: list[tuple[int, int]] = []
        self.states: dict[int, State] = {}
        """The states that were kept, by their time in microseconds UTC."""

    def resume(self, state: State) -> None:
        """Go on from a state."""
        self._counter.resume(state["counter"])
        self._busy.debouncer.resume(state["busy"])

    def process(self, scores: Scores, keep_at: Iterable[int] = ()) -> None:
        """Take the next scores.

        Parameters
        ----------
        keep_at : iterable of int
            Times that the scores reach across, in order; the states there are kept.
        """
        at = 0
        for moment_us in keep_at:
            until = int(np.searchsorted(scores.t_us, moment_us))
            self._take(scores[at:until])
            self.states[moment_us] = self._to_state()
            at = until
        self._take(scores[at:])

    def is_settled(self, moment_us: int) -> bool:
        """Tell whether all that began before a moment has ended."""
        since = self._since_us()
        return since is None or since >= moment_us

    def finish(self) -> tuple[list[Passage], list[tuple[int, int]]]:
        """End what is open; return all passages, by onset, and all stretches."""
        passages = sort_passages(self._passages + self._counter.finish())
        return passages, self._stretches + self._busy.finish()

    def _take(self, scores: Scores) -> None:
        self._passages += self._counter.process(scores)
        self._stretches += self._busy.process(scores)

    def _since_us(self) -> int | None:
        known = (self._counter.since_us, self._busy.debouncer.since_us)
        return min((t for t in known if t is not None), default=None)

    def _to_state(self) -> State:
        return {
            "since_us": self._since_us(),
            "counter": self._counter.to_state(),
            "busy": self._busy.debouncer.to_state(),
        }
