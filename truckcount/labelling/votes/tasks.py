"""What a crowd's file calls a picture, and gold questions, to images of the set."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.text_files import decode_text, guess_delimiter
from truckcount.labelling.votes.answers import SKIP, AnswerError, Words

PERSON_GOLD = "person"
"""Given as ``--gold``: what people labelled in the set is the truth."""
GOLD_PICTURE = ("image_id", "image", "image_url")
GOLD_LABEL = ("label", "gold", "truth", "answer")


class TaskFinder:
    """Finds the image that an id or a URL means.

    Parameters
    ----------
    images : iterable of str
        Image ids of the set.

    Examples
    --------
    >>> find = TaskFinder(["frames/north/a b.jpg", "frames/south/a.jpg"])
    >>> find("https://bucket.example/x/frames/north/a%20b.jpg?sig=1")
    'frames/north/a b.jpg'
    >>> find("a.jpg"), find("c.jpg")
    ('frames/south/a.jpg', None)
    """

    def __init__(self, images: Iterable[str]) -> None:
        self._images = set(images)
        self._named: dict[str, list[str]] = {}
        for image in self._images:
            self._named.setdefault(image.rsplit("/", 1)[-1], []).append(image)

    def __call__(self, text: str) -> str | None:
        """Return the image, or None where none or several are meant."""
        if text in self._images:
            return text
        path = unquote(urlsplit(text).path if "://" in text else text)
        parts = [p for p in path.split("/") if p]
        for k in range(len(parts)):
            tail = "/".join(parts[k:])
            for candidate in (tail, f"frames/{tail}"):
                if candidate in self._images:
                    return candidate
        named = self._named.get(parts[-1], []) if parts else []
        return named[0] if len(named) == 1 else None


def read_gold(
    label_set: LabelSet, gold: str | None, words: Words | None = None
) -> dict[str, str] | None:
    """Read gold questions: image id to ``truck`` or ``no_truck``.

    Parameters
    ----------
    gold : str or None
        Path of a CSV with a column image_id (or image, image_url) and a column
        label; or ``person``: what people labelled in the set.

    Raises
    ------
    LabelError
        When the file cannot be read, a row names no picture of the set, or there is
        no gold at all: a crowd that nobody checks was not what was asked for.
    """
    if gold is None:
        return None
    if gold == PERSON_GOLD:
        merged = label_set.merged_labels()
        mine = merged[merged["source"] == "person"]
        if mine.empty:
            msg = (
                f"--gold person: no person labelled a picture of {label_set.root} as "
                "truck or no truck; label some with `truckcount label review`"
            )
            raise LabelError(msg)
        return dict(zip(mine["image"], mine["label"], strict=True))
    path = Path(gold)
    text = decode_text(path)
    lines = io.StringIO(text, newline="")
    reader = csv.DictReader(lines, delimiter=guess_delimiter(text))
    header = [h.strip() for h in reader.fieldnames or []]
    reader.fieldnames = header
    picture = next((c for c in GOLD_PICTURE if c in header), None)
    label = next((c for c in GOLD_LABEL if c in header), None)
    if picture is None or label is None:
        msg = f"{path} needs the columns image_id and label; it has {header}"
        raise LabelError(msg)
    find = TaskFinder(label_set.frames["image"])
    words = words if words is not None else Words()
    known: dict[str, str] = {}
    for row in reader:
        image = find((row[picture] or "").strip())
        if image is None:
            msg = (
                f"{path}:{reader.line_num}: {row[picture]!r} is no picture of "
                f"{label_set.root}; correct the row or remove it"
            )
            raise LabelError(msg)
        try:
            said = words.label_of(row[label] or "")
        except AnswerError as error:
            msg = f"{path}:{reader.line_num}: {error}"
            raise LabelError(msg) from error
        if said != SKIP:
            known[image] = said
    if not known:
        msg = f"{path} says of no picture that it shows a truck or none; add rows to it"
        raise LabelError(msg)
    return known
