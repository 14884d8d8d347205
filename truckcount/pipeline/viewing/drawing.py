"""Gates, boxes and counts onto pictures."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Gate

UInt8Array = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

GATE: Colour = (255, 209, 71)
TRUCK: Colour = (64, 224, 120)
WEAK: Colour = (150, 160, 170)
COUNTED: Colour = (255, 255, 255)
SHADE: Colour = (18, 22, 28)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_gate(image: UInt8Array, gate: Gate) -> None:
    """Draw a gate's outline, name and `in` arrow in place."""
    height, width = image.shape[:2]
    corners = np.array([(x * width, y * height) for x, y in gate.polygon])
    veil = image.copy()
    cv2.fillPoly(veil, [corners.round().astype(np.int32)], GATE)
    cv2.addWeighted(veil, 0.08, image, 0.92, 0, dst=image)
    points = [corners.round().astype(np.int32)]
    cv2.polylines(image, points, True, GATE, 1, cv2.LINE_AA)  # noqa: FBT003
    top = corners[corners[:, 1].argmin()]
    label(image, gate.name, (int(top[0]) + 4, max(int(top[1]) - 6, 14)), GATE)
    if gate.in_vector is not None:
        vector = np.array([gate.in_vector[0] * width, gate.in_vector[1] * height])
        vector *= 0.12 * width / max(float(np.linalg.norm(vector)), 1e-6)
        middle = corners.mean(axis=0)
        a, b = (middle - vector / 2).astype(int), (middle + vector / 2).astype(int)
        cv2.arrowedLine(image, tuple(a), tuple(b), GATE, 2, cv2.LINE_AA, tipLength=0.25)
        label(image, "in", (int(b[0]) + 4, int(b[1])), GATE)


def draw_box(
    image: UInt8Array, box: Sequence[float], text: str, colour: Colour
) -> None:
    """Draw a box given as centre and size in fractions of the picture."""
    height, width = image.shape[:2]
    x, y, w, h = box
    a = (round((x - w / 2) * width), round((y - h / 2) * height))
    b = (round((x + w / 2) * width), round((y + h / 2) * height))
    cv2.rectangle(image, a, b, colour, 1, cv2.LINE_AA)
    if text:
        label(image, text, (a[0], max(a[1] - 4, 12)), colour)


def label(image: UInt8Array, text: str, place: tuple[int, int], colour: Colour) -> None:
    """Write small text on a dark ground, so that it reads on any picture."""
    scale = max(0.38, image.shape[1] / 1600)
    (w, h), base = cv2.getTextSize(text, FONT, scale, 1)
    x, y = place
    x = min(max(x, 0), max(image.shape[1] - w - 4, 0))
    cv2.rectangle(image, (x - 2, y - h - 3), (x + w + 2, y + base - 1), SHADE, -1)
    cv2.putText(image, text, (x, y), FONT, scale, colour, 1, cv2.LINE_AA)


def draw_banner(image: UInt8Array, text: str) -> None:
    """Write a line along the lower edge."""
    height, width = image.shape[:2]
    scale = max(0.45, width / 1300)
    (_, h), _ = cv2.getTextSize(text, FONT, scale, 1)
    band = image[height - h - 14 :]
    band[:] = (band * 0.35).astype(np.uint8)
    cv2.putText(image, text, (8, height - 8), FONT, scale, COUNTED, 1, cv2.LINE_AA)


def draw_map(view: UInt8Array, heat: npt.NDArray[np.float32]) -> UInt8Array:
    """Return a view with its truck map over it, scaled up to be looked at."""
    size = (view.shape[1] * 2, view.shape[0] * 2)
    large = cv2.resize(view, size, interpolation=cv2.INTER_CUBIC)
    glow = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR).clip(0, 1)
    tint = cv2.applyColorMap((glow * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = (0.75 * glow)[:, :, None]
    mixed = large * (1 - share) + tint[:, :, ::-1] * share
    return np.asarray(mixed, np.uint8)
