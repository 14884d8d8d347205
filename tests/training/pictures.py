"""Synthetic labelled pictures, so small that training takes seconds."""

import numpy as np

from truckcount.training.label_set import LIGHT, TRUCK, LabelledPicture


def picture(seed=0, *, size=(400, 240), boxes=None, classes=None, trusted=None):
    """Noise with a bright box for each truck (default: one truck and one car)."""
    rng = np.random.default_rng(seed)
    width, height = size
    image = rng.integers(60, 110, (height, width, 3), np.uint8)
    if boxes is None:
        boxes, classes = [(60, 80, 160, 150), (250, 120, 300, 150)], [TRUCK, LIGHT]
    for x1, y1, x2, y2 in boxes:
        image[round(y1) : round(y2), round(x1) : round(x2)] = (230, 40, 40)
    return LabelledPicture(
        image=image,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        classes=np.array(classes, np.int64),
        group=f"g{seed}",
        trusted=trusted,
        name=f"p{seed}",
    )
