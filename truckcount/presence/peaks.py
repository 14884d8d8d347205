"""Maps to peaks: where in the picture a truck's centre is likely."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Point
from truckcount.domain.polygon import contains
from truckcount.domain.sample import ViewRect
from truckcount.domain.scores import PEAK_DTYPE, PEAK_UNIT
from truckcount.presence.runtime import Maps

STRIDE_PX = 8
SIZE_UNIT_PX = 16.0
PEAK_FLOOR = 0.12  # lower peaks are noise; storing them costs ten times the space
MAX_PEAKS = 24  # a sample; more trucks than that do not fit a view
OVERLAP_LIMIT = 0.5  # of the smaller box: two peaks of one truck
NEIGHBOURS = [(dy, dx) for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]
"""Offsets of a cell's eight neighbours in a map padded by one."""

Float32Array = npt.NDArray[np.float32]


def inside_mask(
    rect: ViewRect, polygon: Sequence[Point], shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Tell which cells of a view's map have their centre in the gate."""
    rows, cols = shape
    xs = rect.x0 + (np.arange(cols) + 0.5) / cols * (rect.x1 - rect.x0)
    ys = rect.y0 + (np.arange(rows) + 0.5) / rows * (rect.y1 - rect.y0)
    grid_x, grid_y = np.meshgrid(xs, ys)
    return contains(polygon, grid_x, grid_y)


def find_peaks(maps: Maps, rect: ViewRect) -> list[Float32Array]:
    """Find the local maxima of every map of one view.

    Returns
    -------
    list of float32 arrays, shape (K, 5)
        For each of the N maps, peaks as centre x, y and size w, h as fractions of
        the picture and probability; the most probable first.
    """
    n, rows, cols = maps.heat.shape
    none = np.zeros((0, 5), np.float32)
    # few cells are above the floor: only they are compared with their neighbours
    which, ys, xs = np.nonzero(maps.heat >= PEAK_FLOOR)
    if not len(ys):
        return [none] * n
    padded = np.full((n, rows + 2, cols + 2), -1.0, np.float32)
    padded[:, 1:-1, 1:-1] = maps.heat
    p = maps.heat[which, ys, xs]
    is_peak = np.ones(len(ys), np.bool_)
    for dy, dx in NEIGHBOURS:
        is_peak &= p >= padded[which, ys + dy, xs + dx]
    which, ys, xs, p = which[is_peak], ys[is_peak], xs[is_peak], p[is_peak]
    box = maps.box[which, :, ys, xs]
    size = SIZE_UNIT_PX * np.exp(np.clip(box[:, :2], -3, 3.5))
    shift = np.clip(box[:, 2:], -2.0, 3.0)
    span_x = (rect.x1 - rect.x0) / rect.width_px
    span_y = (rect.y1 - rect.y0) / rect.height_px
    peaks = np.stack(
        [
            rect.x0 + (xs + shift[:, 0]) * STRIDE_PX * span_x,
            rect.y0 + (ys + shift[:, 1]) * STRIDE_PX * span_y,
            size[:, 0] * span_x,
            size[:, 1] * span_y,
            p,
        ],
        axis=1,
    ).astype(np.float32)
    bounds = np.searchsorted(which, np.arange(n + 1))
    return [_strongest(peaks[a:b]) for a, b in itertools.pairwise(bounds)]


def _strongest(peaks: Float32Array) -> Float32Array:
    return peaks[np.argsort(-peaks[:, 4], kind="stable")[:MAX_PEAKS]]


def suppress_doubles(peaks: Float32Array) -> Float32Array:
    """Keep the most probable of peaks whose boxes are mostly one another's."""
    if len(peaks) < 2:
        return peaks
    peaks = peaks[np.argsort(-peaks[:, 4], kind="stable")]
    # a handful of boxes: plain floats cost a tenth of numpy's calls
    kept: list[int] = []
    boxes: list[tuple[float, float, float, float, float]] = []
    for i, (x, y, w, h, _) in enumerate(peaks.tolist()):
        left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
        area = w * h
        for left_b, top_b, right_b, bottom_b, area_b in boxes:
            span_x = min(right, right_b) - max(left, left_b)
            span_y = min(bottom, bottom_b) - max(top, top_b)
            is_shared = span_x > 0 and span_y > 0
            if is_shared and span_x * span_y > OVERLAP_LIMIT * min(area, area_b):
                break
        else:
            kept.append(i)
            boxes.append((left, top, right, bottom, area))
    return peaks[kept]


def quantise(peaks: Float32Array) -> npt.NDArray[np.void]:
    """Round peaks to what the store keeps, so that a recount sees the same."""
    out = np.empty(len(peaks), PEAK_DTYPE)
    for i, name in enumerate(("x", "y", "w", "h")):
        out[name] = np.rint(np.clip(peaks[:, i], 0, 1) * PEAK_UNIT).astype(np.uint16)
    out["p"] = np.rint(np.clip(peaks[:, 4], 0, 1) * 255).astype(np.uint8)
    return out
