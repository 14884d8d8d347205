"""YOLO data sets (images, labels, data.yaml or classes.txt) to boxes."""

from collections.abc import Iterator
from pathlib import Path

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.found import (
    PICTURE_SUFFIXES,
    Complain,
    FoundBox,
    FoundPicture,
    Problem,
)
from truckcount.labelling.importers.yolo_config import find_root, read_names
from truckcount.labelling.text_files import decode_text

TOLERANCE = 0.01  # tools round corners a little beyond the picture


def read_yolo(
    source: Path, classes: ClassMap, complain: Complain
) -> Iterator[FoundPicture]:
    """Yield the pictures of a YOLO data set, whatever its folders are called.

    `source` is the folder, or a data.yaml, which may lie elsewhere and say `path:`.
    A picture's text lies where `/labels/` stands for `/images/`, or beside it.
    Boxes and polygons are read (a polygon as its bounding box); an empty text means
    no object; a picture without a text was not looked at.

    Raises
    ------
    LabelError
        When there are no class names or no pictures, or `path:` leads nowhere.
    """
    folder = find_root(source)
    names = read_names(source, folder)
    classes.check_declared(names.values(), str(source))
    pictures = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES
    )
    if not pictures:
        msg = (
            f"{folder} holds no pictures; give the folder of images/ and labels/, or "
            "a data.yaml whose `path:` leads there"
        )
        raise LabelError(msg)
    for path in pictures:
        text = _text_of(path, folder)
        name = path.relative_to(folder).as_posix()
        if text is None:
            yield FoundPicture(
                name=name, where=str(path), picture=path, is_annotated=False
            )
            continue
        boxes, is_whole = _read_boxes(text, names, complain)
        yield FoundPicture(
            name=name,
            where=str(text),
            picture=path,
            boxes=tuple(boxes),
            # a line that was left out may have been a truck
            is_annotated=is_whole,
        )


def _text_of(picture: Path, folder: Path) -> Path | None:
    parts = list(picture.relative_to(folder).parts)
    places = [picture.with_suffix(".txt")]
    for k, part in enumerate(parts[:-1]):
        if part == "images":
            moved = [*parts[:k], "labels", *parts[k + 1 :]]
            places.insert(0, folder.joinpath(*moved).with_suffix(".txt"))
    if folder.name == "images":
        inner = folder.parent / "labels" / Path(*parts)
        places.insert(0, inner.with_suffix(".txt"))
    return next((p for p in places if p.is_file()), None)


def _read_boxes(
    text: Path, names: dict[int, str], complain: Complain
) -> tuple[list[FoundBox], bool]:
    boxes, is_whole = [], True
    lines = decode_text(text).splitlines()
    for k, line in enumerate(lines):
        if not line.strip():
            continue
        where = f"{text}:{k + 1}"
        try:
            boxes.append(_read_line(line.split(), names, where))
        except ValueError as error:
            complain(Problem(where, str(error)))
            is_whole = False
    return boxes, is_whole


def _read_line(cells: list[str], names: dict[int, str], where: str) -> FoundBox:
    try:
        number = int(float(cells[0])) if float(cells[0]).is_integer() else int(cells[0])
        values = [float(c) for c in cells[1:]]
    except ValueError as error:
        msg = f"{' '.join(cells)[:60]!r} is no line of numbers"
        raise ValueError(msg) from error
    if number not in names:
        msg = f"class {number} is not among the {len(names)} names"
        raise ValueError(msg)
    score: float | None = None
    if len(values) in (4, 5):
        x, y, w, h = values[:4]
        score = values[4] if len(values) == 5 else None
        corners = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    elif len(values) >= 6 and len(values) % 2 == 0:
        xs, ys = values[0::2], values[1::2]
        corners = (min(xs), min(ys), max(xs), max(ys))
    else:
        msg = f"has {len(values)} numbers; want 4 (box), 5 (with score) or a polygon"
        raise ValueError(msg)
    if not all(-TOLERANCE <= c <= 1 + TOLERANCE for c in corners):
        msg = f"corners {tuple(round(c, 3) for c in corners)} are no fractions 0 to 1"
        raise ValueError(msg)
    return FoundBox(names[number], corners, where, score, is_fraction=True)
