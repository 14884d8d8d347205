"""When a link that never kept up began to carry a stream: told by its rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

MIN_PACKETS = 4  # fewer give no rate
LEAST_GROWTH = 0.25  # of a frame's time, from frame to frame: the link sets the pace
# a frame is handed on with the first part of the next: what a network carries at once
PART_BYTES = 1400


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet of a frame as it came."""

    pts_us: int | None
    """None of a connection's first: FFmpeg has yet to learn where times begin."""
    arrival_us: int
    n_bytes: int


def find_first_delay_us(arrivals: Sequence[Arrival], asked_us: int) -> int | None:
    """Return the delay that the first packet had before the link held it up.

    A link that carries less than the camera sends is busy from the first byte on:
    what has come grows with time by its rate, and the line through it begins when
    the first frame was sent, which is when it was taken. Its own arrival tells that
    moment late, by what the link takes for it and for what pushes it out.

    Parameters
    ----------
    arrivals : sequence of Arrival
        Of a connection, from its first on.
    asked_us : int
        UTC of when the camera was asked: a live one sent nothing before.

    Returns
    -------
    int or None
        UTC less PTS of the first frame, microseconds; None where the camera set the
        pace, so that no rate is seen.
    """
    timed = [one for one in arrivals if one.pts_us is not None]
    if len(timed) < MIN_PACKETS:
        return None
    steps_us = [b - a for a, b in pairwise(_pts_us(timed))]
    delays_us = [
        one.arrival_us - pts for one, pts in zip(timed, _pts_us(timed), strict=True)
    ]
    growth_us = median(b - a for a, b in pairwise(delays_us))
    step_us = median(steps_us)
    if step_us <= 0 or growth_us < LEAST_GROWTH * step_us:
        return None
    n_untimed = arrivals.index(timed[0])
    first_pts_us = _pts_us(timed)[0] - n_untimed * step_us
    return round(max(_find_first_byte_us(arrivals), asked_us) - first_pts_us)


def _find_first_byte_us(arrivals: Sequence[Arrival]) -> float:
    came = 0
    points: list[tuple[int, int]] = []  # bytes that had come, and when
    for one, pushing in pairwise(arrivals):
        came += one.n_bytes
        points.append((came + min(pushing.n_bytes, PART_BYTES), one.arrival_us))
    (low, first_us), (high, last_us) = points[0], points[-1]
    us_per_byte = (last_us - first_us) / (high - low)
    return median(t_us - us_per_byte * n_bytes for n_bytes, t_us in points)


def _pts_us(timed: Sequence[Arrival]) -> list[int]:
    return [one.pts_us for one in timed if one.pts_us is not None]
