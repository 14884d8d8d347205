"""What one source says of a picture, now and before, to what differs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from truckcount.labelling.schema import P_TRUCK

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Said:
    """Label and boxes of a picture, to the precision in which a set keeps them."""

    label: str
    p_truck: float | None
    boxes: tuple[tuple[str | float, ...], ...]


def say(row: Mapping[str, Any], boxes: Iterable[Mapping[str, Any]]) -> Said:
    """Gather a row of labels and the rows of its boxes, whatever their order."""
    p = _narrow(row["p_truck"])
    drawn = sorted(_spell_box(box) for box in boxes)
    return Said(
        row["label"], P_TRUCK.get(row["label"]) if p is None else p, tuple(drawn)
    )


def read_said(labels: "pd.DataFrame", boxes: "pd.DataFrame") -> dict[str, Said]:
    """Gather tables of one labeller's labels and boxes, by image."""
    drawn: dict[str, list[Mapping[str, Any]]] = {}
    for box in boxes.to_dict("records"):
        drawn.setdefault(box["image"], []).append(_named(box))
    return {
        row["image"]: say(_named(row), drawn.get(row["image"], ()))
        for row in labels.to_dict("records")
    }


def tell_apart(before: Said, now: Said) -> tuple[str, str] | None:
    """Spell the first thing that is said otherwise of one picture, if there is any."""
    if before.label != now.label:
        return before.label, now.label
    if before.p_truck != now.p_truck:
        return _spell_p(before), _spell_p(now)
    if before.boxes != now.boxes:
        return f"of {len(before.boxes)} boxes", f"of {len(now.boxes)} other boxes"
    return None


def _spell_box(box: Mapping[str, Any]) -> tuple[str | float, ...]:
    corners = (float(np.float32(box[name])) for name in ("x1", "y1", "x2", "y2"))
    score = _narrow(box["score"])
    return str(box["class"]), *corners, -1.0 if score is None else score


def _spell_p(said: Said) -> str:
    return "without p" if said.p_truck is None else f"p {said.p_truck:g}"


def _narrow(value: Any) -> float | None:
    return None if value is None or value != value else float(np.float32(value))


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}
