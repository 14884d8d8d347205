"""COCO JSON to boxes."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import AMBIGUOUS, ClassMap
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
    A picture without annotations shows no object: COCO lists what was looked at.
    A crowd (`iscrowd`) becomes an ambiguous box.

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
    boxes: dict[Any, list[FoundBox]] = defaultdict(list)
    doubtful = set()
    known = {_id_of(row) for row in spec["images"]}
    for k, row in enumerate(spec["annotations"]):
        where = f"{source}: annotations[{k}]"
        try:
            box = _read_box(row, names, where)
            boxes[_known(row["image_id"], known)].append(box)
        except (KeyError, TypeError, ValueError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            complain(Problem(where, what))
            doubtful.add(row.get("image_id") if isinstance(row, dict) else None)
    for k, row in enumerate(spec["images"]):
        where = f"{source}: images[{k}]"
        try:
            name, image_id = str(row["file_name"]), row["id"]
        except (KeyError, TypeError):
            complain(Problem(where, "has no id and file_name"))
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


def _known(image_id: Any, known: set[Any]) -> Any:
    if image_id not in known:
        msg = f"image_id {image_id!r} is no image of the file"
        raise ValueError(msg)
    return image_id


def _read_box(row: Any, names: dict[int, str], where: str) -> FoundBox:
    number = int(row["category_id"])
    if number not in names:
        msg = f"category_id {number} is not among the categories"
        raise ValueError(msg)
    try:
        x, y, w, h = (float(v) for v in row["bbox"])
    except (TypeError, ValueError) as error:
        msg = f"bbox {row['bbox']!r} is not [x, y, width, height]"
        raise ValueError(msg) from error
    name = AMBIGUOUS if row.get("iscrowd") else names[number]
    score = None if row.get("score") is None else float(row["score"])
    return FoundBox(name, (x, y, x + w, y + h), where, score)


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
    for root in [pictures] if pictures is not None else roots:
        path = inside(root, name)
        if path is not None and path.is_file():
            return path
    return None


def _id_of(row: Any) -> Any:
    return row.get("id") if isinstance(row, dict) else None


def _size_of(row: dict[str, Any]) -> tuple[int, int] | None:
    try:
        width, height = int(row["width"]), int(row["height"])
    except (KeyError, TypeError, ValueError):
        return None
    return (width, height) if width > 0 and height > 0 else None
