"""A label set's pictures to mosaics, for eyes that need not know who was there.

The set's own pictures stay as they are: what a network learns from must look like what
it will count.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from truckcount.errors import LabelError
from truckcount.labelling.frame_files import decode_picture, encode_picture
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.tables import replace_file
from truckcount.video.mosaic import UNKNOWN_FRACTION, make_mosaic

MOSAIC_FOLDER = "blurred"
"""Within the set; apart from `frames`, so that the two are not taken for each other."""


def encode_mosaic(path: Path) -> bytes:
    """Encode the mosaic of a picture file, in the file's own format.

    Nothing else of the file is kept: Exif may hold a place, or a small picture.

    Raises
    ------
    LabelError
        When the file is no picture, or of a format that cannot be written.
    """
    image = decode_picture(path.read_bytes(), str(path))
    mosaic = make_mosaic(np.asarray(image, np.uint8), UNKNOWN_FRACTION)
    try:
        return encode_picture(mosaic, path.suffix.lower())
    except cv2.error as error:
        msg = f"{path}: no picture is written as {path.suffix!r}; use .jpg or .png"
        raise LabelError(msg) from error


def write_mosaics(label_set: LabelSet, images: Iterable[str]) -> Path:
    """Write mosaics of a set's pictures; return their folder, ``SET/blurred``.

    Parameters
    ----------
    images : iterable of str
        Image ids; ``frames/a.jpg`` becomes ``SET/blurred/frames/a.jpg``.

    Raises
    ------
    LabelError
        When an image is no picture of the set, or the disk refuses.
    """
    folder = label_set.root / MOSAIC_FOLDER
    for image in images:
        data = encode_mosaic(label_set.picture_path(image))
        write = partial(Path.write_bytes, data=data)
        replace_file(folder / image, write, is_synced=False)
    return folder
