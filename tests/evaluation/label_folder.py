"""A label set of a few drawn frames: red boxes are trucks."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd


def write_label_set(folder: Path, n: int = 12, size=(160, 96)) -> Path:
    """Write n frames of two cameras; every other one shows a truck; the last
    third is of split ``test``, the third before it of ``val``."""
    rng = np.random.default_rng(0)
    (folder / "frames").mkdir(parents=True)
    frames, labels, splits = [], [], []
    for k in range(n):
        name, is_truck = f"frames/{k:03d}.png", k % 2 == 0
        image = rng.integers(80, 100, (size[1], size[0], 3), np.uint8)
        if is_truck:
            x = int(rng.integers(10, size[0] - 60))
            image[40:70, x : x + 40] = (40, 40, 220)  # BGR
        cv2.imwrite(str(folder / name), image)
        camera = "north" if k % 3 else "south"
        frames.append((name, camera, f"e{k}", f"2026-03-{k // 3 + 1:02d}", "day"))
        labels.append((name, "truck" if is_truck else "no_truck", None, "review", 1.0))
        splits.append((name, ("train", "val", "test")[3 * k // n]))
    columns = ["image", "camera", "group", "day", "light"]
    pd.DataFrame(frames, columns=columns).to_parquet(folder / "frames.parquet")
    columns = ["image", "label", "p_truck", "source", "weight"]
    table = pd.DataFrame(labels, columns=columns).astype({"p_truck": float})
    table["labeller"] = "me"
    table.to_parquet(folder / "labels.parquet")
    columns = ["image", "split"]
    pd.DataFrame(splits, columns=columns).to_parquet(folder / "splits.parquet")
    return folder


def relabel(folder: Path, rows) -> None:
    """Replace the labels by rows of (image number, label, p_truck, weight)."""
    pd.DataFrame(
        [
            (f"frames/{k:03d}.png", label, p, "votes", "me", weight)
            for k, label, p, weight in rows
        ],
        columns=["image", "label", "p_truck", "source", "labeller", "weight"],
    ).astype({"p_truck": float}).to_parquet(folder / "labels.parquet")
