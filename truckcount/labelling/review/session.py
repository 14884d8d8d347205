"""One person's way through a label set: what is shown, answered and taken back."""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.schema import LABELS
from truckcount.labelling.withdraw import exchange_answer, withdraw_labels

if TYPE_CHECKING:
    import pandas as pd

PERSON = "person"
ORDERS = ("drawn", "uncertain", "random")
BOX_CLASSES = ("truck", "bus", "van", "pickup", "car", "ambiguous", "other")
MIN_BOX_PX = 2.0  # a smaller box is a slip of the hand
MAX_BOXES = 500  # of one picture; more is no person's work


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box in picture pixels."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float

    def to_json(self) -> dict[str, Any]:
        """Spell the box as the page does."""
        return {
            "class": self.kind,
            "x1": self.x1,
            "y1": self.y1,
            "x2": self.x2,
            "y2": self.y2,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to one picture."""

    label: str
    boxes: tuple[Box, ...] = ()


class ReviewSession:
    """Pictures in an order, a person's answers, and the way back.

    Every answer is in the label set, whole, before `answer` returns; a session
    opened again goes on at the first picture without one. Methods may be called
    from several threads.

    Parameters
    ----------
    label_set : LabelSet
    labeller : str
        Whose answers these are; another labeller's are not shown.
    order : str
        ``drawn``: as in the table. ``uncertain``: where models and crowd are least
        sure first, then what nobody has scored. ``random``.
    is_blind : bool
        Show nothing of what models, crowds or other people said.
    only_new : bool
        Leave out what another person has labelled.

    Raises
    ------
    LabelError
        When there is nothing to label.
    """

    def __init__(
        self,
        label_set: LabelSet,
        labeller: str,
        *,
        order: str = "drawn",
        is_blind: bool = False,
        only_new: bool = False,
    ) -> None:
        self.label_set = label_set
        self.labeller = labeller
        self.is_blind = is_blind
        self._guard = threading.Lock()
        self._undo: list[tuple[int, Answer | None]] = []
        frames = label_set.frames.set_index("image", drop=False)
        labels, boxes = label_set.labels, label_set.boxes
        is_mine = (labels["source"] == PERSON) & (labels["labeller"] == labeller)
        images = list(frames.index)
        if only_new:
            others = labels[(labels["source"] == PERSON) & ~is_mine]
            images = [i for i in images if i not in set(others["image"])]
        if not images:
            msg = (
                f"{label_set.root} has no picture to label; draw some with "
                "`truckcount label sample`"
            )
            raise LabelError(msg)
        self._hints = _hints(labels[labels["source"] != PERSON], boxes)
        self.images = _in_order(images, order, self._hints)
        self._frames = frames
        self._answers = _answers(labels[is_mine], boxes, labeller)

    def __len__(self) -> int:
        return len(self.images)

    def overview(self) -> dict[str, Any]:
        """Return what the page needs once: labels by index, and where to begin."""
        with self._guard:
            labels = [self._label(i) for i in range(len(self))]
        first = next((i for i, label in enumerate(labels) if label is None), 0)
        return {
            "set": self.label_set.root.resolve().name,
            "labeller": self.labeller,
            "is_blind": self.is_blind,
            "box_classes": BOX_CLASSES,
            "labels": labels,
            "start": first,
            "can_undo": bool(self._undo),
        }

    def item(self, index: int) -> dict[str, Any]:
        """Return one picture's row, answer and, unless blind, hints.

        Raises
        ------
        IndexError
            When there is no such picture.
        """
        image = self.image(index)
        row = self._frames.loc[image]
        with self._guard:
            answer = self._answers.get(image)
        hint = None if self.is_blind else self._hints.get(image)
        return {
            "index": index,
            "image": image,
            "width": int(row["width"]),
            "height": int(row["height"]),
            "camera": row["camera"],
            "day": row["day"],
            "light": row["light"],
            "source": row["source"],
            "source_t_s": _number(row["source_t_s"]),
            "label": None if answer is None else answer.label,
            "boxes": [] if answer is None else [b.to_json() for b in answer.boxes],
            "hint": hint,
        }

    def image(self, index: int) -> str:
        """Return the image id at an index."""
        if not 0 <= index < len(self):
            msg = f"there is no picture {index}; there are {len(self)}"
            raise IndexError(msg)
        return self.images[index]

    def picture_path(self, index: int) -> Path:
        """Return a picture's file, which must lie in the set.

        Raises
        ------
        LabelError
            When the table leads out of the set, or the file is gone.
        """
        return self.label_set.picture_path(self.image(index))

    def answer(self, index: int, value: Mapping[str, Any]) -> dict[str, Any]:
        """Take an answer and save it.

        Parameters
        ----------
        index : int
        value : mapping
            ``label`` and ``boxes``, as the page sends them. A label of null takes
            back what was answered.

        Raises
        ------
        LabelError
            When the label is unknown or a box is outside the picture.
        """
        image = self.image(index)
        row = self._frames.loc[image]
        answer = None
        if value.get("label", "") is not None:
            answer = read_answer(value, (int(row["width"]), int(row["height"])))
        with self._guard:
            before = self._answers.get(image)
            # saved even if it is the same: another review may have said otherwise
            self._save(image, answer)
            if answer != before:
                self._undo.append((index, before))
            label = None if answer is None else answer.label
            return {"index": index, "label": label, "can_undo": bool(self._undo)}

    def undo(self) -> dict[str, Any]:
        """Take the last answer of this session back: what was before stands again."""
        with self._guard:
            if not self._undo:
                return {"index": None, "label": None, "can_undo": False}
            index, before = self._undo[-1]
            self._save(self.images[index], before)
            self._undo.pop()
            return {
                "index": index,
                "label": self._label(index),
                "can_undo": bool(self._undo),
            }

    def _label(self, index: int) -> str | None:
        answer = self._answers.get(self.images[index])
        return None if answer is None else answer.label

    def _save(self, image: str, answer: Answer | None) -> None:
        """Write label and boxes; memory follows only when the disk has them."""
        key = (image, PERSON, self.labeller)
        if answer is None:
            withdraw_labels(self.label_set, [key])
            self._answers.pop(image, None)
            return
        boxes = [box.to_json() for box in answer.boxes]
        exchange_answer(self.label_set, key, answer.label, boxes)
        self._answers[image] = answer


def read_answer(value: Mapping[str, Any], size: tuple[int, int]) -> Answer:
    """Check what a page sent: a known label, boxes cut to the picture.

    Raises
    ------
    LabelError
        When it is not an answer.
    """
    label = value.get("label")
    raw = value.get("boxes", [])
    if label not in LABELS:
        msg = f"label {label!r} is not one of {', '.join(LABELS)}"
        raise LabelError(msg)
    if not isinstance(raw, list) or len(raw) > MAX_BOXES:
        msg = f"boxes must be a list of at most {MAX_BOXES}"
        raise LabelError(msg)
    boxes = tuple(_read_box(box, size) for box in raw)
    if label == "no_truck" and any(b.kind == "truck" for b in boxes):
        msg = "a picture without a truck cannot hold a box of one"
        raise LabelError(msg)
    return Answer(label, boxes)


def _read_box(raw: Any, size: tuple[int, int]) -> Box:
    try:
        kind = raw["class"]
        corners = [float(raw[name]) for name in ("x1", "y1", "x2", "y2")]
    except (KeyError, TypeError, ValueError) as error:
        msg = f"a box needs class, x1, y1, x2, y2, got {raw!r}"
        raise LabelError(msg) from error
    if kind not in BOX_CLASSES:
        msg = f"box class {kind!r} is not one of {', '.join(BOX_CLASSES)}"
        raise LabelError(msg)
    limits = [size[0], size[1], size[0], size[1]]
    # a NaN fails every comparison and so ends below, too
    x1, y1, x2, y2 = (
        round(min(max(v, 0.0), limit), 2)
        for v, limit in zip(corners, limits, strict=True)
    )
    if not (x2 - x1 >= MIN_BOX_PX and y2 - y1 >= MIN_BOX_PX):
        msg = f"box {corners} has no area in a picture of {size[0]} x {size[1]} px"
        raise LabelError(msg)
    return Box(kind=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def _answers(
    mine: "pd.DataFrame", boxes: "pd.DataFrame", labeller: str
) -> dict[str, Answer]:
    drawn = boxes[(boxes["source"] == PERSON) & (boxes["labeller"] == labeller)]
    by_image: dict[str, list[Box]] = {}
    for row in drawn.to_dict("records"):
        by_image.setdefault(row["image"], []).append(
            Box(
                kind=row["class"],
                **{n: round(float(row[n]), 2) for n in ("x1", "y1", "x2", "y2")},
            )
        )
    return {
        image: Answer(label, tuple(by_image.get(image, ())))
        for image, label in zip(mine["image"], mine["label"], strict=True)
    }


def _hints(others: "pd.DataFrame", boxes: "pd.DataFrame") -> dict[str, dict[str, Any]]:
    """Gather what models and crowds say of each picture: probability and boxes."""
    hints: dict[str, dict[str, Any]] = {}
    columns = ("image", "source", "labeller", "label", "p_truck")
    for image, source, labeller, label, p_truck in zip(
        *(others[c].tolist() for c in columns), strict=True
    ):
        hint = hints.setdefault(image, {"said": [], "boxes": []})
        hint["said"].append(
            {
                "source": source,
                "labeller": labeller,
                "label": label,
                "p_truck": _number(p_truck),
            }
        )
    for row in boxes[boxes["source"] != PERSON].to_dict("records"):
        hint = hints.setdefault(row["image"], {"said": [], "boxes": []})
        kind = row["class"] if row["class"] in BOX_CLASSES else "other"
        box = {n: round(float(row[n]), 2) for n in ("x1", "y1", "x2", "y2")}
        hint["boxes"].append({"class": kind, "score": _number(row["score"]), **box})
    return hints


def _in_order(
    images: Sequence[str], order: str, hints: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    if order not in ORDERS:
        msg = f"order {order!r} is not one of {', '.join(ORDERS)}"
        raise LabelError(msg)
    if order == "random":
        shuffled = list(images)
        # the same order every time, so that one finds one's place again
        random.Random(0).shuffle(shuffled)  # noqa: S311 - an order, not a secret
        return shuffled
    if order == "uncertain":
        return sorted(images, key=lambda image: _certainty(hints.get(image)))
    return list(images)


def _certainty(hint: Mapping[str, Any] | None) -> float:
    """Distance of the mean probability from a coin toss; unscored comes last."""
    said = [s["p_truck"] for s in hint["said"]] if hint is not None else []
    known = [p for p in said if p is not None]
    return abs(sum(known) / len(known) - 0.5) if known else 1.0


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else round(float(value), 4)
