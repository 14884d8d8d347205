"""Points and paths against a gate's polygon."""

from collections.abc import Sequence

from truckcount.domain.camera import Point

CROSSING_STEPS = 8  # points looked at between two samples of a fast truck


def is_inside(polygon: Sequence[Point], x: float, y: float) -> bool:
    """Tell whether a point lies in a polygon, by the even-odd rule."""
    inside = False
    xa, ya = polygon[-1]
    for xb, yb in polygon:
        if (y < ya) != (y < yb) and x < xa + (y - ya) / (yb - ya) * (xb - xa):
            inside = not inside
        xa, ya = xb, yb
    return inside


def crosses(polygon: Sequence[Point], a: Point, b: Point) -> float | None:
    """Return where between two outside points (0-1) a way is first inside."""
    for k in range(1, CROSSING_STEPS):
        share = k / CROSSING_STEPS
        x, y = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
        if is_inside(polygon, x, y):
            return share
    return None
