"""A labelled frame to a training view that keeps its label."""

import numpy as np
import numpy.typing as npt

from truckcount.training.photometric import disturb
from truckcount.training.weather import change_weather
from truckcount.video.cut import scale_crop

UInt8Image = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

BOLD_CROP = 0.6  # smallest side of a crop, of the frame, where truck boxes are known
MILD_CROP = 0.88  # where they are not: a bolder crop could cut the only truck away
STRETCH = 0.12  # of one axis against the other
N_TRIES = 8
MIN_KEPT = 0.6  # of one truck's box


def make_view(
    rng: np.random.Generator,
    image: UInt8Image,
    boxes: Boxes | None,
    side_px: int,
    augmentation: str = "full",
    *,
    is_bold: bool = False,
) -> UInt8Image:
    """Crop, scale, flip and disturb a frame.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3), RGB
    boxes : float32 array, shape (K, 4), optional
        Trucks, pixels; a crop keeps ``MIN_KEPT`` of at least one of them.
    augmentation : str
        ``full``; ``light`` (mild crop and flip alone); ``none``: the frame, scaled.
    is_bold : bool
        Crop boldly. It must not depend on the label: crops of one kind of frame alone
        would tell the label by their scale.
    """
    if augmentation == "none":
        return scale_view(image, side_px)
    is_bold = is_bold and augmentation == "full"
    x0, y0, x1, y1 = choose_crop(rng, image.shape[:2], boxes, is_bold=is_bold)
    view = scale_view(image[y0:y1, x0:x1], side_px)
    if rng.random() < 0.5:
        view = np.ascontiguousarray(view[:, ::-1])
    if augmentation == "full":
        view = disturb(rng, change_weather(rng, view))
    return view


def scale_view(image: UInt8Image, side_px: int) -> UInt8Image:
    """Stretch a picture to a square, as at run time."""
    if image.shape[:2] == (side_px, side_px):
        return np.ascontiguousarray(image)
    return scale_crop(image, (side_px, side_px))


def choose_crop(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    boxes: Boxes | None,
    *,
    is_bold: bool,
) -> tuple[int, int, int, int]:
    """Choose a crop x0, y0, x1, y1 in pixels; its size is drawn before its place."""
    height, width = shape[0], shape[1]
    side = rng.uniform(BOLD_CROP if is_bold else MILD_CROP, 1.0)
    stretch = float(np.exp(rng.uniform(-STRETCH, STRETCH)))
    w = max(2, round(width * min(1.0, side * stretch)))
    h = max(2, round(height * min(1.0, side / stretch)))
    has_truck = boxes is not None and len(boxes) > 0
    x0, y0 = 0, 0
    for _ in range(N_TRIES):
        x0 = int(rng.integers(0, width - w + 1))
        y0 = int(rng.integers(0, height - h + 1))
        if boxes is None or not has_truck:
            return x0, y0, x0 + w, y0 + h
        if kept_share(boxes, (x0, y0, x0 + w, y0 + h)) >= MIN_KEPT:
            return x0, y0, x0 + w, y0 + h
    if boxes is not None and has_truck:  # centred on the truck that is seen largest
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        x_mid, y_mid = boxes[int(area.argmax())].reshape(2, 2).mean(0)
        x0 = int(np.clip(x_mid - w / 2, 0, width - w))
        y0 = int(np.clip(y_mid - h / 2, 0, height - h))
    return x0, y0, x0 + w, y0 + h


def kept_share(boxes: Boxes, crop: tuple[int, int, int, int]) -> float:
    """Return the largest share of a box that a crop keeps."""
    low = np.maximum(boxes[:, :2], crop[:2])
    high = np.minimum(boxes[:, 2:], crop[2:])
    kept = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    return float((kept / area).max())
