"""Boxes of a training view to what each cell of the map should say."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.presence.truckmap import SIZE_UNIT_PX, STRIDE_PX
from truckcount.training.canvas import Canvas

N_CLASSES = 3
CENTRE = 0.999  # of a bump: the cell of the centre itself, rounding aside
SPREAD = 0.13  # standard deviation of a centre's bump, of the box size
MIN_SPREAD_CELLS = 0.55
BOX_WEIGHT_FROM = 0.5  # cells whose bump is higher learn the box, too

FloatArray = npt.NDArray[np.float32]


@dataclass(slots=True)
class MapTarget:
    """What the map of one view should be; h = H/8, w = W/8 cells."""

    heat: FloatArray
    """Shape (3, h, w), 1 at centres, falling off as a bump."""
    trust: FloatArray
    """Shape (h, w), weight of a cell as a negative."""
    box: FloatArray
    """Shape (4, h, w): log size (w, h) / 16 px, offset of the centre (x, y)."""
    box_weight: FloatArray
    """Shape (h, w)."""


def draw_target(canvas: Canvas) -> MapTarget:
    """Draw a canvas's boxes on the stride-8 grid."""
    height, width = canvas.image.shape[:2]
    h, w = height // STRIDE_PX, width // STRIDE_PX
    heat = np.zeros((N_CLASSES, h, w), np.float32)
    box = np.zeros((4, h, w), np.float32)
    box_weight = np.zeros((h, w), np.float32)
    trust = cv2.resize(
        canvas.trust.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA
    )
    trust = (trust > 0.6).astype(np.float32)
    grid_x, grid_y = np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)
    order = np.argsort(-(canvas.boxes[:, 2] - canvas.boxes[:, 0]))  # small ones on top
    for i in order:
        x1, y1, x2, y2 = canvas.boxes[i]
        cx, cy = (x1 + x2) / 2 / STRIDE_PX, (y1 + y2) / 2 / STRIDE_PX
        bw, bh = max(x2 - x1, 1.0), max(y2 - y1, 1.0)
        sx = max(MIN_SPREAD_CELLS, SPREAD * bw / STRIDE_PX)
        sy = max(MIN_SPREAD_CELLS, SPREAD * bh / STRIDE_PX)
        ix, iy = min(int(cx), w - 1), min(int(cy), h - 1)
        bump = np.exp(-(((grid_y[:, None] - iy) / sy) ** 2) / 2) * np.exp(
            -(((grid_x[None] - ix) / sx) ** 2) / 2
        )
        label = canvas.classes[i]
        heat[label] = np.maximum(heat[label], bump)
        near = (bump > BOX_WEIGHT_FROM) & (bump >= box_weight)
        box_weight[near] = bump[near]
        box[0][near] = np.log(bw / SIZE_UNIT_PX)
        box[1][near] = np.log(bh / SIZE_UNIT_PX)
        rows, cols = np.nonzero(near)
        box[2][near] = cx - cols
        box[3][near] = cy - rows
        trust[iy, ix] = 1.0
    return MapTarget(heat=heat, trust=trust, box=box, box_weight=box_weight)
