"""Folders that recorders fill, and live cameras, to hours, until told to stop."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from truckcount.domain.credentials import URL_PATTERN
from truckcount.errors import StoreError, TruckcountError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import FileOutcome, RunResult
from truckcount.pipeline.unattended.attempts import QUARANTINE_AFTER, US_PER_S
from truckcount.pipeline.unattended.folder_events import FolderEvents
from truckcount.pipeline.unattended.intake import Intake, Waiting
from truckcount.pipeline.unattended.live import SEGMENT_S, LiveStreams
from truckcount.pipeline.unattended.memory import give_back_memory
from truckcount.pipeline.unattended.turn import hold_turn
from truckcount.store import Store

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0  # whatever the kernel tells: a mount may come back unannounced
LIVE_PAUSE_S = 2.0  # pieces of live cameras are published within
MIN_PAUSE_S = 0.5  # between two looks, while a recorder writes all the time
FIRST_TROUBLE_S, MAX_TROUBLE_S = 5.0, 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """Options of ``truckcount watch`` beside those of a run."""

    poll_s: float | None = None
    """Look every so many seconds instead of waiting to be told of changes."""
    quarantine_after: int = QUARANTINE_AFTER
    look_every_s: float = LOOK_EVERY_S
    segment_s: float = SEGMENT_S
    """Live cameras: how often what was scored is published."""


class Watch:
    """Counts new files of folders as they are finished, and live cameras.

    Trouble with the store or the cameras' file (a full disk, a slip in an edit)
    is logged and outwaited: no file is lost by it, it is only counted later.

    Parameters
    ----------
    heard : function of RunResult, optional
        Told what became of each batch.
    looked : function of Waiting, optional
        Told what each look found, before anything is counted.
    rested : function, optional
        Called after each look and what was counted of it.
    """

    def __init__(
        self,
        folders: Sequence[str],
        options: RunOptions,
        watch: WatchOptions,
        *,
        heard: Callable[[RunResult], None] | None = None,
        looked: Callable[[Waiting], None] | None = None,
        rested: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._watch = watch
        self._heard = heard
        self._looked = looked
        self._rested = rested
        self._clock = clock
        Store.open(options.store)
        self._folders = [p for p in folders if not URL_PATTERN.match(p)]
        self._urls = [p for p in folders if URL_PATTERN.match(p)]
        self._missing: set[str] = set()
        self._trouble_s = 0.0

    def run(self) -> None:
        """Watch until interrupted (``KeyboardInterrupt``).

        Raises
        ------
        StoreLockedError
            When another unattended run is at work in the store.
        """
        with hold_turn(self._options.store):
            intake = Intake(
                self._folders,
                self._options,
                quarantine_after=self._watch.quarantine_after,
                clock=self._clock,
            )
            streams = LiveStreams(self._urls, self._options, self._watch.segment_s)
            streams.start()
            events = FolderEvents(intake.paths, self._watch.poll_s)
            try:
                while True:
                    pause_s = self.cycle(intake)
                    self._publish(streams.publish())
                    if self._rested is not None:
                        self._rested()
                    time.sleep(MIN_PAUSE_S)
                    events.wait(min(pause_s, LIVE_PAUSE_S) if self._urls else pause_s)
            finally:
                events.close()
                self._publish(streams.close())

    def cycle(self, intake: Intake) -> float:
        """Look once and count what is ready; return the seconds until the next."""
        waiting = intake.look()
        self._say_missing(waiting)
        if self._looked is not None:
            self._looked(waiting)
        before_s, self._trouble_s = self._trouble_s, 0.0
        longer_s = min(max(2 * before_s, FIRST_TROUBLE_S), MAX_TROUBLE_S)
        for batch in intake.batches(waiting.ready):
            try:
                result = intake.count(batch)
            except TruckcountError as error:
                self._trouble_s = longer_s
                logger.warning(
                    "%s; nothing is lost, tried again in %.0f s", error, longer_s
                )
                if isinstance(error, StoreError):  # perhaps of this camera alone
                    continue
                return longer_s
            if result.blocked:
                self._trouble_s = longer_s
            if self._heard is not None:
                self._heard(result)
            give_back_memory()
        return self._trouble_s or self._pause_s(waiting)

    def _publish(self, results: Iterator[RunResult]) -> None:
        """Hear of live pieces as they are published; a full disk lets them wait."""
        try:
            for result in results:
                if self._heard is not None:
                    self._heard(result)
        except StoreError as error:
            logger.warning("%s; live pieces wait", error)

    def _pause_s(self, waiting: Waiting) -> float:
        """Seconds until something is due that no change of a folder announces."""
        now_s = self._clock()
        settled = [s.mtime + self._options.settle_s - now_s for s in waiting.growing]
        due = [
            one.next_us / US_PER_S - now_s
            for _, one in waiting.later
            if one.next_us is not None
        ]
        # a clock may jump: never wait longer than between two looks
        return max(0.0, min([self._watch.look_every_s, *settled, *due]))

    def _say_missing(self, waiting: Waiting) -> None:
        missing = set(waiting.missing)
        for path in sorted(missing - self._missing):
            logger.warning("%s %s it is looked for", path, waiting.missing[path])
        for path in sorted(self._missing - missing):
            logger.warning("%s is there again", path)
        self._missing = missing


def spell_outcome(outcome: FileOutcome) -> str:
    """Say in a line what became of a file."""
    if outcome.is_failed:
        return outcome.error or f"{outcome.path}: {outcome.status}"
    trucks = outcome.passages or 0
    length = "" if outcome.duration_s is None else f", {outcome.duration_s:.0f} s"
    return f"{outcome.path}: {outcome.status}, {trucks} passages{length}"
