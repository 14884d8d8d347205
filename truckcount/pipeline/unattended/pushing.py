"""A working copy that fills by itself to its URL, every minute."""

import logging
import time
from collections.abc import Callable

from truckcount.errors import StoreError
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.working_copy import WorkingCopy
from truckcount.store.check import list_cameras

logger = logging.getLogger(__name__)

PUSH_EVERY_S = 60.0
MAX_TROUBLE_S = 900.0


class Pushing:
    """Pushes cameras of a copy soon after something was counted for them.

    An object store that is away costs nothing: what was counted is kept in the copy
    and goes with a later push, tried ever more rarely.

    Parameters
    ----------
    clock : function to seconds
    """

    def __init__(
        self, copy: WorkingCopy, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._copy = copy
        self._clock = clock
        # whatever a process before this one counted and did not push
        self._waiting = set(list_cameras(copy.root))
        self._due_s = clock()
        self._trouble_s = 0.0

    def heard(self, result: RunResult) -> None:
        """Take note of what was counted; push where it is time."""
        self._waiting |= {outcome.camera for outcome in result.file_outcomes}
        self.push_due()

    def push_due(self) -> None:
        """Push what waits, where it is time."""
        if not self._waiting or self._clock() < self._due_s:
            return
        try:
            self._copy.push(self._waiting)
        except StoreError as error:
            self._trouble_s = min(max(2 * self._trouble_s, PUSH_EVERY_S), MAX_TROUBLE_S)
            logger.warning(
                "%s; what was counted is kept in %s, the next push is in %.0f s",
                error, self._copy.root, self._trouble_s,
            )  # fmt: skip
        else:
            if self._trouble_s:
                logger.warning("%s: pushed again", self._copy.url)
            self._trouble_s = 0.0
            self._waiting.clear()
        self._due_s = self._clock() + (self._trouble_s or PUSH_EVERY_S)
