"""A label set's parts to what training reads: paths with soft labels, and boxes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.merge import trust_boxes
from truckcount.labelling.schema import PARTS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled picture, for a classifier."""

    path: Path
    p_truck: float
    """Probability of a truck, 0-1; hard labels are 0 and 1."""
    weight: float
    camera: str
    light: str


@dataclass(frozen=True, slots=True)
class BoxedExample:
    """One picture with the boxes of its most trusted labeller, for a detector."""

    path: Path
    camera: str
    group: str
    classes: tuple[str, ...]
    corners: npt.NDArray[np.float32]
    """Shape (K, 4), x1 y1 x2 y2 in pixels."""
    is_complete: bool
    """The boxes agree with the label: no truck of the picture lacks its box."""
    weight: float = 1.0


def read_table(label_set: LabelSet, part: str | None = None) -> "pd.DataFrame":
    """Read the labelled frames of a part as one table.

    Parameters
    ----------
    part : str, optional
        `train`, `val` or `test`; None: all, split or not.

    Returns
    -------
    DataFrame
        The columns of `frames`, and label, p_truck, weight, n_labellers, split; by
        image. Skipped and unlabelled frames are not among them.

    Raises
    ------
    LabelError
        When the set is not split, or the part is none or empty.
    """
    frames, splits = label_set.frames, label_set.splits
    merged = label_set.merged_labels().rename(columns={"source": "label_source"})
    table = frames.merge(merged, on="image", how="inner", validate="1:1")
    table = table.merge(splits[["image", "split"]], on="image", how="left")
    table = table.sort_values("image", ignore_index=True)
    if part is None:
        return table
    if part not in PARTS:
        msg = f"part {part!r} is not one of {', '.join(PARTS)}"
        raise LabelError(msg)
    if splits.empty:
        msg = (
            f"{label_set.root} is not split; run `truckcount label split "
            f"{label_set.root}`"
        )
        raise LabelError(msg)
    table = table[table["split"] == part].reset_index(drop=True)
    if table.empty:
        msg = f"{label_set.root} has no labelled frame in {part}; label more, or split"
        raise LabelError(msg)
    return table


def read_examples(label_set: LabelSet, part: str | None = None) -> Iterator[Example]:
    """Yield the labelled pictures of a part, by image; see :func:`read_table`."""
    table = read_table(label_set, part)
    columns = ["image", "p_truck", "weight", "camera", "light"]
    for image, p, weight, camera, light in zip(
        *(table[c].tolist() for c in columns), strict=True
    ):
        yield Example(label_set.root / image, p, weight, camera, light)


def read_boxed(
    label_set: LabelSet, part: str | None = None, *, min_score: float = 0.5
) -> Iterator[BoxedExample]:
    """Yield the labelled pictures of a part with their boxes.

    Boxes come from the most trusted source that drew any; a model's count from
    `min_score` on. A picture whose label is `truck` but that has no truck's box is
    yielded as not complete (what is not boxed there is not background), and so is
    one with a truck's box and the label `no_truck`, without its boxes.
    """
    table = read_table(label_set, part)
    boxes = trust_boxes(label_set.boxes, min_score)
    corners = boxes[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
    names = boxes["class"].to_numpy()
    rows_of = boxes.reset_index(drop=True).groupby("image").indices
    nothing = np.zeros(0, np.int64)
    columns = ["image", "camera", "group", "label", "weight"]
    for image, camera, group, label, weight in zip(
        *(table[c].tolist() for c in columns), strict=True
    ):
        rows = rows_of.get(image, nothing)
        has_truck = bool((names[rows] == "truck").any())
        is_contradicted = has_truck and label == "no_truck"
        rows = nothing if is_contradicted else rows
        yield BoxedExample(
            path=label_set.root / image,
            camera=camera,
            group=group,
            classes=tuple(str(name) for name in names[rows]),
            corners=corners[rows].reshape(-1, 4),
            is_complete=has_truck == (label == "truck"),
            weight=weight,
        )
