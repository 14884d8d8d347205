"""Tracks of a CVAT video to the boxes of every frame."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from truckcount.labelling.importers.found import (
    Complain,
    Corners,
    FoundBox,
    Problem,
)
from truckcount.labelling.importers.xml_tree import line_of, number_of


def read_tracks(
    source: Path, root: Any, complain: Complain
) -> dict[int, list[FoundBox]]:
    """Read every track's boxes by frame number.

    A box stands until the track's next one; where frames between two of them are
    left out (a file of keyframes alone) it is interpolated. `outside` ends it.
    """
    boxes: dict[int, list[FoundBox]] = defaultdict(list)
    for track in root.iterfind("track"):
        name = track.get("label")
        where = f"{source}:{line_of(track)}"
        if not name:
            complain(Problem(where, "<track> has no label"))
            continue
        keys = _read_keys(source, track, complain)
        for k, (frame, corners, is_outside, place) in enumerate(keys):
            if is_outside:
                continue
            boxes[frame].append(FoundBox(name, corners, place))
            if k + 1 == len(keys):
                continue
            after, target, is_gone, _ = keys[k + 1]
            for between in range(frame + 1, after):
                part = 0.0 if is_gone else (between - frame) / (after - frame)
                moved = _between(corners, target, part)
                boxes[between].append(FoundBox(name, moved, place))
    return dict(boxes)


Key = tuple[int, Corners, bool, str]


def _read_keys(source: Path, track: Any, complain: Complain) -> list[Key]:
    keys: list[Key] = []
    for element in track.iterfind("box"):
        where = f"{source}:{line_of(element)}"
        try:
            frame = int(number_of(element, "frame"))
            corners = corners_of(element)
        except ValueError as error:
            complain(Problem(where, str(error)))
            continue
        keys.append((frame, corners, element.get("outside") == "1", where))
    return sorted(keys, key=lambda key: key[0])


def corners_of(element: Any) -> Corners:
    """Read the corners of a CVAT box."""
    return (
        number_of(element, "xtl"),
        number_of(element, "ytl"),
        number_of(element, "xbr"),
        number_of(element, "ybr"),
    )


def _between(a: Corners, b: Corners, part: float) -> Corners:
    return (
        a[0] + part * (b[0] - a[0]),
        a[1] + part * (b[1] - a[1]),
        a[2] + part * (b[2] - a[2]),
        a[3] + part * (b[3] - a[3]),
    )
