"""Peaks of a gate's tiles and of the view of all of it to one set.

A network knows trucks of a range of sizes. Tiles show a wide gate large enough for
its small trucks, but of a truck longer than a tile they show pieces, and each is
found alone. What is that large is taken from the view of the whole gate instead.
"""

import numpy as np
import numpy.typing as npt

from truckcount.domain.sample import ViewRect
from truckcount.presence.peaks import Float32Array

LARGE_PX = 120.0  # of a tile, root of the box's area: most of what a tile is high
ASK_PX = 80.0  # a piece is smaller than what it is of
SURE = 0.3  # below it nothing is surely a truck
PIECE_SHARE = 0.2  # of a peak's box that lies in a large truck: it is a piece of it


def needs_whole(peaks: Float32Array, tile: ViewRect) -> bool:
    """Tell whether a tile shows what may be a part of a larger truck."""
    if not len(peaks):
        return False
    return bool(((_size_px(peaks, tile) >= ASK_PX) & _is_sure(peaks)).any())


def join_whole(
    tiles: Float32Array, whole: Float32Array, tile: ViewRect
) -> Float32Array:
    """Put large trucks of the view of the whole gate in the place of their pieces.

    Parameters
    ----------
    tiles, whole : float32 arrays, shape (K, 5)
        Peaks as ``find_peaks`` returns them.
    tile : ViewRect
        Any of the tiles; they are of one scale.
    """
    large = whole[(_size_px(whole, tile) >= LARGE_PX) & _is_sure(whole)]
    if not len(large):
        return tiles
    is_piece = (_shared_area(tiles, large) > PIECE_SHARE * _area(tiles)[:, None]).any(1)
    return np.concatenate([tiles[~is_piece], large])


def _is_sure(peaks: Float32Array) -> npt.NDArray[np.bool_]:
    return np.asarray(peaks[:, 4] >= SURE)


def _area(peaks: Float32Array) -> Float32Array:
    return np.asarray(peaks[:, 2] * peaks[:, 3])


def _size_px(peaks: Float32Array, rect: ViewRect) -> Float32Array:
    """Root of each box's area in pixels of a view of this scale."""
    per_x = rect.width_px / (rect.x1 - rect.x0)
    per_y = rect.height_px / (rect.y1 - rect.y0)
    return np.asarray(np.sqrt(_area(peaks) * per_x * per_y))


def _shared_area(a: Float32Array, b: Float32Array) -> Float32Array:
    """Area that each of M boxes shares with each of N, shape (M, N)."""
    shared = np.ones((len(a), len(b)), np.float32)
    for centre, size in ((0, 2), (1, 3)):
        low_a, high_a = a[:, centre] - a[:, size] / 2, a[:, centre] + a[:, size] / 2
        low_b, high_b = b[:, centre] - b[:, size] / 2, b[:, centre] + b[:, size] / 2
        span = np.minimum(high_a[:, None], high_b) - np.maximum(low_a[:, None], low_b)
        shared *= np.maximum(span, 0)
    return shared
