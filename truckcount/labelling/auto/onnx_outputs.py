"""The outputs of a detector's ONNX graph to boxes, whichever family it is of.

============================  ====================================================
family                        outputs
============================  ====================================================
YOLOv8, 9, 11                 one, (1, 4 + C, N): centre x, y, width, height, scores
YOLOv5, 7                     one, (1, N, 5 + C): the same with an objectness
RT-DETR by Ultralytics        one, (1, N, 4 + C): as YOLOv8, boxes as fractions
YOLOv10, end-to-end exports   one, (1, N, 6): x1, y1, x2, y2, score, class
torchvision, RT-DETR          boxes (N, 4), labels (N,) and scores (N,) by name
DETR                          boxes as fractions, logits (N, C + 1)
============================  ====================================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.labelling.auto.detections import Float32Array

OBJECTNESS_COLUMNS = 85  # 4 + 1 + 80 classes of COCO
END_TO_END_COLUMNS = 6
FRACTION_LIMIT = 1.5  # boxes that never exceed it are fractions of the input


@dataclass(frozen=True, slots=True)
class RawBoxes:
    """Candidates in input pixels."""

    boxes: Float32Array
    """Shape (N, 4), x1 y1 x2 y2."""
    scores: Float32Array
    classes: npt.NDArray[np.int64]
    n_classes: int | None
    """Classes that the outputs themselves tell of; None where they do not."""


def read_outputs(
    outputs: Mapping[str, npt.NDArray[Any]],
    size: tuple[int, int],
    n_names: int | None = None,
) -> RawBoxes:
    """Read a graph's outputs.

    Parameters
    ----------
    outputs : mapping
        Name to array, of a batch of one.
    size : (width, height)
        Of the input, pixels.
    n_names : int, optional
        Classes that the graph names: a column more than they need is an objectness.

    Raises
    ------
    LabelError
        When the outputs are of no known family.
    """
    if len(outputs) == 1:
        table = np.asarray(next(iter(outputs.values())), np.float32)
        if table.ndim == 3 and len(table) == 1:
            return _read_table(table[0], size, n_names)
    named = _by_role(outputs)
    if {"boxes", "labels", "scores"} <= set(named):
        boxes = _to_pixels(named["boxes"].reshape(-1, 4), size)
        return RawBoxes(
            boxes,
            named["scores"].reshape(-1).astype(np.float32),
            named["labels"].reshape(-1).astype(np.int64),
            None,
        )
    if {"boxes", "logits"} <= set(named):
        return _read_detr(named["boxes"], named["logits"], size)
    shapes = {name: np.shape(value) for name, value in outputs.items()}
    msg = (
        f"outputs {shapes} are of no known detector; export it with Ultralytics' "
        "`format=onnx`, or with outputs named boxes, labels and scores"
    )
    raise LabelError(msg)


def _read_table(
    table: Float32Array, size: tuple[int, int], n_names: int | None
) -> RawBoxes:
    """Read YOLO's one table, whichever way it lies."""
    if _is_end_to_end(table):
        boxes = _to_pixels(table[:, :4], size)
        return RawBoxes(boxes, table[:, 4], table[:, 5].astype(np.int64), None)
    if _has_objectness(table, n_names):
        scores = table[:, 5:] * table[:, 4:5]
    else:
        # there are more candidates than columns in every export of this family
        table = table.T if table.shape[0] < table.shape[1] else table
        scores = table[:, 4:]
    if scores.shape[1] == 0:
        msg = f"an output of shape {table.shape} holds boxes without scores"
        raise LabelError(msg)
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    boxes = _to_pixels(from_centres(table[:, :4]), size)
    return RawBoxes(boxes, best, classes.astype(np.int64), scores.shape[1])


def _is_end_to_end(table: Float32Array) -> bool:
    """Tell rows that end in a class from YOLOv5's of one class, which is a score."""
    if table.shape[1] != END_TO_END_COLUMNS:
        return False
    return bool((table[:, 5] == np.rint(table[:, 5])).all())


def _has_objectness(table: Float32Array, n_names: int | None) -> bool:
    columns: int = table.shape[1]
    if n_names is not None and columns in (4 + n_names, 5 + n_names):
        return columns == 5 + n_names
    return columns == OBJECTNESS_COLUMNS


def _read_detr(
    boxes: npt.NDArray[Any], logits: npt.NDArray[Any], size: tuple[int, int]
) -> RawBoxes:
    """Read DETR's set: the last class is *no object*."""
    flat = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
    shares = np.exp(flat - flat.max(axis=1, keepdims=True))
    shares = (shares / shares.sum(axis=1, keepdims=True))[:, :-1]
    classes = shares.argmax(axis=1)
    corners = from_centres(boxes.reshape(-1, 4).astype(np.float32))
    return RawBoxes(
        corners * np.array([*size, *size], np.float32),
        shares[np.arange(len(shares)), classes].astype(np.float32),
        classes.astype(np.int64),
        shares.shape[1],
    )


def from_centres(boxes: Float32Array) -> Float32Array:
    """Turn centre, size boxes into corners."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _to_pixels(boxes: npt.NDArray[Any], size: tuple[int, int]) -> Float32Array:
    boxes = boxes.astype(np.float32)
    if len(boxes) and np.abs(boxes).max() <= FRACTION_LIMIT:
        boxes = boxes * np.array([*size, *size], np.float32)
    return boxes


def _by_role(outputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Sort outputs into boxes, labels, scores, logits: by name, else by shape."""
    roles: dict[str, npt.NDArray[Any]] = {}
    words: Sequence[tuple[str, str]] = (
        ("logit", "logits"),
        ("box", "boxes"),
        ("label", "labels"),
        ("class", "labels"),
        ("score", "scores"),
    )
    for name, value in outputs.items():
        found = next((role for word, role in words if word in name.lower()), None)
        if found is not None:
            roles.setdefault(found, value)
    if len(roles) == len(outputs):
        return roles
    by_shape: dict[str, npt.NDArray[Any]] = {}
    for value in outputs.values():
        if np.issubdtype(value.dtype, np.integer):
            role = "labels"
        elif value.ndim >= 2 and value.shape[-1] == 4:
            role = "boxes"
        else:
            role = "scores"
        by_shape.setdefault(role, value)
    return by_shape
