"""Boxed trucks to cut-outs with soft edges, to be pasted on other roads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.training.label_set import TRUCK, LabelledPicture

UInt8Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

MIN_HEIGHT_PX = 44  # smaller trucks have no outline to find
MARGIN_PX = 3  # to the picture's edge: nearer ones may be cut by it
MAX_OVERLAP = 0.06  # of the box, by any other box: the rest of it would be cut out, too
BORDER_SHARE = 0.12  # of the box, that is seen around it to learn the background from
COVER = (0.45, 0.93)  # of the box, that an outline of a truck fills
SIDE_COVER = 0.55  # of each side of the box, that it reaches
GRABCUT_ROUNDS = 4
MAX_CUT_OUTS = 400  # by pool; more of one source teach no more


@dataclass(frozen=True, slots=True)
class CutOut:
    """One truck without its background."""

    image: UInt8Image
    """Shape (H, W, 3), RGB; as large as its box."""
    alpha: FloatArray
    """Shape (H, W), in [0, 1]."""
    name: str

    @property
    def aspect(self) -> float:
        """Width over height."""
        return float(self.image.shape[1] / self.image.shape[0])


def cut_trucks(
    pools: Mapping[str, Iterable[LabelledPicture]],
    rng: np.random.Generator,
    limit: int = MAX_CUT_OUTS,
) -> list[CutOut]:
    """Cut out the trucks that stand free in their picture.

    An outline that fills its box too little, too much, or misses one of its sides is
    dropped: the background learned as truck would be worse than no cut-out.

    Parameters
    ----------
    limit : int
        Largest number of boxes looked at, a pool.
    """
    found: list[CutOut] = []
    for pool in pools.values():
        free = [(p, i) for p in pool for i in _free_trucks(p)]
        order = rng.permutation(len(free))[:limit]
        for k in order:
            picture, i = free[int(k)]
            one = cut_out(picture.image, picture.boxes[i], f"{picture.name}#{i}")
            if one is not None:
                found.append(one)
    return found


def cut_out(image: UInt8Image, box: FloatArray, name: str = "") -> CutOut | None:
    """Cut one box's truck out; None where its outline is not found.

    References
    ----------
    Rother et al., GrabCut (SIGGRAPH 2004), as OpenCV has it: started by the box.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    pad = max(4, round(BORDER_SHARE * max(x2 - x1, y2 - y1)))
    left, top = max(0, x1 - pad), max(0, y1 - pad)
    right, bottom = min(width, x2 + pad), min(height, y2 + pad)
    crop = np.ascontiguousarray(image[top:bottom, left:right, ::-1])
    rect = (x1 - left, y1 - top, x2 - x1, y2 - y1)
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.setRNGSeed(0)  # GrabCut starts from random clusters
    try:
        cv2.grabCut(
            crop,
            mask,
            rect,
            np.zeros((1, 65)),
            np.zeros((1, 65)),
            GRABCUT_ROUNDS,
            cv2.GC_INIT_WITH_RECT,
        )
    except cv2.error:  # a crop of one colour has no clusters
        return None
    inside = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    x0, y0, w, h = rect
    outline = _largest_part(inside[y0 : y0 + h, x0 : x0 + w])
    if not _is_truck_like(outline):
        return None
    soft = feather(outline)
    return CutOut(np.ascontiguousarray(image[y1:y2, x1:x2]), soft, name)


def feather(outline: UInt8Image) -> FloatArray:
    """Soften an outline's edge inwards: a pixel of the old background must not come.

    Parameters
    ----------
    outline : uint8 array, shape (H, W), 0 or 1
    """
    sigma = max(0.7, 0.012 * max(outline.shape))
    # what lies outside of the box counts as background, so that box edges are soft
    padded = cv2.copyMakeBorder(outline, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    core = cv2.erode(padded, np.ones((3, 3), np.uint8)).astype(np.float32)
    soft = cv2.GaussianBlur(core, (0, 0), sigma)[2:-2, 2:-2] * outline
    return np.asarray(soft, np.float32)


def _free_trucks(picture: LabelledPicture) -> list[int]:
    """Return the rows of trucks that are large, whole and not behind anything."""
    height, width = picture.image.shape[:2]
    found = []
    for i in np.flatnonzero(picture.classes == TRUCK):
        x1, y1, x2, y2 = picture.boxes[i]
        is_whole = (
            x1 >= MARGIN_PX
            and y1 >= MARGIN_PX
            and x2 <= width - MARGIN_PX
            and y2 <= height - MARGIN_PX
        )
        if not is_whole or y2 - y1 < MIN_HEIGHT_PX or x2 - x1 < MIN_HEIGHT_PX / 2:
            continue
        others = np.delete(picture.boxes, i, axis=0)
        low = np.maximum(others[:, :2], (x1, y1))
        high = np.minimum(others[:, 2:], (x2, y2))
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        if (shared <= MAX_OVERLAP * (x2 - x1) * (y2 - y1)).all():
            found.append(int(i))
    return found


def _largest_part(inside: UInt8Image) -> UInt8Image:
    """Keep the largest connected part, its holes filled."""
    n, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    if n < 2:
        return np.zeros_like(inside)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    part = (labels == best).astype(np.uint8)
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(
        cv2.drawContours(np.zeros_like(part), contours, -1, 1, cv2.FILLED), np.uint8
    )


def _is_truck_like(outline: UInt8Image) -> bool:
    height, width = outline.shape
    share = float(outline.mean())
    if not COVER[0] <= share <= COVER[1]:
        return False
    rows, cols = np.flatnonzero(outline.any(1)), np.flatnonzero(outline.any(0))
    reach = min(len(rows) / height, len(cols) / width)
    # a truck's body is wide where it is cut through the middle, both ways
    middle = min(
        float(outline[height // 2].mean()), float(outline[:, width // 2].mean())
    )
    return reach >= 0.9 and middle >= SIDE_COVER
