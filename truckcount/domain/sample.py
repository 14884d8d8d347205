"""A sample: a frame chosen for the network, cut into its gate views."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FLAG_DARK = 1
FLAG_FROZEN = 2
FLAG_OCCLUDED = 4
"""Covered or blurred beyond use."""
FLAG_MOVED = 8
FLAG_CORRUPT = 16
CAUSES = (
    ("dark", FLAG_DARK),
    ("frozen", FLAG_FROZEN),
    ("occluded", FLAG_OCCLUDED),
    ("moved", FLAG_MOVED),
    ("corrupt", FLAG_CORRUPT),
)
"""Name and flag; of a picture with several, the first is what it is unusable for."""

UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRect:
    """The crop around a gate (or a tile of it) and the size the network sees it in."""

    gate: str
    x0: float
    y0: float
    x1: float
    y1: float
    """Crop as fractions of the displayed picture."""
    width_px: int
    height_px: int
    """Size after scaling; multiples of 32, or the square that a classifier sees."""
    is_whole: bool = False
    """Shows all of a gate that is seen in tiles, for what is longer than a tile."""

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):
            msg = f"view of gate {self.gate!r} is empty or outside: {self}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One frame on the absolute grid of ticks, as the views the network takes."""

    tick: int
    """floor(t_us x sample_fps / 1e6): the slot on the absolute clock."""
    t_us: int
    """Microseconds since 1970-01-01 UTC."""
    pts_us: int
    """Presentation time in the container, microseconds from the first frame."""
    views: tuple[UInt8Array, ...]
    """One per ``ViewRect``, uint8, shape (H, W, 3), RGB; decoded by NVDEC they are
    tensors that lie on the GPU."""
    quality_flags: int = 0
    """Bit mask of the ``FLAG_`` constants; 0 is a usable picture."""

    def __repr__(self) -> str:
        shapes = ", ".join(str(view.shape) for view in self.views)
        return (
            f"Sample(tick={self.tick}, t_us={self.t_us}, views=[{shapes}], "
            f"quality_flags={self.quality_flags})"
        )
