"""A day of a fleet, event by event: segments, workers, writers, failures."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

DAY_S, SEGMENT_S = 86_400.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """A fleet and its day. Defaults: a day on which things go wrong."""

    n_cameras: int = 1000
    n_workers: int = 64
    """Processes that score and publish, one a core."""
    score_s: float
    """CPU seconds of ten minutes; on the mean."""
    publish_s: float
    spread: float = 0.3
    """Of the cost between segments, relative (uniform): busy scenes cost more."""
    is_on_the_clock: bool = True
    """All recorders cut at :00, :10 ...; else each at a moment of its own."""
    outage: tuple[float, float] = (9 * 3600.0, 10 * 3600.0)
    """From, to, in seconds of the day: no worker works."""
    death_share: float = 0.002
    """Of the tasks, killed at a random moment; what they did is done again."""
    node_workers: int = 16
    node_loss: tuple[float, float] = (15 * 3600.0, 15.5 * 3600.0)
    """One machine of so many workers is away for this long."""
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetDay:
    """What the day was like."""

    n_segments: int
    n_published: int
    n_attempts: int
    busy_share: float
    """Of the workers' time between failures that was worked; the day's 24 hours."""
    lag_p50_s: float
    """From a segment's end to its hours being readable."""
    lag_p99_s: float
    lag_max_s: float
    lag_quiet_p99_s: float
    """Of segments that ended before the first failure."""
    max_waiting: int
    cleared_after_s: float | None
    """From the end of the outage until nothing older than ten minutes waits; None:
    not on this day."""


@dataclass(slots=True)
class _Segment:
    camera: int
    end_s: float
    cost_s: float
    is_published: bool = False


def simulate_day(options: FleetOptions) -> FleetDay:
    """Simulate until every segment of the day is published.

    A camera's segments are taken in order and never two at once: one writer. A worker
    that is away at the moment a task would end has lost it; the task is taken again.
    """
    return _Day(options).run()


class _Day:
    def __init__(self, options: FleetOptions) -> None:
        self._options = options
        self._random = random.Random(options.seed)  # noqa: S311 (no secret)
        self._waiting: list[deque[_Segment]] = [
            deque() for _ in range(options.n_cameras)
        ]
        self._ready: deque[int] = deque()  # cameras with work and no worker at it
        self._idle = list(range(options.n_workers))
        self._events: list[tuple[float, int, str, object]] = []
        self._number = itertools.count()
        self._lags: list[tuple[float, float]] = []
        self._n_waiting = self._max_waiting = self._n_attempts = 0
        self._n_segments = 0
        self._worked_s = 0.0
        self._cleared_s: float | None = None
        self._oldest: list[tuple[float, int, _Segment]] = []

    def run(self) -> FleetDay:
        """Run the events in order."""
        self._plan()
        while self._events:
            now, _, what, value = heapq.heappop(self._events)
            if what == "segment" and isinstance(value, _Segment):
                self._arrive(value)
            elif what == "end" and isinstance(value, tuple):
                self._end(now, *value)
            self._start(now)
            self._note_clear(now)
        return self._sum_up()

    def _plan(self) -> None:
        o = self._options
        for camera in range(o.n_cameras):
            phase = 0.0 if o.is_on_the_clock else self._random.uniform(0, SEGMENT_S)
            for k in range(int(DAY_S // SEGMENT_S)):
                end = phase + (k + 1) * SEGMENT_S
                factor = self._random.uniform(1 - o.spread, 1 + o.spread)
                cost = factor * o.score_s + o.publish_s
                self._push(end, "segment", _Segment(camera, end, cost))
                self._n_segments += 1
        for moment in (o.outage[1], o.node_loss[1]):  # the workers come back
            self._push(moment, "back", None)

    def _push(self, at_s: float, what: str, value: object) -> None:
        heapq.heappush(self._events, (at_s, next(self._number), what, value))

    def _arrive(self, segment: _Segment) -> None:
        queue = self._waiting[segment.camera]
        queue.append(segment)
        entry = (segment.end_s, next(self._number), segment)
        heapq.heappush(self._oldest, entry)
        self._n_waiting += 1
        self._max_waiting = max(self._max_waiting, self._n_waiting)
        if len(queue) == 1:
            self._ready.append(segment.camera)

    def _start(self, now: float) -> None:
        if not self._ready:
            return
        away = [w for w in self._idle if self._is_away(w, now)]
        idle = [w for w in self._idle if not self._is_away(w, now)]
        while idle and self._ready:
            worker, camera = idle.pop(), self._ready.popleft()
            segment = self._waiting[camera][0]
            self._n_attempts += 1
            end, is_dead = now + segment.cost_s, False
            if self._random.random() < self._options.death_share:
                end, is_dead = now + self._random.uniform(0, segment.cost_s), True
            lost = self._next_loss(worker, now)
            if lost < end:
                end, is_dead = lost, True
            self._worked_s += end - now
            self._push(end, "end", (worker, camera, is_dead))
        self._idle = away + idle

    def _end(self, now: float, worker: int, camera: int, is_dead: object) -> None:
        self._idle.append(worker)
        queue = self._waiting[camera]
        if not is_dead:
            segment = queue.popleft()
            segment.is_published = True
            self._n_waiting -= 1
            self._lags.append((segment.end_s, now - segment.end_s))
        if queue:
            self._ready.append(camera)

    def _losses(self, worker: int) -> list[tuple[float, float]]:
        o = self._options
        is_lost = worker < o.node_workers
        return [o.outage, o.node_loss] if is_lost else [o.outage]

    def _is_away(self, worker: int, now: float) -> bool:
        return any(a <= now < b for a, b in self._losses(worker))

    def _next_loss(self, worker: int, now: float) -> float:
        later = [a for a, _ in self._losses(worker) if a > now]
        return min(later, default=float("inf"))

    def _note_clear(self, now: float) -> None:
        if self._cleared_s is not None or now < self._options.outage[1]:
            return
        while self._oldest and self._oldest[0][2].is_published:
            heapq.heappop(self._oldest)
        if not self._oldest or now - self._oldest[0][0] <= SEGMENT_S:
            self._cleared_s = now

    def _sum_up(self) -> FleetDay:
        o = self._options
        lags = [lag for _, lag in self._lags]
        first_failure = min(o.outage[0], o.node_loss[0]) - 2 * SEGMENT_S
        quiet = [lag for end, lag in self._lags if end < first_failure]
        return FleetDay(
            n_segments=self._n_segments,
            n_published=len(self._lags),
            n_attempts=self._n_attempts,
            busy_share=round(self._worked_s / (o.n_workers * DAY_S), 3),
            lag_p50_s=_quantile(lags, 0.5),
            lag_p99_s=_quantile(lags, 0.99),
            lag_max_s=_quantile(lags, 1.0),
            lag_quiet_p99_s=_quantile(quiet, 0.99),
            max_waiting=self._max_waiting,
            cleared_after_s=(
                None
                if self._cleared_s is None
                else round(self._cleared_s - o.outage[1], 1)
            ),
        )


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1)
