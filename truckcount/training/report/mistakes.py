"""The frames a network was most wrong about, as small pictures."""

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from truckcount.training.report.run_files import RunFiles
from truckcount.video.mosaic import UNKNOWN_FRACTION, make_mosaic

N_MISTAKES = 12
WIDTH_PX = 320
JPEG_QUALITY = 72


@dataclass(frozen=True, slots=True)
class Mistake:
    """One frame that was told wrongly."""

    image: str
    p: float
    label: float
    camera: str
    light: str
    uri: str
    """JPEG data URI; empty where the picture is gone."""


def worst_mistakes(
    run: RunFiles, n: int = N_MISTAKES, *, is_blurred: bool = False
) -> tuple[int, list[Mistake]]:
    """Return how many frames were told wrongly, and the worst n of them.

    Wrong is what stands on the other side of the threshold than its label of 0.5;
    the farther p is from the label, the worse.
    """
    table = run.predictions
    p, label = table["p"].to_numpy(float), table["label"].to_numpy(float)
    is_wrong = (p >= run.threshold) != (label >= 0.5)
    order = np.argsort(-np.abs(p - label), kind="stable")
    chosen = [int(k) for k in order if is_wrong[k]][:n]
    found = []
    for k in chosen:
        row = table.iloc[k]
        found.append(
            Mistake(
                image=str(row["image"]),
                p=float(p[k]),
                label=float(label[k]),
                camera=str(row.get("camera", "")),
                light=str(row.get("light", "")),
                uri=thumbnail(str(row["path"]), is_blurred=is_blurred),
            )
        )
    return int(is_wrong.sum()), found


def thumbnail(path: str, *, is_blurred: bool = False) -> str:
    """Encode a picture as a small JPEG data URI; empty where there is none."""
    image = cv2.imread(path, cv2.IMREAD_COLOR) if path else None
    if image is None:
        return ""
    if is_blurred:
        image = make_mosaic(np.asarray(image, np.uint8), UNKNOWN_FRACTION)
    height, width = image.shape[:2]
    scale = min(1.0, WIDTH_PX / width)
    size = (round(width * scale), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not ok:
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
