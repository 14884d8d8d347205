"""What every detector gives: boxes with a class and a score, in picture pixels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

SCORE_FLOOR = 0.05  # below it a detector's boxes are noise; torchvision's own default
NMS_IOU = 0.6  # of one class; Ultralytics' default is 0.7, torchvision's 0.5
MAX_BOXES = 300  # of one picture, as COCO's rules and detectors have it

TRUCK = "truck"
# names that detectors' label lists use, to the classes of a label set
KIND_OF = {
    "truck": TRUCK,
    "lorry": TRUCK,
    "semi": TRUCK,
    "trailer truck": TRUCK,
    "bus": "bus",
    "van": "van",
    "pickup": "pickup",
    "pickup truck": "pickup",
    "car": "car",
    "suv": "car",
}
# ids of the classes in the two numberings of COCO that detectors use
COCO_80 = {2: "car", 5: "bus", 7: TRUCK}
COCO_91 = {3: "car", 6: "bus", 8: TRUCK}


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes of one picture, the best score first."""

    boxes: Float32Array
    """Shape (K, 4), x1 y1 x2 y2, pixels."""
    scores: Float32Array
    """Shape (K,), in [0, 1]."""
    kinds: tuple[str, ...]
    """Class names of a label set, K of them."""
    p_whole: float | None = None
    """What a classifier says of the picture: it has no boxes; None for a detector."""

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def p_truck(self) -> float:
        """What was said of the picture, or the best truck's score; 0 without any."""
        if self.p_whole is not None:
            return min(max(self.p_whole, 0.0), 1.0)
        scores = [
            float(s) for s, k in zip(self.scores, self.kinds, strict=True) if k == TRUCK
        ]
        return min(max(scores, default=0.0), 1.0)


class Detector(Protocol):
    """Finds vehicles in one picture."""

    model_id: str

    def detect(self, image: Image) -> Detections:
        """Detect in an RGB picture of shape (H, W, 3)."""
        ...


def select_boxes(
    boxes: Float32Array,
    scores: Float32Array,
    classes: npt.NDArray[np.int64],
    kind_of: Mapping[int, str],
    size: tuple[int, int],
) -> Detections:
    """Keep the classes asked for, cut boxes to the picture, drop doubles.

    Parameters
    ----------
    boxes : float32 array, shape (N, 4)
        x1 y1 x2 y2, pixels of the picture.
    scores : float32 array, shape (N,)
    classes : int64 array, shape (N,)
        The detector's own ids.
    kind_of : mapping
        Class id to class name; other ids are dropped.
    size : (width, height)
        Of the picture, pixels.
    """
    is_kept = np.isin(classes, list(kind_of)) & (scores >= SCORE_FLOOR)
    boxes, scores, classes = boxes[is_kept], scores[is_kept], classes[is_kept]
    limits = np.array([size[0], size[1], size[0], size[1]], np.float32)
    boxes = np.clip(boxes, 0, limits).astype(np.float32)
    is_whole = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
    boxes, scores, classes = boxes[is_whole], scores[is_whole], classes[is_whole]
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for kind in dict.fromkeys(classes.tolist()):
        kept += suppress(boxes, [i for i in order.tolist() if classes[i] == kind])
    chosen = sorted(kept, key=lambda i: (-scores[i], i))[:MAX_BOXES]
    return Detections(
        boxes=boxes[chosen],
        scores=np.minimum(scores[chosen], 1).astype(np.float32),
        kinds=tuple(kind_of[int(c)] for c in classes[chosen]),
    )


def suppress(
    boxes: Float32Array, order: Iterable[int], limit: float = NMS_IOU
) -> list[int]:
    """Keep a box unless it overlaps a better one (greedy non-maximum suppression).

    Parameters
    ----------
    order : iterable of int
        Indices, the best box first.
    limit : float
        Intersection over union above which the worse box goes.
    """
    kept: list[int] = []
    for i in order:
        if not kept:
            kept.append(i)
            continue
        others = boxes[kept]
        span = np.minimum(others[:, 2:], boxes[i, 2:]) - np.maximum(
            others[:, :2], boxes[i, :2]
        )
        shared = np.prod(np.maximum(span, 0), axis=1)
        areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
        union = areas + np.prod(boxes[i, 2:] - boxes[i, :2]) - shared
        if (shared <= limit * union).all():
            kept.append(i)
    return kept


def kinds_of_names(names: Mapping[int, str]) -> dict[int, str]:
    """Choose the vehicles among a detector's class names.

    Examples
    --------
    >>> kinds_of_names({0: "person", 2: "Car", 7: "truck"})
    {2: 'car', 7: 'truck'}
    """
    return {
        i: KIND_OF[name.strip().lower()]
        for i, name in names.items()
        if name.strip().lower() in KIND_OF
    }
