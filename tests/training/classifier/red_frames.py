"""A label set of tiny drawn frames: a red box is a truck, a grey one is not."""

import cv2
import numpy as np
import pandas as pd

SIDE_PX = 72


def write_red_set(
    folder, n=24, *, has_boxes=True, splits=None, seed=0, size=(96, SIDE_PX)
):
    """Write n frames, every other one with a truck; two in three train."""
    rng = np.random.default_rng(seed)
    (folder / "frames").mkdir(parents=True)
    rows, boxes = [], []
    for k in range(n):
        name, is_truck = f"frames/{k:03d}.png", k % 2 == 0
        image = rng.integers(70, 110, (size[1], size[0], 3), np.uint8)
        x, y = (int(v) for v in rng.integers(4, 40, 2))
        image[y : y + 24, x : x + 36] = (40, 40, 220) if is_truck else (150, 150, 150)
        cv2.imwrite(str(folder / name), image)
        kind = "truck" if is_truck else "car"
        boxes.append((name, kind, x, y, x + 36, y + 24))
        split = ("train", "train", "train", "train", "val", "test")[(k // 2) % 6]
        rows.append((name, "north", "day", is_truck, split))
    table = pd.DataFrame(rows, columns=["image", "camera", "light", "truck", "split"])
    if splits is not None:
        table["split"] = splits
    table[["image", "camera", "light"]].assign(group="g", day="2026-03-02").to_parquet(
        folder / "frames.parquet"
    )
    table[["image"]].assign(
        label=np.where(table["truck"], "truck", "no_truck"),
        p_truck=table["truck"].astype("float32"),
        source="person",
        labeller="me",
        weight=np.float32(1),
    ).to_parquet(folder / "labels.parquet")
    table[["image", "split"]].assign(unit="u").to_parquet(folder / "splits.parquet")
    if has_boxes:
        columns = ["image", "class", "x1", "y1", "x2", "y2"]
        pd.DataFrame(boxes, columns=columns).to_parquet(folder / "boxes.parquet")
    return folder
