"""Pascal VOC XML files to boxes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import AMBIGUOUS, TRUCK, ClassMap
from truckcount.labelling.importers.found import (
    PICTURE_SUFFIXES,
    Complain,
    FoundBox,
    FoundPicture,
    Problem,
    inside,
)
from truckcount.labelling.importers.xml_tree import line_of, number_of, read_xml


def read_voc(
    source: Path, classes: ClassMap, complain: Complain, pictures: Path | None = None
) -> Iterator[FoundPicture]:
    """Yield the pictures of a folder of VOC files, one XML a picture.

    The picture is looked for in `pictures`, beside the XML, and in `JPEGImages/`
    or `images/` next to its folder. Corners are taken as they are written (VOC
    itself counts pixels from 1, most tools from 0). A `difficult` truck becomes
    an ambiguous box. An XML that cannot be read is reported, the rest imported.

    Raises
    ------
    LabelError
        When there is no XML, or none can be read.
    """
    files = sorted(source.rglob("*.xml")) if source.is_dir() else [source]
    if not files:
        msg = f"{source} holds no .xml files"
        raise LabelError(msg)
    trees = []
    for path in files:
        try:
            root = _read_annotation(path)
        except LabelError as error:
            if len(files) == 1:
                raise
            complain(Problem(str(path), str(error).removeprefix(f"{path} ")))
            continue
        trees.append((path, root))
    if not trees:
        msg = f"{source}: none of its {len(files)} XML files can be read as VOC"
        raise LabelError(msg)
    names = {
        (o.findtext("name") or "").strip()
        for _, root in trees
        for o in root.iter("object")
    }
    classes.check_declared(sorted(names - {""}), str(source))
    for path, root in trees:
        picture = _find(path, root, pictures)
        if picture is None:
            name = root.findtext("filename")
            complain(Problem(str(path), f"its picture {name!r} is not found"))
            continue
        boxes, is_whole = _read_objects(path, root, classes, complain)
        yield FoundPicture(
            name=_name_of(path, source),
            where=str(path),
            picture=picture,
            boxes=tuple(boxes),
            is_annotated=is_whole,
            size=_size_of(root),
        )


def _name_of(path: Path, source: Path) -> str:
    """Name an annotation with its folders, which may tell camera and recording."""
    inner = path.relative_to(source) if source.is_dir() else Path(path.name)
    return inner.with_suffix("").as_posix()


def _read_objects(
    path: Path, root: Any, classes: ClassMap, complain: Complain
) -> tuple[list[FoundBox], bool]:
    boxes, is_whole = [], True
    for element in root.iter("object"):
        where = f"{path}:{line_of(element)}"
        try:
            boxes.append(_read_object(element, classes, where))
        except ValueError as error:
            complain(Problem(where, str(error)))
            is_whole = False
    return boxes, is_whole


def _read_object(element: Any, classes: ClassMap, where: str) -> FoundBox:
    box, name = element.find("bndbox"), (element.findtext("name") or "").strip()
    if box is None or not name:
        msg = f"<object> has no <{'bndbox' if box is None else 'name'}>"
        raise ValueError(msg)
    is_difficult = (element.findtext("difficult") or "0").strip() == "1"
    # a car that is hard to see is no truck either
    is_open = is_difficult and classes.class_of(name) == TRUCK
    return FoundBox(
        AMBIGUOUS if is_open else name,
        (
            number_of(box, "xmin"),
            number_of(box, "ymin"),
            number_of(box, "xmax"),
            number_of(box, "ymax"),
        ),
        where,
    )


def _read_annotation(path: Path) -> Any:
    root = read_xml(path)
    if root.tag != "annotation":
        msg = f"{path}:{line_of(root)}: <{root.tag}> is no VOC <annotation>"
        raise LabelError(msg)
    return root


def _find(path: Path, root: Any, pictures: Path | None) -> Path | None:
    beside = path.parent
    roots = [beside, beside.parent / "JPEGImages", beside.parent / "images"]
    # the file's own folder is often that of another machine
    name = (root.findtext("filename") or "").replace("\\", "/").rsplit("/", 1)[-1]
    for folder in [pictures] if pictures is not None else roots:
        found = inside(folder, name) if name else None
        if found is not None and found.is_file():
            return found
        for suffix in sorted(PICTURE_SUFFIXES):
            twin = folder / f"{path.stem}{suffix}"
            if twin.is_file():
                return twin
    return None


def _size_of(root: Any) -> tuple[int, int] | None:
    size = root.find("size")
    try:
        width, height = int(number_of(size, "width")), int(number_of(size, "height"))
    except (ValueError, AttributeError):
        return None
    return (width, height) if width > 0 and height > 0 else None
