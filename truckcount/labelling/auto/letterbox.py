"""A picture of any size to a network's fixed input, and its boxes back."""

from dataclasses import dataclass

import cv2
import numpy as np

from truckcount.labelling.auto.detections import Float32Array, Image

GREY = 114  # what Ultralytics' networks were trained with beside the picture


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where the picture lies in the input."""

    scale: float
    """Input pixels per picture pixel."""
    left_px: int
    top_px: int

    def to_picture(self, boxes: Float32Array) -> Float32Array:
        """Map boxes (N, 4) from input pixels to picture pixels."""
        shift = np.array([self.left_px, self.top_px] * 2, np.float32)
        return ((boxes - shift) / self.scale).astype(np.float32)


def fit_picture(image: Image, size: tuple[int, int]) -> tuple[Image, Letterbox]:
    """Scale a picture into (width, height), its shape kept, grey around it."""
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        image, inner, interpolation=how
    )
    return canvas, Letterbox(scale, left, top)
