"""Scored samples to those worth labelling: spread, changes, uncertain, random."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError

KINDS = ("spread", "change", "uncertain", "random")
MIX = (0.4, 0.2, 0.2, 0.2)  # arbitrary: half covers the scene, half seeks errors
EVERY_KIND_FROM = 4  # frames; fewer are all spread

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Samples that may be drawn, in columns of N; sorted by camera, then time."""

    camera: IntArray
    t_us: IntArray
    local_hour: IntArray
    """Hour of the day at the site, 0-23."""
    score: FloatArray
    """Presence score, the largest of the camera's gates."""
    on_score: FloatArray
    """The score at which presence begins."""
    is_free: npt.NDArray[np.bool_]
    """False: unusable, or drawn already."""

    def __len__(self) -> int:
        return len(self.t_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawOptions:
    """How many frames to draw, and which."""

    n: int = 200
    mix: tuple[float, ...] = MIX
    """Shares of ``KINDS``."""
    min_gap_s: float = 1.0
    """Frames of one camera are at least so far apart: nearer ones look alike."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1:
            msg = f"-n {self.n} must be at least 1"
            raise LabelError(msg)
        is_share = len(self.mix) == len(KINDS) and all(
            np.isfinite(m) and m >= 0 for m in self.mix
        )
        if not is_share or sum(self.mix) <= 0:
            msg = f"mix {self.mix}: want shares of {', '.join(KINDS)}"
            raise LabelError(msg)
        if not 0 <= self.min_gap_s < 86_400:
            msg = f"--min-gap {self.min_gap_s} is no number of seconds"
            raise LabelError(msg)


def parse_mix(text: str) -> tuple[float, ...]:
    """Read ``spread=40,change=20,uncertain=20,random=20``; what is left out is 0.

    >>> parse_mix("spread=1,uncertain=3")
    (1.0, 0.0, 3.0, 0.0)
    """
    shares = dict.fromkeys(KINDS, 0.0)
    for part in text.split(","):
        name, _, value = part.partition("=")
        msg = f"--mix {text!r}: want KIND=SHARE with kinds {', '.join(KINDS)}"
        if name.strip() not in shares:
            raise LabelError(msg)
        try:
            shares[name.strip()] = float(value)
        except ValueError as error:
            raise LabelError(msg) from error
    return tuple(shares.values())


def draw(candidates: Candidates, options: DrawOptions) -> list[tuple[int, str]]:
    """Draw frames; the same seed and samples give the same frames.

    *change*: where the score crosses `on_score` or moves most between neighbouring
    samples. *uncertain*: nearest to `on_score`. *random*: evenly at random.
    *spread*: evenly over cameras, hours of the day and time. What one kind cannot
    give (a quiet clip has no changes), spread gives in its place.

    Returns
    -------
    list of (position, kind), by position
    """
    rng = np.random.default_rng(options.seed)
    taken = _Taken(candidates, round(options.min_gap_s * 1e6))
    wanted = _numbers(options)
    orders = {
        "change": _by_change(candidates, rng),
        "uncertain": _by_uncertainty(candidates, rng),
        "random": rng.permutation(len(candidates)),
        "spread": _by_spread(candidates, rng),
    }
    for kind, order in orders.items():
        missing = options.n - len(taken.drawn)
        taken.take(order, kind, missing if kind == "spread" else wanted[kind])
    return sorted(taken.drawn)


def _numbers(options: DrawOptions) -> dict[str, int]:
    shares = np.array(options.mix) / sum(options.mix)
    if options.n < EVERY_KIND_FROM:
        shares = np.array([1.0, 0.0, 0.0, 0.0])
    return {kind: int(options.n * s) for kind, s in zip(KINDS, shares, strict=True)}


class _Taken:
    """What is drawn, and what is still far enough from it."""

    def __init__(self, candidates: Candidates, gap_us: int) -> None:
        self._candidates = candidates
        self._gap_us = gap_us
        self._is_free = candidates.is_free.copy()
        starts = np.flatnonzero(np.diff(candidates.camera, prepend=-1))
        self._bounds = np.append(starts, len(candidates))
        self.drawn: list[tuple[int, str]] = []
        for i in np.flatnonzero(~candidates.is_free & (candidates.score < 0)):
            self._block(int(i))  # drawn in an earlier run: its neighbours go, too

    def take(self, order: IntArray, kind: str, n: int) -> None:
        """Draw the first n of an order that are free."""
        for i in order:
            if n <= 0:
                return
            if self._is_free[i]:
                self.drawn.append((int(i), kind))
                self._block(int(i))
                n -= 1

    def _block(self, i: int) -> None:
        at = int(np.searchsorted(self._bounds, i, side="right"))
        low, high = int(self._bounds[at - 1]), int(self._bounds[at])
        t_us = self._candidates.t_us[low:high]
        here = int(self._candidates.t_us[i])
        first = low + int(np.searchsorted(t_us, here - self._gap_us, side="right"))
        last = low + int(np.searchsorted(t_us, here + self._gap_us, side="left"))
        self._is_free[first:last] = False
        self._is_free[i] = False


def _by_change(candidates: Candidates, rng: np.random.Generator) -> IntArray:
    """Order by the larger step to a neighbour; crossings of on_score come first."""
    score, on = candidates.score, candidates.on_score
    is_same = np.diff(candidates.camera) == 0
    step = np.where(is_same, np.abs(np.diff(score)), 0.0)
    is_on = score >= on
    step += np.where(is_same & (is_on[1:] != is_on[:-1]), 1.0, 0.0)
    change = np.zeros(len(score))
    change[1:] = step
    change[:-1] = np.maximum(change[:-1], step)
    order = np.lexsort((rng.random(len(score)), -change))
    return order[change[order] > 0.05]  # less is noise of the network


def _by_uncertainty(candidates: Candidates, rng: np.random.Generator) -> IntArray:
    """Order by the distance from on_score, in units of the way to 0 or 1."""
    score, on = candidates.score, candidates.on_score
    way = np.where(score >= on, 1 - on, on)
    distance = np.abs(score - on) / np.maximum(way, 1e-6)
    order = np.lexsort((rng.random(len(score)), distance))
    return order[distance[order] < 0.9]  # beyond it the network is sure


def _by_spread(candidates: Candidates, rng: np.random.Generator) -> IntArray:
    """Go round cameras and hours of the day; within one, halve the gaps in time."""
    bucket = candidates.camera * 24 + candidates.local_hour
    order = np.lexsort((candidates.t_us, bucket))
    starts = np.flatnonzero(np.diff(bucket[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    turn = np.zeros(len(order), np.int64)
    for start, size in zip(starts, sizes, strict=True):
        # one offset a bucket, so that not every camera gives its first second
        places = (np.arange(size) + int(rng.integers(size))) % size
        turn[start + places] = _turns_of_halving(int(size))
    return order[np.lexsort((rng.random(len(order)), turn))]


def _turns_of_halving(n: int) -> IntArray:
    """Return for each of n places its turn in a van der Corput sequence.

    >>> _turns_of_halving(4).tolist()
    [0, 2, 1, 3]
    """
    bits = max(1, (n - 1).bit_length())
    numbers = np.arange(1 << bits, dtype=np.int64)
    turned = np.zeros_like(numbers)
    for b in range(bits):
        turned |= ((numbers >> b) & 1) << (bits - 1 - b)
    visited = turned[turned < n]
    turn = np.empty(n, np.int64)
    turn[visited] = np.arange(n)
    return turn
