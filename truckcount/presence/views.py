"""Gates to the views the network sees them in."""

import math
from collections.abc import Sequence
from dataclasses import replace

from truckcount.domain.camera import Gate
from truckcount.domain.sample import ViewRect
from truckcount.presence.weights import WeightsHeader

MULTIPLE_PX = 32
GROWTH = 1.2  # the gate's box is grown so that trucks on its edge are seen whole
MAX_UPSCALE = 2.0  # beyond it there is nothing more to see, only more to compute
MIN_ASPECT = 1.0  # a gate drawn as a line still needs trucks whole in its view
TILE_ASPECT = 2.3  # a wider gate would show its trucks too small in one view
TILE_OVERLAP = 0.2
MAX_TILES = 4


def plan_views(
    gates: Sequence[Gate],
    picture_size: tuple[int, int],
    view_size: tuple[int, int] = (320, 192),
) -> list[ViewRect]:
    """Lay out the views of a camera's gates.

    Parameters
    ----------
    gates : sequence of Gate
    picture_size : (width, height)
        Displayed size of the picture, pixels.
    view_size : (width, height)
        Largest view, pixels, multiples of 32.

    Returns
    -------
    list of ViewRect
        One per gate, or several overlapping ones for a gate wide in the picture.
    """
    rects = [
        rect for gate in gates for rect in _plan_gate(gate, picture_size, view_size)
    ]
    return [rect for rect in rects if not rect.is_whole]


def plan_run_views(
    header: "WeightsHeader", gates: Sequence[Gate], picture_size: tuple[int, int]
) -> list[ViewRect]:
    """Lay out what ``ClipScorer`` takes: ``plan_model_views`` and views of whole gates.

    A gate that a map sees in tiles gets one more view, of all of it and as high as
    the network's aspect makes it: a truck longer than a tile fits into it.
    """
    if header.square_px is not None:
        return plan_model_views(header, gates, picture_size)
    return [
        rect
        for gate in gates
        for rect in _plan_gate(gate, picture_size, header.view_size)
    ]


def may_be_tiled(gate: Gate) -> bool:
    """Tell whether a gate is seen in tiles in pictures of some aspect up to 2.3.

    Examples
    --------
    >>> may_be_tiled(Gate(name="g", polygon=((0, 0.4), (1, 0.4), (1, 0.6), (0, 0.6))))
    True
    """
    x0, y0, x1, y1 = gate.bounds
    return x1 - x0 > y1 - y0


def plan_model_views(
    header: WeightsHeader, gates: Sequence[Gate], picture_size: tuple[int, int]
) -> list[ViewRect]:
    """Lay out the views of a camera's gates as a model was taught to see them.

    Parameters
    ----------
    header : WeightsHeader
        Of a map, whose views keep their aspect, or of a classifier, which sees every
        view stretched to a square.
    gates : sequence of Gate
    picture_size : (width, height)
        Displayed size of the picture, pixels.
    """
    rects = plan_views(gates, picture_size, header.view_size)
    side = header.square_px
    if side is None:
        return rects
    return [replace(rect, width_px=side, height_px=side) for rect in rects]


def _plan_gate(
    gate: Gate, picture_size: tuple[int, int], view_size: tuple[int, int]
) -> list[ViewRect]:
    width, height = picture_size
    x0, y0, x1, y1 = gate.bounds
    grow_x, grow_y = (GROWTH - 1) / 2 * (x1 - x0), (GROWTH - 1) / 2 * (y1 - y0)
    x0, x1 = max(0.0, x0 - grow_x) * width, min(1.0, x1 + grow_x) * width
    y0, y1 = max(0.0, y0 - grow_y) * height, min(1.0, y1 + grow_y) * height
    x0, x1 = _widen(x0, x1, gate.view_span * width, width)
    y0, y1 = _widen(y0, y1, gate.view_span * height, height)
    x0, x1 = _widen(x0, x1, MIN_ASPECT * (y1 - y0), width)
    aspect = (x1 - x0) / (y1 - y0)
    best = view_size[0] / view_size[1]
    n_tiles = 1 if aspect <= TILE_ASPECT else min(MAX_TILES, math.ceil(aspect / best))
    tile = (x1 - x0) / (1 + (n_tiles - 1) * (1 - TILE_OVERLAP))
    if tile > TILE_ASPECT * (y1 - y0):
        y0, y1 = _widen(y0, y1, tile / best, height)
    rects = [
        _fit(gate.name, (left, y0, left + tile, y1), picture_size, view_size)
        for left in (x0 + i * tile * (1 - TILE_OVERLAP) for i in range(n_tiles))
    ]
    if n_tiles > 1:
        y0, y1 = _widen(y0, y1, (x1 - x0) / best, height)
        whole = _fit(gate.name, (x0, y0, x1, y1), picture_size, view_size)
        rects.append(replace(whole, is_whole=True))
    return rects


def _fit(
    gate: str,
    box: tuple[float, float, float, float],
    picture_size: tuple[int, int],
    view_size: tuple[int, int],
) -> ViewRect:
    """Grow a box to the aspect of its view, as far as the picture allows."""
    x0, y0, x1, y1 = box
    scale = min(view_size[0] / (x1 - x0), view_size[1] / (y1 - y0), MAX_UPSCALE)
    out_w = _round_up((x1 - x0) * scale, view_size[0])
    out_h = _round_up((y1 - y0) * scale, view_size[1])
    x0, x1 = _widen(x0, x1, out_w / scale, picture_size[0])
    y0, y1 = _widen(y0, y1, out_h / scale, picture_size[1])
    return ViewRect(
        gate=gate,
        x0=x0 / picture_size[0],
        y0=y0 / picture_size[1],
        x1=min(1.0, x1 / picture_size[0]),
        y1=min(1.0, y1 / picture_size[1]),
        width_px=out_w,
        height_px=out_h,
    )


def _round_up(size: float, limit: int) -> int:
    return min(
        limit, max(MULTIPLE_PX, MULTIPLE_PX * math.ceil(size / MULTIPLE_PX - 0.1))
    )


def _widen(low: float, high: float, target: float, limit: float) -> tuple[float, float]:
    missing = max(0.0, target - (high - low))
    low, high = low - missing / 2, high + missing / 2
    if low < 0:
        low, high = 0.0, min(limit, high - low)
    if high > limit:
        low, high = max(0.0, low - (high - limit)), limit
    return low, high
