"""A label set's parts to pictures with boxes in memory, for the truck map."""

from collections.abc import Iterator

import numpy as np

from truckcount.labelling.frame_files import decode_picture
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.read import read_boxed
from truckcount.training.label_set import CLASS_OF, IGNORE, LabelledPicture


def read_frames(
    label_set: LabelSet, part: str | None = "train", *, min_score: float = 0.5
) -> Iterator[LabelledPicture]:
    """Yield the labelled pictures of a part.

    A picture labelled `truck` whose truck has no box teaches nothing but its other
    boxes: its background is not trusted. A picture labelled `no_truck` without any
    box is background as a whole, and the cheapest negative there is.

    Parameters
    ----------
    part : str or None
        `train`, `val`, `test`; None: all labelled frames.
    min_score : float
        A model's boxes count from this score on.
    """
    for example in read_boxed(label_set, part, min_score=min_score):
        # other vehicles' names (motorcycle, person) are background, as in data.md
        classes = [CLASS_OF.get(name, IGNORE - 1) for name in example.classes]
        bgr = decode_picture(example.path.read_bytes(), str(example.path))
        yield LabelledPicture(
            image=np.ascontiguousarray(bgr[:, :, ::-1]),
            boxes=example.corners,
            classes=np.array(classes, np.int64),
            group=example.group,
            trusted=None if example.is_complete else np.zeros((0, 2), np.float32),
            weight=example.weight,
            name=example.path.name,
        )
