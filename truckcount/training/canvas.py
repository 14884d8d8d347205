"""Labelled pictures to training views: crop, scale, mosaic, flip."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.training.label_set import IGNORE, TRUCK, LabelledPicture

MIN_HEIGHT_PX = 8.0  # lower boxes are masked: nobody can say what they are
MIN_VISIBLE = 0.35  # of a box; less of it in the view is masked
TRUCK_HEIGHT_PX = (15.0, 115.0)  # range that gate views of real cameras show
MAX_UPSCALE = 2.0
MOSAIC_PROBABILITY = 0.3


@dataclass(slots=True)
class Canvas:
    """A training view with its boxes and the part of it that teaches."""

    image: npt.NDArray[np.uint8]
    """Shape (H, W, 3), RGB."""
    boxes: npt.NDArray[np.float32]
    """Shape (K, 4) in pixels of the view, visible parts."""
    classes: npt.NDArray[np.int64]
    trust: npt.NDArray[np.uint8]
    """Shape (H, W), 1 where missing boxes mean an empty road."""


def compose_view(
    rng: np.random.Generator,
    pick: "Draw",
    width_px: int = 320,
    height_px: int = 192,
) -> Canvas:
    """Compose one view of one picture, or of two or four side by side."""
    if rng.random() >= MOSAIC_PROBABILITY:
        canvas = _cut(rng, pick(rng), width_px, height_px)
    else:
        x = int(rng.uniform(0.35, 0.65) * width_px)
        ys = [height_px]
        if rng.random() < 0.4:
            ys = [int(rng.uniform(0.35, 0.65) * height_px), height_px]
        canvas = Canvas(
            image=np.zeros((height_px, width_px, 3), np.uint8),
            boxes=np.zeros((0, 4), np.float32),
            classes=np.zeros(0, np.int64),
            trust=np.zeros((height_px, width_px), np.uint8),
        )
        top = 0
        for bottom in ys:
            for left, right in ((0, x), (x, width_px)):
                part = _cut(rng, pick(rng), right - left, bottom - top)
                canvas.image[top:bottom, left:right] = part.image
                canvas.trust[top:bottom, left:right] = part.trust
                shifted = part.boxes + np.array([left, top, left, top], np.float32)
                canvas.boxes = np.concatenate([canvas.boxes, shifted])
                canvas.classes = np.concatenate([canvas.classes, part.classes])
            top = bottom
    return mirror(canvas) if rng.random() < 0.5 else canvas


def mirror(canvas: Canvas) -> Canvas:
    """Return the canvas seen in a mirror."""
    width = canvas.image.shape[1]
    boxes = canvas.boxes.copy()
    boxes[:, 0], boxes[:, 2] = width - canvas.boxes[:, 2], width - canvas.boxes[:, 0]
    return Canvas(
        image=np.ascontiguousarray(canvas.image[:, ::-1]),
        boxes=boxes,
        classes=canvas.classes,
        trust=np.ascontiguousarray(canvas.trust[:, ::-1]),
    )


class Draw(Protocol):
    """Draws a picture."""

    def __call__(self, rng: np.random.Generator) -> LabelledPicture:
        """Draw one picture."""
        ...


class PictureDraw:
    """Draw pictures: first a source by its share, then one of its pictures."""

    def __init__(
        self, pools: dict[str, list[LabelledPicture]], shares: dict[str, float]
    ):
        self._pools = [
            pool for name, pool in pools.items() if pool and shares[name] > 0
        ]
        weights = np.array(
            [shares[name] for name, pool in pools.items() if pool and shares[name] > 0]
        )
        self._weights = weights / weights.sum()
        # four draws in ten show a truck where the source has any
        self._with_truck = [
            [p for p in pool if (p.classes == TRUCK).any()] or pool
            for pool in self._pools
        ]

    def __call__(self, rng: np.random.Generator) -> LabelledPicture:
        """Draw one picture."""
        i = int(rng.choice(len(self._pools), p=self._weights))
        pool = self._with_truck[i] if rng.random() < 0.4 else self._pools[i]
        return pool[int(rng.integers(len(pool)))]


def _cut(
    rng: np.random.Generator, picture: LabelledPicture, width: int, height: int
) -> Canvas:
    image_h, image_w = picture.image.shape[:2]
    fit = max(width / image_w, height / image_h)  # smallest scale without padding
    scale, centre = _choose_scale(rng, picture, fit)
    stretch = float(np.exp(rng.uniform(-0.15, 0.15)))
    sx, sy = (
        max(scale * stretch, width / image_w),
        max(scale / stretch, height / image_h),
    )
    crop_w, crop_h = width / sx, height / sy
    if centre is None:
        x0 = rng.uniform(0, max(image_w - crop_w, 0))
        y0 = rng.uniform(0, max(image_h - crop_h, 0))
    else:
        x0 = centre[0] - rng.uniform(0.1, 0.9) * crop_w
        y0 = centre[1] - rng.uniform(0.1, 0.9) * crop_h
    x0 = int(np.clip(x0, 0, max(image_w - crop_w, 0)))
    y0 = int(np.clip(y0, 0, max(image_h - crop_h, 0)))
    x1, y1 = min(image_w, round(x0 + crop_w)), min(image_h, round(y0 + crop_h))
    crop = picture.image[y0:y1, x0:x1]
    method = cv2.INTER_AREA if sx < 0.9 else cv2.INTER_LINEAR
    view = cv2.resize(crop, (width, height), interpolation=method)
    factor = np.array([width / (x1 - x0), height / (y1 - y0)] * 2, np.float32)
    boxes = (picture.boxes - np.array([x0, y0, x0, y0], np.float32)) * factor
    trust = _trust_mask(picture, boxes, (x0, y0), factor, width, height)
    boxes, classes = _clip_boxes(boxes, picture.classes, trust, width, height)
    return Canvas(image=view, boxes=boxes, classes=classes, trust=trust)


def _choose_scale(
    rng: np.random.Generator, picture: LabelledPicture, fit: float
) -> tuple[float, tuple[float, float] | None]:
    heights = picture.boxes[:, 3] - picture.boxes[:, 1]
    trucks = np.flatnonzero((picture.classes == TRUCK) & (heights > 6))
    others = np.flatnonzero((picture.classes > TRUCK) & (heights > 6))
    chosen = None
    if len(trucks) and rng.random() < 0.7:
        chosen = int(rng.choice(trucks))
    elif len(others) and rng.random() < 0.5:
        chosen = int(rng.choice(others))
    if chosen is None:
        top = max(fit * 1.01, min(MAX_UPSCALE, fit * 3))
        return float(np.exp(rng.uniform(np.log(fit), np.log(top)))), None
    low, high = TRUCK_HEIGHT_PX
    target = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if picture.classes[chosen] != TRUCK:
        target *= 0.7  # cars are lower than the trucks beside them
    scale = float(np.clip(target / heights[chosen], fit, max(fit, MAX_UPSCALE)))
    box = picture.boxes[chosen]
    return scale, (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)


def _trust_mask(
    picture: LabelledPicture,
    boxes: npt.NDArray[np.float32],
    origin: tuple[int, int],
    factor: npt.NDArray[np.float32],
    width: int,
    height: int,
) -> npt.NDArray[np.uint8]:
    if picture.trusted is None:
        return np.ones((height, width), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    if len(picture.trusted):
        polygon = (picture.trusted - np.array(origin, np.float32)) * factor[:2]
        cv2.fillPoly(mask, [polygon.round().astype(np.int32)], 1)
        return mask
    for (x1, y1, x2, y2), label in zip(boxes, picture.classes, strict=True):
        if label >= 0:
            dx, dy = 0.12 * (x2 - x1), 0.12 * (y2 - y1)
            _fill(mask, (x1 - dx, y1 - dy, x2 + dx, y2 + dy), 1)
    return mask


def _clip_boxes(
    boxes: npt.NDArray[np.float32],
    classes: npt.NDArray[np.int64],
    trust: npt.NDArray[np.uint8],
    width: int,
    height: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    kept, labels = [], []
    limit = np.array([width, height, width, height], np.float32)
    for box, label in zip(boxes, classes, strict=True):
        if label < IGNORE:
            continue
        clipped = np.clip(box, 0, limit)
        w, h = clipped[2] - clipped[0], clipped[3] - clipped[1]
        if w <= 0 or h <= 0:
            continue
        area = max(float((box[2] - box[0]) * (box[3] - box[1])), 1e-3)
        is_vague = (
            h < MIN_HEIGHT_PX or w < 0.7 * MIN_HEIGHT_PX or w * h < MIN_VISIBLE * area
        )
        if label == IGNORE or is_vague:
            _fill(trust, tuple(clipped), 0)
            continue
        kept.append(clipped)
        labels.append(label)
    if not kept:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    return np.stack(kept).astype(np.float32), np.array(labels, np.int64)


def _fill(mask: npt.NDArray[np.uint8], box: tuple[float, ...], value: int) -> None:
    x1, y1, x2, y2 = (max(0, round(float(v))) for v in box)
    mask[y1:y2, x1:x2] = value
