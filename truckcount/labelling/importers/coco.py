"""COCO JSON to boxes."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import AMBIGUOUS, TRUCK, ClassMap
from truckcount.labelling.importers.coco_boxes import corners_of
from truckcount.labelling.importers.found import (
    Complain,
    FoundBox,
    FoundPicture,
    Problem,
    inside,
)


def read_coco(
    source: Path, classes: ClassMap, complain: Complain, pictures: Path | None = None
) -> Iterator[FoundPicture]:
    """Yield the pictures of a COCO instances file.

    Pictures are looked for in `pictures`, the JSON's folder and its `images/`.
    Of a name that is absolute on another machine the longest end that is found
    counts. A picture without annotations shows no object: COCO lists what was
    looked at. A crowd (`iscrowd`) of trucks becomes an ambiguous box.

    Raises
    ------
    LabelError
        When the file is no COCO JSON.
    """
    spec = _read_json(source)
    names: dict[int, str] = {}
    for k, row in enumerate(spec["categories"]):
        try:
            names[int(row["id"])] = str(row["name"])
        except (KeyError, TypeError, ValueError):
            complain(Problem(f"{source}: categories[{k}]", "has no id and name"))
    classes.check_declared(names.values(), str(source))
    boxes: dict[str, list[FoundBox]] = defaultdict(list)
    doubtful = set()
    named: dict[str | None, set[str]] = defaultdict(set)
    for row in spec["images"]:
        named[_id_of(row, "id")].add(_name_of(row) or "")
    for k, row in enumerate(spec["annotations"]):
        where = f"{source}: annotations[{k}]"
        image_id = _id_of(row, "image_id")
        try:
            if image_id is None or image_id not in named:
                said = row.get("image_id") if isinstance(row, dict) else None
                msg = f"image_id {said!r} is no image of the file"
                raise ValueError(msg)  # noqa: TRY301 - told like any other
            boxes[image_id].append(_read_box(row, names, classes, where))
        except (KeyError, TypeError, ValueError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            complain(Problem(where, what))
            doubtful.add(image_id)
    for k, row in enumerate(spec["images"]):
        where = f"{source}: images[{k}]"
        name, image_id = _name_of(row), _id_of(row, "id")
        if name is None or image_id is None:
            complain(Problem(where, "has no id and file_name"))
            continue
        if len(named[image_id]) > 1:
            what = f"id {image_id} is of several pictures: whose its boxes are is open"
            complain(Problem(where, what))
            continue
        path = _find(source, pictures, name)
        if path is None:
            complain(
                Problem(where, f"{name!r} is not below {pictures or 'its folder'}")
            )
            continue
        yield FoundPicture(
            name=name,
            where=where,
            picture=path,
            boxes=tuple(boxes.get(image_id, ())),
            is_annotated=image_id not in doubtful,
            size=_size_of(row),
        )


def _read_box(
    row: Any, names: dict[int, str], classes: ClassMap, where: str
) -> FoundBox:
    number = int(row["category_id"])
    if number not in names:
        msg = f"category_id {number} is not among the categories"
        raise ValueError(msg)
    name = names[number]
    # how many trucks a crowd is nobody says; one of people holds none
    if row.get("iscrowd") and classes.class_of(name) == TRUCK:
        name = AMBIGUOUS
    score = None if row.get("score") is None else float(row["score"])
    return FoundBox(name, corners_of(row), where, score)


def _read_json(source: Path) -> dict[str, list[Any]]:
    try:
        spec = json.loads(source.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{source} cannot be read as JSON: {error}"
        raise LabelError(msg) from error
    keys = ("images", "annotations", "categories")
    if not isinstance(spec, dict) or not all(
        isinstance(spec.get(key), list) for key in keys
    ):
        msg = f"{source} is no COCO file: want lists images, annotations, categories"
        raise LabelError(msg)
    return spec


def _find(source: Path, pictures: Path | None, name: str) -> Path | None:
    roots = [source.parent, source.parent / "images", source.parent.parent / "images"]
    ends = [name.replace("\\", "/")]
    if re.match(r"/|[A-Za-z][A-Za-z0-9+.-]*:", ends[0]):  # a drive or a URL, too
        parts = [part for part in ends[0].split("/") if part]
        ends += ["/".join(parts[k:]) for k in range(1, len(parts))]
    for end in ends:
        for root in [pictures] if pictures is not None else roots:
            path = inside(root, end)
            if path is not None and path.is_file():
                return path
    return None


def _id_of(row: Any, key: str) -> str | None:
    """Return an id as text: some tools write 7 in one table and "7" in another."""
    value = row.get(key) if isinstance(row, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | str) else None


def _name_of(row: Any) -> str | None:
    value = row.get("file_name") if isinstance(row, dict) else None
    return str(value) if value is not None else None


def _size_of(row: dict[str, Any]) -> tuple[int, int] | None:
    try:
        width, height = int(row["width"]), int(row["height"])
    except (KeyError, TypeError, ValueError):
        return None
    return (width, height) if width > 0 and height > 0 else None
