"""Clean renders to what a cheap camera and its encoder make of them."""

import av
import cv2
import numpy as np


def shade(image, rng, noise=4.0, is_soft=True):
    """Add lens softness, vignette, read noise; image uint8 (H, W, 3) RGB."""
    h, w = image.shape[:2]
    out = image.astype(np.float32)
    if is_soft:
        out = cv2.GaussianBlur(out, (0, 0), 0.6)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    r2 = ((x - w / 2) / (w / 2)) ** 2 + ((y - h / 2) / (h / 2)) ** 2
    out *= (1 - 0.10 * r2)[:, :, None]
    grain = rng.normal(0, 1, (h, w)).astype(np.float32)
    colour = rng.normal(0, 0.4, (h, w, 3)).astype(np.float32)
    level = noise * (1.25 - out.mean(2) / 400)
    out += (grain * level)[:, :, None] + colour * noise * 0.5
    return np.clip(out, 0, 255).astype(np.uint8)


def rain(image, rng, n=180):
    """Draw streaks and take contrast."""
    h, w = image.shape[:2]
    out = image.astype(np.float32) * 0.72 + 48
    layer = np.zeros((h, w), np.uint8)
    for _ in range(n):
        x, y = rng.integers(-10, w), rng.integers(-20, h)
        length = int(rng.integers(6, 20))
        cv2.line(layer, (int(x), int(y)), (int(x - length * 0.18), int(y + length)), int(rng.integers(30, 110)), 1)
    layer = cv2.GaussianBlur(layer, (3, 3), 0).astype(np.float32)
    return np.clip(out + layer[:, :, None] * 0.55, 0, 255).astype(np.uint8)


def glow(image, threshold=225, strength=0.5):
    """Bloom what is brighter than the sensor can hold: headlights at night."""
    bright = np.where(image.max(2, keepdims=True) > threshold, image, 0).astype(np.float32)
    halo = cv2.GaussianBlur(bright, (0, 0), 5) + 0.6 * cv2.GaussianBlur(bright, (0, 0), 14)
    return np.clip(image + strength * halo, 0, 255).astype(np.uint8)


def clock(image, text):
    """Burn a clock into the picture, as recorders do."""
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(image, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, width, cv2.LINE_AA)
    return image


class Encoder:
    """Writes H.264 with B-frames, as a recorder would."""

    def __init__(self, path, width, height, fps, crf=27):
        self._file = av.open(str(path), "w")
        self._stream = self._file.add_stream("libx264", rate=fps)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": str(crf), "preset": "slow", "g": "50"}

    def add(self, image):
        """Encode one RGB frame."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        for packet in self._stream.encode(frame):
            self._file.mux(packet)

    def close(self):
        """Flush."""
        for packet in self._stream.encode():
            self._file.mux(packet)
        self._file.close()
