"""What light, lens, sensor and encoder do to a training view."""

import cv2
import numpy as np
import numpy.typing as npt

UInt8Image = npt.NDArray[np.uint8]


def disturb(rng: np.random.Generator, image: UInt8Image) -> UInt8Image:
    """Change a view as traffic cameras do; boxes stay true.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3), RGB
    """
    out = _tone(rng, image)
    if rng.random() < 0.08:
        grey = cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)
        out = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.10:  # fog and glare take contrast, not shape
        veil = rng.uniform(90, 220)
        share = rng.uniform(0.15, 0.55)
        out = cv2.convertScaleAbs(out, alpha=1 - share, beta=veil * share)
    if rng.random() < 0.22:
        k = int(rng.choice([3, 3, 5]))
        out = cv2.GaussianBlur(out, (k, k), 0)
    if rng.random() < 0.08:
        out = cv2.filter2D(out, -1, _motion_kernel(rng))
    if rng.random() < 0.40:  # small cameras scaled up
        h, w = out.shape[:2]
        f = rng.uniform(0.3, 0.9)
        small = cv2.resize(
            out, (max(8, int(w * f)), max(8, int(h * f))), interpolation=cv2.INTER_AREA
        )
        out = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.30:
        noise = rng.normal(0, rng.uniform(2, 12), out.shape[:2]).astype(np.float32)
        out = np.clip(out + noise[:, :, None], 0, 255).astype(np.uint8)
    if rng.random() < 0.45:
        quality = int(rng.uniform(18, 75))
        ok, data = cv2.imencode(
            ".jpg", out[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality]
        )
        if ok:
            out = cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1]
    return np.ascontiguousarray(out)


def _tone(rng: np.random.Generator, image: UInt8Image) -> UInt8Image:
    levels = np.arange(256, dtype=np.float32) / 255.0
    gamma = float(np.exp(rng.uniform(-0.45, 0.45)))
    gain, shift = rng.uniform(0.65, 1.3), rng.uniform(-0.12, 0.12)
    if rng.random() < 0.08:  # night: dark, with a lit rest
        gain, gamma = rng.uniform(0.25, 0.55), rng.uniform(1.1, 1.8)
    curves = []
    for _ in range(3):
        tint = rng.uniform(0.92, 1.08)
        curve = np.clip((levels**gamma) * gain * tint + shift, 0, 1) * 255
        curves.append(curve.astype(np.uint8))
    out = cv2.LUT(image, np.stack(curves, axis=1)[:, None, :])
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(out, cv2.COLOR_RGB2HSV)
        hsv[:, :, 0] = (hsv[:, :, 0].astype(np.int16) + int(rng.integers(-9, 10))) % 180
        s = hsv[:, :, 1].astype(np.float32) * rng.uniform(0.4, 1.5)
        hsv[:, :, 1] = np.clip(s, 0, 255).astype(np.uint8)
        out = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.asarray(out, np.uint8)


def _motion_kernel(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    n = int(rng.choice([5, 7]))
    kernel = np.zeros((n, n), np.float32)
    angle = rng.uniform(0, np.pi)
    d = (n // 2) * np.array([np.cos(angle), np.sin(angle)])
    c = n // 2
    start = (round(c - d[0]), round(c - d[1]))
    end = (round(c + d[0]), round(c + d[1]))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)
