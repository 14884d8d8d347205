"""A path to the direction it took through a gate."""

from collections.abc import Sequence

from truckcount.domain.camera import Point

NOISE_FLOOR = 0.25  # box sizes; a shorter way has no direction
ACROSS = 0.17  # cosine; about 80 degrees off the vector is neither in nor out


def judge_direction(
    path: Sequence[Point], box_size: float, in_vector: Point | None, aspect: float
) -> tuple[str, float]:
    """Judge net displacement against the gate's ``in`` vector.

    Parameters
    ----------
    path : sequence of (x, y)
        Box centres in picture heights, in time order.
    box_size : float
        Square root of the box's area, picture heights.
    in_vector : (x, y) or None
        In fractions of the picture's width and height.
    aspect : float
        Width / height of the picture.

    Returns
    -------
    (direction, score)
        ``any`` without a vector, else ``in``, ``out`` or ``unknown``; the score is
        |cosine| of path and vector.
    """
    if in_vector is None:
        return "any", 0.0
    dx, dy = path[-1][0] - path[0][0], path[-1][1] - path[0][1]
    way = (dx * dx + dy * dy) ** 0.5
    vx, vy = in_vector[0] * aspect, in_vector[1]
    cosine = (dx * vx + dy * vy) / max(way * (vx * vx + vy * vy) ** 0.5, 1e-12)
    if way < NOISE_FLOOR * box_size or abs(cosine) < ACROSS:
        return "unknown", min(1.0, abs(cosine))
    return ("in" if cosine > 0 else "out"), min(1.0, abs(cosine))
