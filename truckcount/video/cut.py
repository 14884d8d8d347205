"""Pictures in memory to gate views, by OpenCV."""

import cv2
import numpy as np

from truckcount.domain.sample import UInt8Array, ViewRect


def cut_view(frame: UInt8Array, rect: ViewRect) -> UInt8Array:
    """Return a view, uint8 (H, W, 3) in RGB, of a BGR frame (H, W, 3)."""
    height, width = frame.shape[:2]
    left, top = 2 * round(rect.x0 * width / 2), 2 * round(rect.y0 * height / 2)
    crop = frame[
        top : max(top + 2, round(rect.y1 * height)),
        left : max(left + 2, round(rect.x1 * width)),
    ]
    is_smaller = rect.width_px < crop.shape[1]
    method = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    view = cv2.resize(crop, (rect.width_px, rect.height_px), interpolation=method)
    return np.ascontiguousarray(view[:, :, ::-1])
