"""What an importer finds in a source: pictures with labels, and what is wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

PICTURE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"]
)


Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class FoundBox:
    """One box as the source gives it, in pixels of its picture."""

    name: str
    """Class name of the source, or `ambiguous` where the source says so."""
    corners: Corners
    """x1, y1, x2, y2."""
    where: str
    """File and line, for complaints."""
    score: float | None = None
    is_fraction: bool = False
    """Corners are fractions of the picture."""


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """One picture of a source and what the source says of it."""

    name: str
    """Path or name by which the source knows it; unique within the source."""
    where: str
    picture: "Path | npt.NDArray[np.uint8]"
    """A file, or an RGB frame of shape (H, W, 3)."""
    label: str | None = None
    """`truck`, `no_truck`, `skip`, or None: from the boxes, where there are any."""
    p_truck: float | None = None
    boxes: tuple[FoundBox, ...] = ()
    is_annotated: bool = True
    """Somebody looked: without a truck's box it is `no_truck`, not unknown."""
    size: tuple[int, int] | None = None
    """(width, height) that the source gives its boxes in, pixels."""
    t_s: float | None = None
    """Seconds from the first frame of a video."""
    is_of_recording: bool = False
    """One of many frames of the source's one recording."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row of a source that was left out, and why."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class ImportReport:
    """What an import did."""

    n_frames: int = 0
    n_labels: int = 0
    n_boxes: int = 0
    n_known: int = 0
    """Labels that stood in the set already, just so."""
    n_unlabelled: int = 0
    """Pictures taken in without a label, since the source says nothing of them."""
    n_alone: int = 0
    """Pictures that nothing groups: a split may part them from their recording."""
    classes: dict[str, int] = field(default_factory=dict)
    """Boxes by `name of the source -> class`."""
    problems: list[Problem] = field(default_factory=list)


Complain = Callable[[Problem], None]


def inside(root: Path, name: str) -> Path | None:
    """Return the path of a name below a folder; None where it points outside."""
    try:
        path = (root / name.replace("\\", "/")).resolve()
    except (OSError, ValueError):
        return None
    return path if path.is_relative_to(root.resolve()) else None
