"""Pictures to frame files of a label set, named so that no two can meet."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.labelling.picture_hash import hash_picture
from truckcount.labelling.tables import replace_file
from truckcount.video.access import MAX_PIXELS
from truckcount.video.still_size import read_still_size

JPEG_QUALITY = 95  # what a network sees of it is as good as the video's own picture
KEPT_AS_IT_IS = {".jpg": ".jpg", ".jpeg": ".jpg", ".png": ".png"}
MAX_STEM = 80


@dataclass(frozen=True, slots=True)
class FrameFile:
    """One picture stored in a label set."""

    image: str
    """Path within the set."""
    width: int
    height: int
    phash: str


def store_picture(root: Path, path: Path) -> FrameFile:
    """Copy a picture file into the set, under a name that tells its bytes.

    JPEG and PNG keep their bytes; other formats become PNG. The same bytes always
    get the same name, so that taking a source in twice stores nothing twice.

    Raises
    ------
    LabelError
        When the file is no picture, or claims to be larger than any camera's.
    """
    try:
        size = read_still_size(path)
        if size is not None and size[0] * size[1] > MAX_PIXELS:
            msg = (
                f"{path}: a picture of {size[0]}x{size[1]} is not opened: over "
                f"{MAX_PIXELS:,} pixels; cut it first, or leave it out"
            )
            raise LabelError(msg)
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error}"
        raise LabelError(msg) from error
    image = decode_picture(data, str(path))
    suffix = KEPT_AS_IT_IS.get(path.suffix.lower())
    if suffix is None:
        suffix, data = ".png", encode_picture(image, ".png")
    return _store(root, path.stem, suffix, data, image)


def store_image(
    root: Path, stem: str, image: npt.NDArray[np.uint8], *, has_own_name: bool = False
) -> FrameFile:
    """Store a frame as JPEG.

    Parameters
    ----------
    image : uint8, shape (H, W, 3), RGB
    has_own_name : bool
        The stem is unique already (camera and moment); no hash is appended.
    """
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    data = encode_picture(bgr, ".jpg")
    return _store(root, stem, ".jpg", data, bgr, has_own_name=has_own_name)


def decode_picture(data: bytes, where: str) -> npt.NDArray[np.uint8]:
    """Decode to BGR uint8 of shape (H, W, 3)."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # an empty file, or sizes beyond the decoder's limit
        image = None
    if image is None:
        msg = f"{where} is no picture that can be decoded"
        raise LabelError(msg)
    return np.asarray(image, np.uint8)


def encode_picture(bgr: npt.NDArray[np.uint8], suffix: str) -> bytes:
    """Encode as JPEG of quality 95, or as PNG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else []
    ok, data = cv2.imencode(suffix, bgr, options)
    if not ok:
        msg = f"a picture of shape {bgr.shape} cannot be written as {suffix}"
        raise LabelError(msg)
    return bytes(data.tobytes())


def safe_stem(text: str) -> str:
    """Make a file name's stem of letters, digits, `.`, `_` and `-`."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    return stem[:MAX_STEM] or "frame"


def _store(
    root: Path,
    stem: str,
    suffix: str,
    data: bytes,
    bgr: npt.NDArray[np.uint8],
    *,
    has_own_name: bool = False,
) -> FrameFile:
    name = safe_stem(stem)
    if not has_own_name:
        name += f"_{hashlib.sha256(data).hexdigest()[:10]}"
    path = root / "frames" / f"{name}{suffix}"
    if not (path.exists() and path.stat().st_size == len(data)):
        replace_file(path, lambda draft: draft.write_bytes(data), is_synced=False)
    height, width = bgr.shape[:2]
    return FrameFile(
        image=f"frames/{path.name}",
        width=width,
        height=height,
        phash=hash_picture(bgr),
    )
