"""CVAT XML 1.1, of images or of a video with tracks, to boxes."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.cvat_shapes import corners_of, is_shape
from truckcount.labelling.importers.cvat_tracks import read_tracks
from truckcount.labelling.importers.found import (
    PICTURE_SUFFIXES,
    Complain,
    FoundBox,
    FoundPicture,
    Problem,
    inside,
)
from truckcount.labelling.importers.xml_tree import line_of, number_of, read_xml


def read_cvat(
    source: Path,
    classes: ClassMap,
    complain: Complain,
    pictures: Path | None = None,
    video: Path | None = None,
    every: int = 1,
) -> Iterator[FoundPicture]:
    """Yield the pictures of a CVAT 1.1 file.

    *Images*: shapes (as the box around them) and tags; every listed image was
    looked at. *Tracks*: the frames come from `video` by their number, or from
    `pictures` (`frame_000012.png` and the like); only every `every`-th frame is
    taken, and of a task with a frame step only those that were looked at. Boxes
    between keyframes that the file leaves out are interpolated.

    Raises
    ------
    LabelError
        When it is no CVAT file, or tracks have neither video nor pictures.
    """
    root = read_xml(source)
    if root.tag != "annotations":
        msg = f"{source}:{line_of(root)}: <{root.tag}> is no CVAT <annotations>"
        raise LabelError(msg)
    version = (root.findtext("version") or "").strip()
    if version not in ("1.1", ""):
        msg = f"{source}: CVAT XML version {version!r}; export as 1.1"
        raise LabelError(msg)
    declared = [
        (e.text or "").strip() for e in root.iterfind("meta//labels/label/name")
    ]
    used = [str(e.get("label")) for e in root.iter() if e.get("label") is not None]
    classes.check_declared(declared or sorted(set(used)), str(source))
    if root.find("track") is not None:
        yield from _read_video(source, root, complain, pictures, video, every)
    else:
        yield from _read_images(source, root, complain, pictures, classes)


def _read_images(
    source: Path,
    root: Any,
    complain: Complain,
    pictures: Path | None,
    classes: ClassMap,
) -> Iterator[FoundPicture]:
    roots = [source.parent, source.parent / "images"]
    for element in root.iterfind("image"):
        where = f"{source}:{line_of(element)}"
        name = element.get("name") or ""
        path = _find([pictures] if pictures else roots, name)
        if path is None:
            complain(
                Problem(where, f"image {name!r} is not below {pictures or roots[0]}")
            )
            continue
        boxes, is_whole = [], True
        for shape in filter(is_shape, element):
            try:
                boxes.append(_read_shape(shape, f"{source}:{line_of(shape)}"))
            except ValueError as error:
                complain(Problem(f"{source}:{line_of(shape)}", str(error)))
                is_whole = False
        tags = {classes.class_of(str(t.get("label"))) for t in element.iterfind("tag")}
        yield FoundPicture(
            name=name,
            where=where,
            picture=path,
            label=_label_of(tags, {classes.class_of(box.name) for box in boxes}),
            boxes=tuple(boxes),
            is_annotated=is_whole,
            size=_size_of(element),
        )


def _find(roots: list[Path], name: str) -> Path | None:
    """Find a picture; frames of a video are listed without their suffix."""
    if not name:
        return None
    names = [name, *(name + suffix for suffix in sorted(PICTURE_SUFFIXES))]
    found = (inside(root, each) for root in roots for each in names)
    return next((p for p in found if p is not None and p.is_file()), None)


def _label_of(tags: set[str], drawn: set[str]) -> str | None:
    """Return what tags say of a picture; None leaves it to the boxes drawn in it.

    A tag is of the whole picture: one of a truck is not taken back by boxes of cars
    alone, and one of doubt only by a truck's box.
    """
    if "truck" in tags:
        return "truck"
    if tags & {"skip", "ambiguous"} and "truck" not in drawn:
        return "skip"
    return "no_truck" if "no_truck" in tags and not drawn else None


def _read_shape(shape: Any, where: str) -> FoundBox:
    name = shape.get("label")
    if not name:
        msg = f"<{shape.tag}> has no label"
        raise ValueError(msg)
    return FoundBox(name, corners_of(shape), where)


def _read_video(
    source: Path,
    root: Any,
    complain: Complain,
    pictures: Path | None,
    video: Path | None,
    every: int,
) -> Iterator[FoundPicture]:
    boxes, doubtful = read_tracks(source, root, complain)
    first, last = _frame_range(root, boxes)
    wanted = range(first, last + 1, math.lcm(_step_of(root), max(1, every)))
    size = _size_of(root.find("meta//original_size"))
    if video is not None:
        frames = _frames_of_video(video, wanted)
    elif pictures is not None or (source.parent / "images").is_dir():
        frames = _frames_of_folder(pictures or source.parent / "images", wanted)
    else:
        msg = f"{source} holds tracks: give their --video, or --pictures of its frames"
        raise LabelError(msg)
    stem = video.stem if video is not None else source.stem
    missing = set(wanted)
    for number, picture, t_s in frames:
        missing.discard(number)
        yield FoundPicture(
            name=f"{stem}_frame_{number:06d}",
            where=f"{source}: frame {number}",
            picture=picture,
            boxes=tuple(boxes.get(number, ())),
            is_annotated=number not in doubtful,
            size=size,
            t_s=t_s,
            is_of_recording=True,
        )
    if missing:
        what = f"{len(missing)} frames of it are not in {video or pictures}"
        complain(Problem(f"{source}: frame {min(missing)}", what))


def _frame_range(root: Any, boxes: dict[int, list[FoundBox]]) -> tuple[int, int]:
    """Return the first and last frame that was looked at, by the job if it says."""
    first, last = min(boxes, default=0), max(boxes, default=-1)
    for name, fallback in (("start_frame", first), ("stop_frame", last)):
        text = root.findtext(f"meta//{name}")
        value = int(text) if text and text.strip().isdigit() else fallback
        if name == "start_frame":
            first = value
        else:
            last = value
    return first, last


def _step_of(root: Any) -> int:
    """Return the task's frame step: nobody saw the frames between, which are numbered.

    A truck that came and went within a step has no box, and is no `no_truck`.
    """
    found = re.search(r"step\s*=\s*(\d+)", root.findtext("meta//frame_filter") or "")
    return max(1, int(found[1])) if found else 1


Frame = tuple[int, "Path | npt.NDArray[np.uint8]", float | None]


def _frames_of_video(video: Path, wanted: range) -> Iterator[Frame]:
    from truckcount.video import find_sources
    from truckcount.video.frames import iterate_frames

    (source,) = find_sources([str(video)])
    frames = iterate_frames(source, is_squared=False)  # boxes are in stored pixels
    for number, (elapsed_us, image) in enumerate(frames):
        if number > wanted[-1] if len(wanted) else True:
            return
        if number in wanted:
            yield number, image, elapsed_us / 1e6


def _frames_of_folder(folder: Path, wanted: range) -> Iterator[Frame]:
    by_number: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        digits = path.stem.rsplit("_", 1)[-1]
        if path.suffix.lower() in PICTURE_SUFFIXES and digits.isdigit():
            by_number[int(digits)].append(path)
    for number in wanted:
        for path in by_number.get(number, [])[:1]:
            yield number, path, None


def _size_of(element: Any) -> tuple[int, int] | None:
    if element is None:
        return None
    try:
        width, height = number_of(element, "width"), number_of(element, "height")
    except ValueError:
        return None
    return (int(width), int(height)) if width > 0 and height > 0 else None
