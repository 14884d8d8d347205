"""Tracks of a CVAT video to the boxes of every frame."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from truckcount.labelling.importers.cvat_shapes import corners_of, is_shape
from truckcount.labelling.importers.found import (
    Complain,
    Corners,
    FoundBox,
    Problem,
)
from truckcount.labelling.importers.xml_tree import line_of, number_of


def read_tracks(
    source: Path, root: Any, complain: Complain
) -> tuple[dict[int, list[FoundBox]], set[int]]:
    """Read every track's boxes by frame number.

    A box stands until the track's next one; where frames between two of them are
    left out (a file of keyframes alone) it is interpolated. `outside` ends it.
    Other shapes (polygons, masks, ...) count as the box around them.

    Returns
    -------
    boxes : dict
        Boxes by frame.
    doubtful : set of int
        Frames in which a shape could not be read: what their boxes say is not all.
    """
    boxes: dict[int, list[FoundBox]] = defaultdict(list)
    doubtful: set[int] = set()
    for track in root.iterfind("track"):
        name = track.get("label")
        where = f"{source}:{line_of(track)}"
        if not name:
            complain(Problem(where, "<track> has no label"))
            doubtful |= {key[0] for key in _read_keys(source, track, complain)[0]}
            continue
        keys, unread = _read_keys(source, track, complain)
        known = [frame for frame, *_ in keys]
        for frame in unread:
            # it would have stood until the next
            after = next((k for k in known if k > frame), frame + 1)
            doubtful.update(range(frame, after))
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
    return dict(boxes), doubtful


Key = tuple[int, Corners, bool, str]


def _read_keys(
    source: Path, track: Any, complain: Complain
) -> tuple[list[Key], list[int]]:
    """Read a track's shapes in order, and the frames of those that cannot be read."""
    keys: list[Key] = []
    unread: list[int] = []
    for element in filter(is_shape, track):
        where = f"{source}:{line_of(element)}"
        try:
            frame = int(number_of(element, "frame"))
        except ValueError as error:
            complain(Problem(where, str(error)))
            continue
        try:
            corners = corners_of(element)
        except ValueError as error:
            complain(Problem(where, str(error)))
            unread.append(frame)
            continue
        keys.append((frame, corners, element.get("outside") == "1", where))
    return sorted(keys, key=lambda key: key[0]), unread


def _between(a: Corners, b: Corners, part: float) -> Corners:
    return (
        a[0] + part * (b[0] - a[0]),
        a[1] + part * (b[1] - a[1]),
        a[2] + part * (b[2] - a[2]),
        a[3] + part * (b[3] - a[3]),
    )
