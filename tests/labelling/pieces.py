"""Label sets of a few small pictures."""

import hashlib

import cv2
import numpy as np
import pandas as pd

from truckcount.labelling.label_set import LabelSet
from truckcount.video.mosaic import MIN_TILE_PX


def frame_rows(images, **columns):
    """Rows of `frames` for names of images."""
    n = len(images)
    rows = {
        "image": list(images),
        "camera": ["cam"] * n,
        "group": [f"g{i}" for i in range(n)],
        "day": ["2026-03-02"] * n,
        "t_utc": pd.Series([pd.NaT] * n, dtype="datetime64[us, UTC]"),
        "source": ["clip.mp4"] * n,
        "source_t_s": [np.nan] * n,
        "width": [64] * n,
        "height": [48] * n,
        "phash": [hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)],
        "light": ["day"] * n,
        "drawn_by": ["spread"] * n,
    }
    return pd.DataFrame(rows | columns)


def label_rows(images, labels, source="person", labeller="ana", **columns):
    """Rows of `labels`."""
    rows = {"image": list(images), "label": list(labels)}
    return pd.DataFrame(rows | {"source": source, "labeller": labeller} | columns)


def write_picture(path, seed=0, size=(48, 64)):
    """Write a smooth random picture that survives compression."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.resize(small, size[::-1], interpolation=2))
    return path


def make_set(root, n=6, **columns):
    """Make a set with n pictures on disk and their rows."""
    made = LabelSet.create(root)
    images = [f"frames/{i:03d}.jpg" for i in range(n)]
    for i, image in enumerate(images):
        write_picture(root / image, seed=i)
    made.add_frames(frame_rows(images, **columns))
    return made, images


def assert_mosaic(path, data):
    """Assert that encoded `data` is a mosaic of the picture (48 x 64) at `path`."""
    plain = cv2.imread(str(path)).astype(float)
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(float)
    assert shown.shape == plain.shape, "boxes are drawn in its pixels"
    side = MIN_TILE_PX
    tiles = [
        np.s_[y : y + side, x : x + side]
        for y in range(0, plain.shape[0], side)
        for x in range(0, plain.shape[1], side)
    ]
    detail = [np.mean([p[t].mean(2).std() for t in tiles]) for p in (plain, shown)]
    assert detail[1] < 0.4 * detail[0], "what is left is JPEG's own noise"
    moved = [np.abs(plain[t].mean() - shown[t].mean()) for t in tiles]
    assert np.mean(moved) < 2, "it is a mosaic of this picture"
