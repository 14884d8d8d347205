"""Pictures in memory to gate views, by OpenCV."""

import cv2
import numpy as np

from truckcount.domain.sample import UInt8Array, ViewRect


def cut_view(frame: UInt8Array, rect: ViewRect) -> UInt8Array:
    """Return a view, uint8 (H, W, 3) in RGB, of a BGR frame (H, W, 3)."""
    x0, y0, x1, y1 = crop_of(rect, (frame.shape[1], frame.shape[0]))
    view = scale_crop(frame[y0:y1, x0:x1], (rect.width_px, rect.height_px))
    return np.ascontiguousarray(view[:, :, ::-1])


def crop_of(rect: ViewRect, picture_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels x0, y0, x1, y1 that a view shows, on the chroma grid."""
    width, height = picture_size
    left, top = 2 * round(rect.x0 * width / 2), 2 * round(rect.y0 * height / 2)
    right = min(width, max(left + 2, round(rect.x1 * width)))
    bottom = min(height, max(top + 2, round(rect.y1 * height)))
    return left, top, right, bottom


def scale_crop(crop: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Scale what a view shows to the size (width, height) that a network sees."""
    is_smaller = size[0] < crop.shape[1]
    method = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, size, interpolation=method), np.uint8)
