"""A detector over the pictures of a label set: its boxes and probabilities kept."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from truckcount.errors import LabelError
from truckcount.labelling.auto.detections import Detections, Detector, Image
from truckcount.labelling.label_set import LabelSet

MODEL = "model"
SAVE_EVERY = 100  # pictures; what an interruption may lose
MIN_SCORE = 0.25  # boxes below it are not kept; Ultralytics' default


@dataclass(slots=True, kw_only=True)
class AutoLabels:
    """What a run of a detector over a set did."""

    model: str
    n_pictures: int = 0
    n_truck: int = 0
    n_boxes: int = 0
    n_skipped: int = 0
    """Pictures this model had labelled before."""
    n_by_person: int = 0
    """Of the set's pictures this model labelled, those that people did, too."""
    n_agreed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Spell it as JSON values."""
        return asdict(self)


def auto_label(
    label_set: LabelSet,
    detector: Detector,
    *,
    min_score: float = MIN_SCORE,
    only_open: bool = False,
    is_again: bool = False,
    advance: Callable[[int], None] | None = None,
) -> AutoLabels:
    """Label a set's pictures by a detector.

    Its labels stand beside those of people and crowds and never replace them;
    `LabelSet.merged_labels` trusts a person more. Saved every 100 pictures, so a
    run that was stopped goes on.

    Parameters
    ----------
    min_score : float
        Lower boxes are not kept; ``p_truck`` is the best truck score all the same.
    only_open : bool
        Leave out what a person labelled.
    is_again : bool
        Label again what this model has labelled.
    advance : callable
        Told the number of pictures done, one by one.

    Raises
    ------
    LabelError
        When a picture cannot be read; what came before it is kept.
    """
    labels = label_set.labels
    mine = labels[
        (labels["source"] == MODEL) & (labels["labeller"] == detector.model_id)
    ]
    by_person = labels[labels["source"] == "person"]
    images = list(label_set.frames["image"])
    if only_open:
        images = [i for i in images if i not in set(by_person["image"])]
    done = set() if is_again else set(mine["image"])
    wanted = [i for i in images if i not in done]
    result = AutoLabels(model=detector.model_id, n_skipped=len(images) - len(wanted))
    batch: list[tuple[str, Detections]] = []
    try:
        for image in wanted:
            batch.append((image, detector.detect(_read_rgb(label_set, image))))
            if advance is not None:
                advance(1)
            if len(batch) >= SAVE_EVERY:
                _save(label_set, detector.model_id, batch, min_score, result)
                batch = []
    finally:
        _save(label_set, detector.model_id, batch, min_score, result)
    _compare(label_set, result)
    label_set.note("label auto", {"model": detector.model_id}, result.n_pictures)
    return result


def _save(
    label_set: LabelSet,
    model_id: str,
    batch: Sequence[tuple[str, Detections]],
    min_score: float,
    result: AutoLabels,
) -> None:
    import pandas as pd

    if not batch:
        return
    who = {"source": MODEL, "labeller": model_id}
    boxes = pd.DataFrame(
        [
            {
                "image": image,
                "class": kind,
                **dict(zip(("x1", "y1", "x2", "y2"), map(float, box), strict=True)),
                "score": float(score),
                **who,
            }
            for image, found in batch
            for box, score, kind in zip(
                found.boxes, found.scores, found.kinds, strict=True
            )
            if score >= min_score
        ],
        columns=["image", "class", "x1", "y1", "x2", "y2", "score", *who],
    )
    p_truck = np.array([found.p_truck for _, found in batch])
    labels = pd.DataFrame(
        {
            "image": [image for image, _ in batch],
            "p_truck": p_truck,
            "label": np.where(p_truck >= 0.5, "truck", "no_truck"),
            **who,
        }
    )
    with label_set.lock():
        # boxes first: where the label is, its boxes are
        label_set.add_boxes(
            boxes, replaces=[(image, MODEL, model_id) for image, _ in batch]
        )
        label_set.add_labels(labels)
    result.n_pictures += len(batch)
    result.n_boxes += len(boxes)
    result.n_truck += int((p_truck >= 0.5).sum())


def _compare(label_set: LabelSet, result: AutoLabels) -> None:
    """Count the pictures on which people gave an answer, and the same one."""
    labels = label_set.labels
    model = labels[(labels["source"] == MODEL) & (labels["labeller"] == result.model)]
    people = label_set.merged_labels()
    people = people[people["source"] == "person"]
    both = model.merge(people, on="image", suffixes=("_model", "_person"))
    result.n_by_person = len(both)
    result.n_agreed = int((both["label_model"] == both["label_person"]).sum())


def _read_rgb(label_set: LabelSet, image: str) -> Image:
    picture = cv2.imread(str(label_set.root / image), cv2.IMREAD_COLOR)
    if picture is None:
        msg = (
            f"{label_set.root / image} cannot be read as a picture; run "
            "`truckcount label check`"
        )
        raise LabelError(msg)
    return np.ascontiguousarray(picture[:, :, ::-1], np.uint8)
