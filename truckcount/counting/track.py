"""A track: one vehicle followed from sample to sample."""

import bisect
from dataclasses import dataclass, field
from typing import Any, NamedTuple

STAND_WINDOW_US = 2_000_000  # a truck that has not moved for this long stands
STAND_OBS = 3  # from which on a stand can be told
STAND_TRAVEL = 0.12  # box sizes; detections of a standing truck wander by less
VELOCITY_OBS = 4  # observations that the velocity is taken over
MAX_OBS_AT_REST = 64  # a waiting truck's memory does not grow with its wait
MAX_OBS = 256  # nor that of a crawl, or of one whose detections wander


class Observation(NamedTuple):
    """One peak of a track; positions and sizes in picture heights.

    A tuple, for millions are made of a day: a frozen dataclass takes three times as
    long.
    """

    t_us: int
    x: float
    y: float
    w: float
    h: float
    p: float
    is_inside: bool
    segment: str


@dataclass(slots=True)
class Track:
    """Observations of one vehicle, in time order."""

    number: int
    """Order of birth: breaks every tie."""
    obs: list[Observation]
    n_obs: int = 1
    sum_p: float = 0.0
    max_p: float = 0.0
    riding: dict[int, int] = field(default_factory=dict)
    """Samples in which it overlapped another track, by that track's number."""
    partner_weight: dict[int, float] = field(default_factory=dict)
    """The other track's summed score when last seen together."""
    _stands: bool | None = None
    """Whether it stood when last seen; None until somebody asks."""

    def __post_init__(self) -> None:
        self._note(self.obs[0].p)

    def add(self, seen: Observation) -> None:
        """Append what was found of this vehicle in a later sample."""
        self.obs.append(seen)
        self.n_obs += 1
        self._note(seen.p)
        self._stands = None
        if len(self.obs) <= MAX_OBS_AT_REST:
            return
        if self.is_standing:
            # keep how it came and how it stands; drop the middle of the wait
            self._forget(range(MAX_OBS_AT_REST // 2, MAX_OBS_AT_REST), 1)
        elif len(self.obs) > MAX_OBS:
            self._forget(range(MAX_OBS // 4, MAX_OBS * 3 // 4, 2), MAX_OBS)

    def extend(self, seen: list[Observation]) -> None:
        """Append what was found of it in one sample after another."""
        if len(self.obs) + len(seen) > MAX_OBS_AT_REST:
            for one in seen:
                self.add(one)
            return
        self.obs += seen
        self.n_obs += len(seen)
        for one in seen:
            self._note(one.p)
        self._stands = None

    def _forget(self, candidates: range, n: int) -> None:
        """Drop up to n observations, none that tells onset or offset."""
        inside = [i for i, o in enumerate(self.obs) if o.is_inside]
        kept = {inside[0], inside[-1], inside[-1] + 1} if inside else set()
        dropped = set([i for i in candidates if i not in kept][:n])
        self.obs = [o for i, o in enumerate(self.obs) if i not in dropped]
        self._stands = None

    def _note(self, p: float) -> None:
        self.sum_p += p
        if p > self.max_p:
            self.max_p = p

    def to_state(self) -> dict[str, Any]:
        """Return all of it as what JSON can hold."""
        return {
            "number": self.number,
            "obs": [tuple(seen) for seen in self.obs],
            "n_obs": self.n_obs,
            "sum_p": self.sum_p,
            "max_p": self.max_p,
            "riding": sorted(self.riding.items()),
            "partner_weight": sorted(self.partner_weight.items()),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Track":
        """Return the track that ``to_state`` was asked of."""
        obs = [Observation(*values) for values in state["obs"]]
        track = cls(number=state["number"], obs=obs)
        track.n_obs = state["n_obs"]
        track.sum_p, track.max_p = state["sum_p"], state["max_p"]
        track.riding = dict(state["riding"])
        track.partner_weight = dict(state["partner_weight"])
        return track

    @property
    def last(self) -> Observation:
        """The newest observation."""
        return self.obs[-1]

    @property
    def size(self) -> tuple[float, float]:
        """Mean width and height over the newest observations, picture heights."""
        recent = self.obs[-VELOCITY_OBS:]
        w = h = 0.0
        for seen in recent:
            w += seen.w
            h += seen.h
        return w / len(recent), h / len(recent)

    def predict(self, t_us: int) -> tuple[float, float]:
        """Where the centre should be at a time, at constant velocity."""
        first, last = self.obs[-VELOCITY_OBS:][0], self.obs[-1]
        seconds = (last.t_us - first.t_us) / 1e6
        ahead_s = (t_us - last.t_us) / 1e6
        if seconds <= 0:
            return last.x, last.y
        return (
            last.x + (last.x - first.x) / seconds * ahead_s,
            last.y + (last.y - first.y) / seconds * ahead_s,
        )

    @property
    def is_standing(self) -> bool:
        """Whether it was in one place for ``STAND_WINDOW_US`` when last seen."""
        if self._stands is None:
            self._stands = self._find_stand()
        return self._stands

    def _find_stand(self) -> bool:
        begin_us = self.obs[-1].t_us - STAND_WINDOW_US
        if self.obs[0].t_us > begin_us:
            return False
        recent = self.obs[bisect.bisect_left(self.obs, (begin_us,)) :]
        if len(recent) < STAND_OBS:  # something passes before it: now and then it shows
            recent = self.obs[-STAND_OBS:]
        return len(recent) >= STAND_OBS and travel(recent) < STAND_TRAVEL


def travel(obs: list[Observation]) -> float:
    """Largest way between any observation and the first, in box sizes."""
    size = sorted([max(o.w * o.h, 1e-8) ** 0.5 for o in obs])[len(obs) // 2]
    _, first_x, first_y, *_ = obs[0]
    far = max([(o.x - first_x) ** 2 + (o.y - first_y) ** 2 for o in obs])
    return float(far**0.5 / size)


def overlap(a: Observation, b: Observation) -> float:
    """Shared area of two boxes as a share of the smaller."""
    span_x = min(a.x + a.w / 2, b.x + b.w / 2) - max(a.x - a.w / 2, b.x - b.w / 2)
    if span_x <= 0:  # most pairs are apart
        return 0.0
    span_y = min(a.y + a.h / 2, b.y + b.h / 2) - max(a.y - a.h / 2, b.y - b.h / 2)
    if span_y <= 0:
        return 0.0
    return span_x * span_y / max(min(a.w * a.h, b.w * b.h), 1e-9)
