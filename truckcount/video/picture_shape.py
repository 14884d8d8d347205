"""Stored pixels to the picture as it is shown: upright, its pixels square.

Recorders store pictures squeezed (704 x 288, 720 x 576 and the like) and tell how wide
a pixel is; seen as they are stored, trucks have shapes that no network was shown.
"""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

SQUARE = Fraction(1)
MOST_ASPECT = 4  # a pixel wider or higher than this is a damaged header


def read_pixel_aspect(stream: Any) -> Fraction:
    """Return width / height of a stored pixel; 1 where a stream does not tell."""
    return check_aspect(stream.sample_aspect_ratio)


def check_aspect(aspect: Fraction | None) -> Fraction:
    """Return an aspect that may be, or 1.

    Examples
    --------
    >>> check_aspect(Fraction(64, 45)), check_aspect(Fraction(1, 65535))
    (Fraction(64, 45), Fraction(1, 1))
    """
    if aspect is None or not 1 <= aspect * MOST_ASPECT <= MOST_ASPECT**2:
        return SQUARE
    return aspect


def displayed_size(
    width: int, height: int, rotation_deg: int, pixel_aspect: Fraction
) -> tuple[int, int]:
    """Return width and height of a stored picture when it is shown.

    What is squeezed is widened, and nothing made smaller.

    Parameters
    ----------
    rotation_deg : int
        Counter-clockwise turn that shows it upright.
    pixel_aspect : Fraction
        Of a stored pixel.

    Examples
    --------
    >>> displayed_size(720, 576, 0, Fraction(64, 45))
    (1024, 576)
    >>> displayed_size(704, 288, 90, Fraction(6, 11))
    (528, 704)
    """
    if pixel_aspect < 1:
        height = round(height / pixel_aspect)
    else:
        width = round(width * pixel_aspect)
    return (height, width) if rotation_deg % 180 == 90 else (width, height)


def show_picture(
    image: npt.NDArray[np.uint8], rotation_deg: int, pixel_aspect: Fraction
) -> npt.NDArray[np.uint8]:
    """Turn a stored picture upright and make its pixels square.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3)
    """
    height, width = image.shape[:2]
    upright = np.ascontiguousarray(np.rot90(image, rotation_deg // 90 % 4))
    if pixel_aspect == SQUARE:
        return upright
    size = displayed_size(width, height, rotation_deg, pixel_aspect)
    return np.asarray(
        cv2.resize(upright, size, interpolation=cv2.INTER_LINEAR), np.uint8
    )
