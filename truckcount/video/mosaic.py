"""Pictures to mosaics in which trucks are told and no person is known.

No people detector is asked: one that misses one person in ten shows that one. The
whole picture is made of tiles, one colour each, about 0.3 m at the trucks' distance:
a face is less than a tile there, a number plate two tiles by half of one, and a truck
still ten tiles high.
"""

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.domain.scores import PEAK_UNIT, Scores

UInt8Array = npt.NDArray[np.uint8]

TILES_A_TRUCK = 12.0  # of its height: 3.5 m of a box truck in tiles of 0.3 m
NEAR_QUANTILE = 0.95  # of truck heights: people near the camera are larger, too
MIN_TRUCKS = 5  # peaks; fewer tell no scale
HALF_U8 = 128
UNKNOWN_FRACTION = 1 / 30  # of the picture's height, where no truck tells the scale
LEAST_FRACTION, MOST_FRACTION = 1 / 90, 1 / 12
"""A face is 0.09 of a person's height: of one as tall as the picture it is eight of
the smallest tiles wide, and nobody is known by that."""
MIN_TILE_PX = 4


def tile_fraction(scores: list[Scores]) -> float:
    """Choose a tile's height, as a fraction of the picture's, by the trucks seen."""
    heights = np.concatenate(
        [np.empty(0), *(s.peaks["h"][s.peaks["p"] >= HALF_U8] for s in scores)]
    )
    if len(heights) < MIN_TRUCKS:
        return UNKNOWN_FRACTION
    near = float(np.quantile(heights, NEAR_QUANTILE)) / PEAK_UNIT
    return min(max(near / TILES_A_TRUCK, LEAST_FRACTION), MOST_FRACTION)


def make_mosaic(image: UInt8Array, tile: float) -> UInt8Array:
    """Return a picture in which each tile has one colour: the mean of what it was.

    Parameters
    ----------
    image : uint8, shape (H, W, 3)
    tile : float
        Height and width of a tile as a fraction of H; at least 4 px.
    """
    height, width = image.shape[:2]
    side = max(MIN_TILE_PX, round(tile * height))
    rows, cols = -(-height // side), -(-width // side)
    # whole tiles, the last ones filled up by what is at the edge, so that no tile is
    # smaller than asked for
    padded = cv2.copyMakeBorder(
        image,
        0,
        rows * side - height,
        0,
        cols * side - width,
        cv2.BORDER_REPLICATE,
    )
    means = cv2.resize(padded, (cols, rows), interpolation=cv2.INTER_AREA)
    tiles = np.repeat(np.repeat(means, side, axis=0), side, axis=1)
    return np.ascontiguousarray(tiles[:height, :width])
