"""One runtime for many threads: what waits at the same time is scored together.

Each stream has one batch under way at most, so that its own order is kept without
bookkeeping and memory is bounded by the number of streams. No timer is waited for:
while one batch is scored the streams' next ones gather into the batch after it.
"""

import queue
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from truckcount.presence.device_forward import BATCH_SIZES, Pending
from truckcount.presence.runtime import Maps


class PartsRuntime(Protocol):
    """A runtime that joins the views of several callers."""

    device: str

    def submit(self, parts: Sequence[Any]) -> Pending:
        """Begin to score the views of all parts, one after the other."""
        ...


@dataclass(slots=True)
class _Request:
    views: Any
    maps: Future[Maps] = field(default_factory=Future)

    @property
    def kind(self) -> tuple[Any, ...]:
        """Only views of one shape that lie in one place can be scored together."""
        return (type(self.views), *self.views.shape[1:])


@dataclass(slots=True)
class _UnderWay:
    requests: list[_Request]
    pending: Pending

    def answer(self) -> None:
        """Wait for the maps and give each request its own."""
        try:
            maps = self.pending.result()
        except Exception as error:  # noqa: BLE001  # every caller raises it
            _fail(self.requests, error)
            return
        begin = 0
        for request in self.requests:
            rows = slice(begin, begin + len(request.views))
            request.maps.set_result(Maps(maps.heat[rows], maps.box[rows]))
            begin = rows.stop


class SharedRuntime:
    """Scores for many threads with one runtime; a context manager.

    Parameters
    ----------
    runtime : PartsRuntime
        Used by one thread alone, which this starts.
    max_views : int
        Of one batch.
    """

    def __init__(self, runtime: PartsRuntime, max_views: int = BATCH_SIZES[-1]) -> None:
        self.device = runtime.device
        self._runtime = runtime
        self._max_views = max_views
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._held: deque[_Request] = deque()
        self._thread = threading.Thread(target=self._serve, name="gpu", daemon=True)
        self._thread.start()

    def __enter__(self) -> "SharedRuntime":
        return self

    def __exit__(self, *_exc: object) -> None:
        """End the thread; nobody may score any more."""
        self._requests.put(None)
        self._thread.join()

    def score_views(self, views: Any) -> Maps:
        """Score a batch, together with those of other threads; waits for it."""
        request = _Request(views)
        self._requests.put(request)
        return request.maps.result()

    def _serve(self) -> None:
        before: _UnderWay | None = None
        while True:
            if self._held:
                first: _Request | None = self._held.popleft()
            else:
                try:
                    # with a batch under way, its streams wait for that one's maps
                    first = self._requests.get(block=before is None)
                except queue.Empty:
                    first = None
                    if before is not None:
                        before.answer()
                        before = None
                    continue
            now = None if first is None else self._begin(self._gather(first))
            if before is not None:
                before.answer()
            before = now
            if first is None:
                return

    def _gather(self, first: _Request) -> list[_Request]:
        """Take along what waits and is of the same kind, the oldest first."""
        group, n = [first], len(first.views)
        waiting, self._held = self._held, deque()
        while not self._requests.empty():
            request = self._requests.get()
            if request is None:  # the end, after what came before it
                self._requests.put(None)
                break
            waiting.append(request)
        for request in waiting:
            fits = n + len(request.views) <= self._max_views
            if request.kind == first.kind and fits:
                group.append(request)
                n += len(request.views)
            else:
                self._held.append(request)
        return group

    def _begin(self, group: list[_Request]) -> _UnderWay | None:
        try:
            pending = self._runtime.submit([request.views for request in group])
        except Exception as error:  # noqa: BLE001  # every caller raises it
            _fail(group, error)
            return None
        return _UnderWay(group, pending)


def _fail(requests: Sequence[_Request], error: Exception) -> None:
    for request in requests:
        request.maps.set_exception(error)
