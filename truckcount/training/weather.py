"""What weather and the hour do to a training view, beyond lens and sensor."""

import cv2
import numpy as np
import numpy.typing as npt

UInt8Image = npt.NDArray[np.uint8]

RAIN_SHARE, NIGHT_SHARE, INFRARED_SHARE = 0.08, 0.08, 0.05  # of the views; arbitrary


def change_weather(rng: np.random.Generator, image: UInt8Image) -> UInt8Image:
    """Let it rain, or be night, on some views; boxes stay true.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3), RGB
    """
    if rng.random() < RAIN_SHARE:
        image = add_rain(rng, image)
    draw = rng.random()
    if draw < NIGHT_SHARE:
        return turn_to_night(rng, image)
    if draw < NIGHT_SHARE + INFRARED_SHARE:
        return turn_to_infrared(image)
    return image


def add_rain(rng: np.random.Generator, image: UInt8Image) -> UInt8Image:
    """Draw bright streaks of one slant, and take some contrast."""
    height, width = image.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    slant = rng.uniform(-0.35, 0.35)
    n = int(rng.uniform(0.0008, 0.003) * height * width)
    length = np.maximum(rng.uniform(0.03, 0.09, n) * height, 2.0)
    x, y = rng.uniform(0, width, n), rng.uniform(-0.05 * height, height, n)
    ends = np.stack([x + slant * length, y + length], 1)
    lines = np.stack([np.stack([x, y], 1), ends], 1).round().astype(np.int32)
    cv2.polylines(streaks, list(lines), isClosed=False, color=255)
    streaks = cv2.GaussianBlur(streaks, (3, 3), 0)
    level = rng.uniform(0.3, 0.6)
    out = cv2.convertScaleAbs(image, alpha=0.88, beta=12)
    grey = cv2.cvtColor(streaks, cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(out, 1.0, grey, level, 0), np.uint8)


def turn_to_night(rng: np.random.Generator, image: UInt8Image) -> UInt8Image:
    """Darken all but what is bright, in sodium yellow or in moonlight's blue."""
    levels = np.arange(256, dtype=np.float32) / 255.0
    gain = rng.uniform(0.3, 0.6)
    tint = (1.0, 0.86, 0.62) if rng.random() < 0.6 else (0.78, 0.9, 1.0)
    curve = np.where(levels > 0.9, levels, gain * levels**1.4)
    table = np.stack([255 * curve * t for t in tint], 1)[:, None]
    dark = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8))
    noise = rng.normal(0, rng.uniform(3, 8), image.shape[:2]).astype(np.float32)
    noisy = np.clip(dark + noise[..., None], 0, 255)
    return np.asarray(noisy, np.uint8)


def turn_to_infrared(image: UInt8Image) -> UInt8Image:
    """See by the camera's own lamp: grey, bright in the middle."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    height, width = grey.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    lamp = 0.35 + 0.85 * np.exp(-1.2 * (x * x + y * y))
    lit = np.clip(grey * lamp, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(lit, cv2.COLOR_GRAY2RGB), np.uint8)
