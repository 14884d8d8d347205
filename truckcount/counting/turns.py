"""A track that took over another truck at the picture's edge, to one part a truck.

Where one truck leaves and the next comes in at the same place, prediction cannot
tell them apart: the box shrinks against the edge, then grows on the way back. A
truck does not turn round like that; two trucks do.
"""

import bisect
import itertools

from truckcount.counting.options import CountingOptions
from truckcount.counting.track import Observation

LOOK_US = 2_000_000  # how far before and after a turn its ways are taken
SHARP_US = 1_000_000  # nobody drives one way and back within a second each
SHARP_STEPS = 3  # steady ones, lest a peak that jumps to and fro be a turn
SHARP_STEP = 0.05  # of the way: a step that goes along it
STRAIGHT = 0.6  # way over the sum of its steps; a box that wanders has less
SHRUNK = 0.45  # of the largest box on either side: cut by the edge, or far away
OPPOSITE = -0.5  # cosine of the ways before and after: more than 120 degrees
STRAIGHT_ON = 0.515  # cosine of a step and the whole way, where all have more


def split_at_turns(
    obs: list[Observation], options: CountingOptions
) -> list[list[Observation]]:
    """Split observations wherever they turn back outside the gate or at the edge.

    Returns
    -------
    list of lists of Observation
        At least one; each is followed in one direction or stands.
    """
    if _goes_straight_on(obs):
        return [obs]
    path = _Path(obs)
    turns = [k for k in range(2, len(obs) - 2) if _is_turn(path, k, options)]
    if not turns:
        return [obs]
    k = min(turns, key=path.areas.__getitem__)
    return split_at_turns(obs[: k + 1], options) + split_at_turns(obs[k + 1 :], options)


def _goes_straight_on(obs: list[Observation]) -> bool:
    """Whether no step is more than 59 degrees off the whole way.

    Then no two parts of the way are more than 118 degrees apart: there is no turn.
    """
    way_x, way_y = _way(obs)
    least = STRAIGHT_ON**2 * (way_x * way_x + way_y * way_y)
    if least == 0:
        return False  # back where it was first seen
    _, last_x, last_y, *_ = obs[0]
    for _, x, y, *_ in obs:
        step_x, step_y = x - last_x, y - last_y
        along = step_x * way_x + step_y * way_y
        if along < 0 or along * along < least * (step_x * step_x + step_y * step_y):
            return False
        last_x, last_y = x, y
    return True


class _Path:
    """Observations with what every turn asks of them, found once."""

    def __init__(self, obs: list[Observation]) -> None:
        self.obs = obs
        self.times = [o.t_us for o in obs]
        self.areas = [o.w * o.h for o in obs]
        self.largest_before = list(itertools.accumulate(self.areas, max))
        self.largest_after = list(itertools.accumulate(self.areas[::-1], max))[::-1]
        inside = [k for k, o in enumerate(obs) if o.is_inside]
        self.first_inside = inside[0] if inside else len(obs)
        self.last_inside = inside[-1] if inside else -1

    def bounds(self, k: int, reach_us: int) -> tuple[int, int]:
        """Return the first and the last observation within a time of one."""
        t_us = self.times[k]
        first = bisect.bisect_left(self.times, t_us - reach_us)
        return first, bisect.bisect_right(self.times, t_us + reach_us) - 1


def _is_turn(path: _Path, k: int, options: CountingOptions) -> bool:
    before, after = path.largest_before[k - 1], path.largest_after[k + 1]
    is_small = path.areas[k] < SHRUNK * min(before, after)
    is_outside = path.first_inside < k < path.last_inside and (
        not path.obs[k].is_inside
    )
    if (is_small or is_outside) and _turns_back(path, k, options):
        return True
    return _turns_sharply(path, k, options)


def _turns_back(path: _Path, k: int, options: CountingOptions) -> bool:
    """Whether the ways to and from an observation are long and opposite."""
    found = _opposite_windows(path, k, LOOK_US, options)
    return found is not None and all(map(_is_straight, found))


def _turns_sharply(path: _Path, k: int, options: CountingOptions) -> bool:
    """Whether they are so within a second each, by steady steps: two vehicles."""
    found = _opposite_windows(path, k, SHARP_US, options)
    return found is not None and all(map(_is_steady, found))


def _opposite_windows(
    path: _Path, k: int, reach_us: int, options: CountingOptions
) -> tuple[list[Observation], list[Observation]] | None:
    """Return what is within a time before and after, if its ways are opposite."""
    first, last = path.bounds(k, reach_us)
    obs = path.obs
    _, x, y, *_ = obs[k]
    come_x, come_y = x - obs[first].x, y - obs[first].y
    gone_x, gone_y = obs[last].x - x, obs[last].y - y
    dot = come_x * gone_x + come_y * gone_y
    if dot >= 0:
        return None  # most tracks go straight on: ask for the dear things last
    come = (come_x * come_x + come_y * come_y) ** 0.5
    gone = (gone_x * gone_x + gone_y * gone_y) ** 0.5
    if not dot < OPPOSITE * come * gone:
        return None
    before, after = obs[first : k + 1], obs[k : last + 1]
    sizes = sorted([(o.w * o.h) ** 0.5 for o in (*before, *after)])
    if min(come, gone) < options.min_travel * sizes[len(sizes) // 2]:
        return None
    return before, after


def _is_straight(window: list[Observation]) -> bool:
    x, y = _way(window)
    steps = [
        ((b.x - a.x) ** 2 + (b.y - a.y) ** 2) ** 0.5
        for a, b in itertools.pairwise(window)
    ]
    return bool((x * x + y * y) ** 0.5 >= STRAIGHT * sum(steps))


def _is_steady(window: list[Observation]) -> bool:
    x, y = _way(window)
    along = [(b.x - a.x) * x + (b.y - a.y) * y for a, b in itertools.pairwise(window)]
    least = SHARP_STEP * (x * x + y * y)
    return sum(step >= least for step in along) >= max(SHARP_STEPS, len(along) - 1)


def _way(window: list[Observation]) -> tuple[float, float]:
    return window[-1].x - window[0].x, window[-1].y - window[0].y
