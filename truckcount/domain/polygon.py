"""Many points against a polygon."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Point


def contains(
    polygon: Sequence[Point],
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Tell which points lie in a polygon, by the even-odd rule."""
    is_inside = np.zeros(np.shape(x), np.bool_)
    for (xa, ya), (xb, yb) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if ya == yb:
            continue
        is_beside = (y < ya) != (y < yb)
        is_inside ^= is_beside & (x < xa + (y - ya) / (yb - ya) * (xb - xa))
    return is_inside
