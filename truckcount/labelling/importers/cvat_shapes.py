"""A shape of CVAT, whatever its kind, to the corners of the box around it."""

import math
import re
from collections.abc import Iterable
from typing import Any

from truckcount.labelling.importers.found import Corners
from truckcount.labelling.importers.xml_tree import number_of

SHAPES = frozenset(
    {"box", "polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton"}
)
NO_SHAPES = frozenset({"tag"})
"""What else may stand in an image: it says something of the whole."""

_CUBOID_CORNER = re.compile(r"[xy][tb][lr][12]")


def is_shape(element: Any) -> bool:
    """Tell whether an element marks a place; a kind we do not know does, too."""
    return isinstance(element.tag, str) and element.tag not in NO_SHAPES


def corners_of(shape: Any) -> Corners:
    """Read the box around a shape, upright, in pixels.

    Raises
    ------
    ValueError
        When a number is missing, or the kind is none that we know: what is left
        out may have been a truck, so nothing is passed over in silence.
    """
    match shape.tag:
        case "box":
            x1, y1 = number_of(shape, "xtl"), number_of(shape, "ytl")
            x2, y2 = number_of(shape, "xbr"), number_of(shape, "ybr")
            middle = ((x1 + x2) / 2, (y1 + y2) / 2)
            return _around_turned_box(shape, middle, (x2 - x1) / 2, (y2 - y1) / 2)
        case "ellipse":
            middle = (number_of(shape, "cx"), number_of(shape, "cy"))
            half = (number_of(shape, "rx"), number_of(shape, "ry"))
            return _around_turned_ellipse(shape, middle, *half)
        case "mask":
            x, y = number_of(shape, "left"), number_of(shape, "top")
            return x, y, x + number_of(shape, "width"), y + number_of(shape, "height")
        case "cuboid":
            names = [n for n in shape.keys() if _CUBOID_CORNER.fullmatch(n)]  # noqa: SIM118 - an element, not a dict
            xs = [number_of(shape, n) for n in names if n[0] == "x"]
            ys = [number_of(shape, n) for n in names if n[0] == "y"]
            if not xs or not ys:
                msg = "<cuboid> has no corners xtl1, ytl1, ..."
                raise ValueError(msg)
            return min(xs), min(ys), max(xs), max(ys)
        case "skeleton":
            return _around_points([p for part in shape for p in _points_of(part)])
        case "polygon" | "polyline" | "points":
            return _around_points(_points_of(shape))
    msg = f"<{shape.tag}> is no shape that is read; want {', '.join(sorted(SHAPES))}"
    raise ValueError(msg)


def _points_of(shape: Any) -> list[tuple[float, float]]:
    text = shape.get("points") or ""
    try:
        pairs = [pair.split(",") for pair in text.split(";")]
        return [(float(x), float(y)) for x, y in pairs]
    except ValueError as error:
        msg = f"<{shape.tag}> has points {text[:60]!r}; want x,y;x,y"
        raise ValueError(msg) from error


def _around_points(points: Iterable[tuple[float, float]]) -> Corners:
    found = list(points)
    if not found:
        msg = "a shape has no points"
        raise ValueError(msg)
    xs, ys = [x for x, _ in found], [y for _, y in found]
    return min(xs), min(ys), max(xs), max(ys)


def _turn_of(shape: Any) -> tuple[float, float]:
    """Return cosine and sine of a shape's rotation about its middle, in degrees."""
    turn = 0.0 if shape.get("rotation") is None else number_of(shape, "rotation")
    return math.cos(math.radians(turn)), math.sin(math.radians(turn))


def _around_turned_box(
    shape: Any, middle: tuple[float, float], half_w: float, half_h: float
) -> Corners:
    cos, sin = _turn_of(shape)
    if sin == 0 and cos == 1:  # as it is written, a box turned inside out, too
        x, y = middle
        return x - half_w, y - half_h, x + half_w, y + half_h
    wide = abs(half_w * cos) + abs(half_h * sin)
    high = abs(half_w * sin) + abs(half_h * cos)
    return middle[0] - wide, middle[1] - high, middle[0] + wide, middle[1] + high


def _around_turned_ellipse(
    shape: Any, middle: tuple[float, float], half_w: float, half_h: float
) -> Corners:
    cos, sin = _turn_of(shape)
    wide = math.hypot(half_w * cos, half_h * sin)
    high = math.hypot(half_w * sin, half_h * cos)
    return middle[0] - wide, middle[1] - high, middle[0] + wide, middle[1] + high
