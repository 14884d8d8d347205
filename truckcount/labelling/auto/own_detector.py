"""One of our own networks to detections: the peaks of its map, or what it says of all.

A map has boxes; a classifier of the zoo says of a whole view that a truck is in it, and
of a picture the most that it says of its views.
"""

import cv2
import numpy as np

from truckcount.domain.camera import Gate
from truckcount.domain.sample import ViewRect
from truckcount.labelling.auto.detections import (
    TRUCK,
    Detections,
    Image,
    select_boxes,
)
from truckcount.presence.devices import open_runtime
from truckcount.presence.peaks import find_peaks, suppress_doubles
from truckcount.presence.views import plan_model_views
from truckcount.presence.weights import find_weights

TILE_SHARE = 1.25  # a tile reaches so far into its neighbours: no truck only on a seam


class OwnDetector:
    """A network of truckcount over whole pictures.

    Parameters
    ----------
    model : str
        Name of shipped weights, or path of a safetensors file or of a run folder.
    tiles : int
        Cut the picture into tiles x tiles views: 1 sees it as `run` sees a camera
        without gates, more find trucks that are small in the picture.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(self, model: str, *, tiles: int = 1, device: str = "auto") -> None:
        self._weights = find_weights(model)
        self._runtime = open_runtime(self._weights, device)
        self._gates = [_tile(tiles, row, col) for row in range(tiles)
                       for col in range(tiles)]  # fmt: skip
        self.model_id = self._weights.model_id

    def detect(self, image: Image) -> Detections:
        """Detect in an RGB picture of shape (H, W, 3)."""
        height, width = image.shape[:2]
        rects = plan_model_views(self._weights.header, self._gates, (width, height))
        peaks, p_whole = [], None
        for rect in rects:
            maps = self._runtime.score_views(_cut(image, rect)[None])
            if maps.is_whole_view:
                p_whole = max(p_whole or 0.0, float(maps.heat[0, 0, 0]))
            else:
                peaks += find_peaks(maps, rect)
        if p_whole is not None:
            return Detections(
                boxes=np.zeros((0, 4), np.float32),
                scores=np.zeros(0, np.float32),
                kinds=(),
                p_whole=p_whole,
            )
        found = suppress_doubles(np.concatenate(peaks))
        half = found[:, 2:4] / 2
        corners = np.concatenate([found[:, :2] - half, found[:, :2] + half], axis=1)
        return select_boxes(
            (corners * np.array([width, height] * 2)).astype(np.float32),
            found[:, 4],
            np.zeros(len(found), np.int64),
            {0: TRUCK},
            (width, height),
        )


def _tile(n: int, row: int, col: int) -> Gate:
    """Return one of n x n overlapping parts of the picture as a gate."""
    span = min(1.0, TILE_SHARE / n)
    step = (1 - span) / max(n - 1, 1)
    x0, y0 = col * step, row * step
    x1, y1 = min(x0 + span, 1.0), min(y0 + span, 1.0)
    return Gate(
        name=f"tile{row}-{col}", polygon=((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    )


def _cut(image: Image, rect: ViewRect) -> Image:
    """Crop and scale one view, as the decoders do."""
    height, width = image.shape[:2]
    left, top = round(rect.x0 * width), round(rect.y0 * height)
    right = max(left + 1, round(rect.x1 * width))
    bottom = max(top + 1, round(rect.y1 * height))
    size = (rect.width_px, rect.height_px)
    how = cv2.INTER_AREA if size[0] < right - left else cv2.INTER_LINEAR
    cut = cv2.resize(image[top:bottom, left:right], size, interpolation=how)
    return np.ascontiguousarray(cut, np.uint8)
