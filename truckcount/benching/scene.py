"""A made-up road, for machines that have no clip at hand."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

N_VEHICLES = 7
NOISE_LEVELS = 5  # of a camera by day: what an encoder must spend bits on


def write_scene(
    path: Path,
    *,
    size: tuple[int, int] = (1280, 720),
    fps: int = 25,
    seconds: float = 10.0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write boxes driving over a noisy road, as H.264 with x264's defaults.

    Parameters
    ----------
    size : (width, height), pixels
    options : dict, optional
        Of x264, like ``{"bf": "0"}``.
    """
    width, height = size
    rng = np.random.default_rng(0)
    road = _draw_road(width, height, rng)
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = options if options is not None else {}
        for k in range(max(1, round(seconds * fps))):
            image = _draw_frame(road, k / fps, rng)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def _draw_road(
    width: int, height: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Draw a still of smooth blotches, shape (height, width, 3)."""
    coarse = rng.integers(60, 160, (height // 16 + 1, width // 16 + 1, 3))
    fine = np.repeat(np.repeat(coarse, 16, axis=0), 16, axis=1)[:height, :width]
    return fine.astype(np.uint8)


def _draw_frame(
    road: npt.NDArray[np.uint8], t_s: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    height, width = road.shape[:2]
    image = road.copy()
    for k in range(N_VEHICLES):
        w, h = width * (2 + k % 3) // 24, height * (2 + k % 3) // 24
        x = int((k * 0.17 + t_s * (0.06 + 0.03 * (k % 4))) * width) % (width - w)
        y = (k + 1) * height // (N_VEHICLES + 2)
        image[y : y + h, x : x + w] = (40 + 30 * k, 200 - 25 * k, 90 + 20 * k)
    noise = rng.integers(0, NOISE_LEVELS, (height, width, 1), np.uint8)
    return np.asarray(image + noise, np.uint8)
