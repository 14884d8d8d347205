"""Boxes as a source gives them to boxes in pixels of the stored picture."""

from typing import Any

from truckcount.labelling.frame_files import FrameFile
from truckcount.labelling.importers.class_map import AMBIGUOUS, TRUCK, ClassMap
from truckcount.labelling.importers.found import (
    Complain,
    FoundBox,
    FoundPicture,
    Problem,
)
from truckcount.labelling.merge import MIN_BOX_SCORE

MAX_ASPECT_OFF = 0.02  # a picture may have been scaled since, but not turned or cut


def place_boxes(
    picture: FoundPicture, stored: FrameFile, classes: ClassMap, complain: Complain
) -> tuple[list[dict[str, Any]], bool]:
    """Scale and clip a picture's boxes.

    Returns
    -------
    boxes : list of dict
        ``name`` (of the source), ``class``, corners in pixels, ``score``.
    is_whole : bool
        False when a box was left out, so that what remains does not tell all.
    """
    scale_x = scale_y = 1.0
    if picture.size is not None:
        scale_x = stored.width / picture.size[0]
        scale_y = stored.height / picture.size[1]
        if abs(scale_x / scale_y - 1) > MAX_ASPECT_OFF and picture.boxes:
            what = (
                f"its boxes are for a picture of {picture.size[0]}x{picture.size[1]}, "
                f"but {picture.name} has {stored.width}x{stored.height}; left out"
            )
            complain(Problem(picture.where, what))
            return [], False
    placed, is_whole = [], True
    for box in picture.boxes:
        width, height = stored.width, stored.height
        fx, fy = (width, height) if box.is_fraction else (scale_x, scale_y)
        corners = _clip(box, float(fx), float(fy), width, height)
        if corners is None:
            shown = ", ".join(f"{v:g}" for v in box.corners)
            what = f"box ({shown}) has no area within the picture {width}x{height}"
            complain(Problem(box.where, what))
            is_whole = False
            continue
        placed.append(
            {
                "name": box.name,
                "class": classes.class_of(box.name),
                **dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True)),
                "score": box.score,
            }
        )
    return placed, is_whole


def label_of(
    picture: FoundPicture, boxes: list[dict[str, Any]], *, is_whole: bool
) -> str | None:
    """Return a picture's label: its own, or what its boxes say.

    A truck's box makes it `truck`; an ambiguous one and no truck `skip`; nothing
    of either `no_truck`, if somebody looked and no box was left out. A detector's
    truck of a score that counts for none (`trust_boxes`) is ambiguous.
    """
    if picture.label is not None:
        return picture.label
    trucks = [box["score"] for box in boxes if box["class"] == TRUCK]
    if any(score is None or score >= MIN_BOX_SCORE for score in trucks):
        return "truck"
    if not (picture.is_annotated and is_whole):
        return None
    is_open = trucks or any(box["class"] == AMBIGUOUS for box in boxes)
    return "skip" if is_open else "no_truck"


def _clip(
    box: FoundBox, fx: float, fy: float, width: int, height: int
) -> tuple[float, float, float, float] | None:
    x1, x2 = (min(max(x * fx, 0.0), float(width)) for x in box.corners[0::2])
    y1, y2 = (min(max(y * fy, 0.0), float(height)) for y in box.corners[1::2])
    # written so that a NaN is no box either
    return (x1, y1, x2, y2) if x2 - x1 > 0.01 and y2 - y1 > 0.01 else None
