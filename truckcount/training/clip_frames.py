"""Frames and gates of annotated clips, for label sets."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt


def gate_polygons(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Read the first gate's polygon (fractions) of every camera in a TOML file."""
    cameras = tomllib.loads(path.read_text())["cameras"]
    return {name: spec["gates"][0]["polygon"] for name, spec in cameras.items()}


def read_clip_frames(
    path: Path, times_s: npt.NDArray[np.float64]
) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Yield (t_s, RGB frame) for the first frame at or after each time."""
    capture = cv2.VideoCapture(str(path))
    try:
        wanted = iter(times_s)
        target = next(wanted, None)
        while target is not None:
            t_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            ok, frame = capture.read()
            if not ok:
                return
            if t_s + 1e-3 >= target:
                yield t_s, np.ascontiguousarray(frame[:, :, ::-1])
                target = next(wanted, None)
    finally:
        capture.release()
