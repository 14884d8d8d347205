"""A track that took over another truck at the picture's edge, to one part a truck.

Where one truck leaves and the next comes in at the same place, prediction cannot
tell them apart: the box shrinks against the edge, then grows on the way back. A
truck does not turn round like that; two trucks do.
"""

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


def split_at_turns(
    obs: list[Observation], options: CountingOptions
) -> list[list[Observation]]:
    """Split observations wherever they turn back outside the gate or at the edge.

    Returns
    -------
    list of lists of Observation
        At least one; each is followed in one direction or stands.
    """
    areas = [o.w * o.h for o in obs]
    best: tuple[float, int] | None = None
    for k in range(2, len(obs) - 2):
        before, after = max(areas[:k]), max(areas[k + 1 :])
        is_small = areas[k] < SHRUNK * min(before, after)
        was_inside = any(o.is_inside for o in obs[:k])
        comes_inside = any(o.is_inside for o in obs[k + 1 :])
        is_outside = not obs[k].is_inside and was_inside and comes_inside
        is_turn = (is_small or is_outside) and _turns_back(obs, k, options)
        if is_turn or _turns_sharply(obs, k, options):
            best = min(best or (areas[k], k), (areas[k], k))
    if best is None:
        return [obs]
    _, k = best
    return split_at_turns(obs[: k + 1], options) + split_at_turns(obs[k + 1 :], options)


def _turns_back(obs: list[Observation], k: int, options: CountingOptions) -> bool:
    """Whether the ways to and from an observation are long and opposite."""
    before, after = _windows(obs, k, LOOK_US)
    is_opposite = _are_opposite(before, after, options)
    return is_opposite and _is_straight(before) and _is_straight(after)


def _turns_sharply(obs: list[Observation], k: int, options: CountingOptions) -> bool:
    """Whether they are so within a second each, by steady steps: two vehicles."""
    before, after = _windows(obs, k, SHARP_US)
    is_opposite = _are_opposite(before, after, options)
    return is_opposite and _is_steady(before) and _is_steady(after)


def _windows(
    obs: list[Observation], k: int, reach_us: int
) -> tuple[list[Observation], list[Observation]]:
    t_us = obs[k].t_us
    first, last = k, k
    while first > 0 and obs[first - 1].t_us >= t_us - reach_us:
        first -= 1
    while last + 1 < len(obs) and obs[last + 1].t_us <= t_us + reach_us:
        last += 1
    return obs[first : k + 1], obs[k : last + 1]


def _are_opposite(
    before: list[Observation], after: list[Observation], options: CountingOptions
) -> bool:
    come, gone = _way(before), _way(after)
    lengths = [(x * x + y * y) ** 0.5 for x, y in (come, gone)]
    dot = come[0] * gone[0] + come[1] * gone[1]
    if not dot < OPPOSITE * lengths[0] * lengths[1]:
        return False  # most tracks go straight on: ask for the dear things last
    sizes = sorted((o.w * o.h) ** 0.5 for o in (*before, *after))
    return bool(min(lengths) >= options.min_travel * sizes[len(sizes) // 2])


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
