"""A CSV of `image,label[,p]` to labelled pictures."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import TRUCK, ClassMap
from truckcount.labelling.importers.folders import LABEL_OF
from truckcount.labelling.importers.found import Complain, FoundPicture, Problem
from truckcount.labelling.text_files import decode_text, guess_delimiter

SOURCE_KIND = "csv"
IMAGE_NAMES = ("image", "path", "file", "filename")
LABEL_NAMES = ("label", "class", "is_truck")
P_NAMES = ("p", "p_truck", "probability")
BOOLEAN = {"1": "truck", "true": "truck", "yes": "truck"} | {
    "0": "no_truck",
    "false": "no_truck",
    "no": "no_truck",
}


def read_csv_rows(
    source: Path, classes: ClassMap, complain: Complain, pictures: Path | None = None
) -> Iterator[FoundPicture]:
    """Yield the pictures of a CSV with a header line.

    Paths are relative to `pictures`, or to the CSV's folder. A row needs a label
    or a p (0-1); the other follows. Commas, semicolons and tabs all separate, and
    the encoding may be UTF-8, UTF-16 or Latin-1.

    Raises
    ------
    LabelError
        When the file has no header with an image and a label or p.
    """
    root = pictures or source.parent
    text = decode_text(source)
    lines = io.StringIO(text, newline="")
    reader = csv.DictReader(lines, delimiter=guess_delimiter(text), restval="")
    fields = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
    image_name = _first(fields, IMAGE_NAMES)
    label_name, p_name = _first(fields, LABEL_NAMES), _first(fields, P_NAMES)
    if image_name is None or (label_name is None and p_name is None):
        msg = (
            f"{source}:1: want a header with image and label (or p), got "
            f"{text.split(chr(10), 1)[0][:80]!r}"
        )
        raise LabelError(msg)
    for row in reader:
        where = f"{source}:{reader.line_num}"
        # DictReader keeps under None what no column is for: of `0,9` all but the 0
        if any(cell.strip() for cell in row.get(None) or ()):
            n_cells = len(reader.fieldnames or ()) + len(row[None])
            what = f"has {n_cells} cells under {len(reader.fieldnames or ())} columns"
            complain(Problem(where, f"{what}; quote a cell that holds a separator"))
            continue
        name = (row[image_name] or "").strip()
        if not name:
            complain(Problem(where, "has no image"))
            continue
        word = (row[label_name] or "").strip() if label_name else ""
        p_text = (row[p_name] or "").strip() if p_name else ""
        try:
            label, p = _read_label(word, p_text, classes)
        except ValueError as error:
            complain(Problem(where, str(error)))
            continue
        path = Path(name) if Path(name).is_absolute() else root / name
        yield FoundPicture(name=name, where=where, picture=path, label=label, p_truck=p)


def _read_label(word: str, p_text: str, classes: ClassMap) -> tuple[str, float | None]:
    p: float | None = None
    if p_text:
        try:
            p = float(p_text)
        except ValueError:
            p = math.nan
        if not 0 <= p <= 1:
            msg = f"p is {p_text!r}; want a number from 0 to 1"
            raise ValueError(msg)
    if not word:
        if p is None:
            msg = "has neither label nor p"
            raise ValueError(msg)
        return ("truck" if p >= 0.5 else "no_truck"), p
    name = classes.class_of(word)
    label = BOOLEAN.get(word.lower()) or LABEL_OF.get(name)
    if label is None and name == TRUCK:
        label = "truck"
    if label is None:
        msg = (
            f"label {word!r} is none of truck, no_truck, skip, 1, 0; map it with "
            f"--class {word}=truck or --class {word}=no_truck"
        )
        raise ValueError(msg)
    if label == "skip":
        return label, None
    if p is not None and (p >= 0.5) != (label == "truck"):
        msg = f"label {label} contradicts p {p:g}"
        raise ValueError(msg)
    return label, p


def _first(fields: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((fields[n] for n in names if n in fields), None)
