"""The cameras of a run: opened as files are asked for, closed when theirs are done.

Workers take files of several cameras at a time; each camera is counted by itself, in
this process, as its files come back.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from truckcount.errors import (
    ClusterError,
    ConfigError,
    ModelError,
    StoreError,
    TruckcountError,
)
from truckcount.pipeline.camera_run import CameraRun
from truckcount.pipeline.camera_work import CameraWork
from truckcount.pipeline.result import RunListener
from truckcount.pipeline.scoring import ScoredFile, ScoreTask
from truckcount.presence.weights import Weights
from truckcount.store import Store

logger = logging.getLogger(__name__)


class CameraDesk:
    """Hands out the files of all cameras and takes their scores back.

    What one camera meets stops no other; ``ConfigError``, ``ModelError`` and
    ``ClusterError`` are raised at once, since they stop every one.
    """

    def __init__(
        self,
        store: Store,
        work: Sequence[CameraWork],
        weights: Weights,
        listener: RunListener | None,
    ) -> None:
        self._store = store
        self._work = work
        self._weights = weights
        self._listener = listener
        self._open: dict[str, CameraRun] = {}
        self._n_trucks: dict[str, int] = {}
        self.blocked: list[StoreError] = []
        """Of cameras whose part of the store cannot be written."""

    def tasks(self) -> Iterator[ScoreTask]:
        """Yield what must be scored, camera by camera.

        A camera is locked when its first file is asked for. In the order of names:
        two runs that hold several cameras never wait for one another.
        """
        for work in sorted(self._work, key=lambda work: work.camera.name):
            name = work.camera.name
            run = CameraRun(self._store, work, self._weights, self._listener)
            self._open[name] = run
            todo: list[ScoreTask] = []
            with self._guarded(name):
                todo = run.begin()
                if run.is_done:
                    self._close(name)
            for task in todo:
                if name in self._open:  # not given up meanwhile
                    yield task

    def take(self, task: ScoreTask, scored: ScoredFile | TruckcountError) -> None:
        """Give a camera what became of one of its files."""
        name = task.camera.name
        if name not in self._open:
            return
        with self._guarded(name):
            run = self._open[name]
            run.take(task, scored)
            if run.is_done:
                self._close(name)

    def give_up(self, error: Exception) -> None:
        """Give up the cameras that are open: their files cannot be scored."""
        for name in list(self._open):
            with self._guarded(name):
                raise error

    def leave(self) -> None:
        """Keep what is scored of every camera that is open."""
        with ExitStack() as stack:
            for run in self._open.values():
                stack.callback(run.leave)
            self._open = {}

    def _close(self, name: str) -> None:
        self._open[name].end()
        self._n_trucks[name] = self._open.pop(name).n_trucks

    @contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        """Give a camera up where the block fails; what it published stands."""
        run = self._open[name]
        run.n_elsewhere = sum(n for k, n in self._n_trucks.items() if k != name)
        try:
            try:
                yield
            except BaseException:
                self._open.pop(name, None)
                run.leave()
                raise
        except StoreError as error:
            self.blocked.append(error)
            if len(self._work) > 1:
                logger.warning("%s; the other cameras are counted", error)
                run.give_up(error)
        except (ConfigError, ModelError, ClusterError):
            raise
        except Exception as error:
            logger.warning("%s", name, exc_info=error)
            run.give_up(error)
        if name in self._open:
            self._n_trucks[name] = run.n_trucks
