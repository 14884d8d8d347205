"""Labelled pictures of many cameras to a label set of crops: truck or no truck.

    python -m benchmarks.truck_crops --images ../shared/data/images --to runs/crops

A classifier that has seen lorries of other cameras starts better on the few hundred
frames of one's own (`truckcount train --from`). Every truck gives crops in which most
of it is seen, at several sizes; others show cars, buses or road and no part of a truck.
Sets whose background is no negative (``boxes_complete``) give trucks, and what lies in
boxes of other classes. The toll camera is left out: it is what is reported on.

Crops are written to the (ignored) work folder, not into the project.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from truckcount.training.classifier.loop import Listener
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.run_folder import train_run

LEFT_OUT = "rf100_toll_id"
OUT_PX = (192, 144)  # width, height: as the toll camera's gates
CROPS_A_TRUCK = 6
CROPS_OF = {"car": 4, "bus": 4, "van": 4}
"""Crops a picture; buses and vans are rare and look most like trucks."""
HEIGHT_SHARE = (0.2, 0.75)  # of the crop, of what it is drawn around
MIN_INSIDE, MAX_TOUCHING = 0.6, 0.02
LEAST_PX = 16  # smaller boxes show nothing
SEED = 96
MOST = 450  # of a set and label
TEACHER = ClassifierOptions(
    network="efficientnet_lite0",
    is_pretrained=True,
    body_factor=0.3,
    input_px=128,
    n_epochs=3,
    batch_size=32,
    patience=0,
)

Box = npt.NDArray[np.float64]


def draw_crop(rng: np.random.Generator, around: Box, size: tuple[int, int]) -> Box:
    """Draw a 4:3 window, shape (4,), of the picture that holds most of a box.

    Parameters
    ----------
    around : shape (4,), x1 y1 x2 y2 in pixels
    size : width and height of the picture
    """
    aspect = OUT_PX[0] / OUT_PX[1]
    width, height = around[2:] - around[:2]
    tall = max(height, width / aspect) / rng.uniform(*HEIGHT_SHARE)
    tall = min(tall, size[1], size[0] / aspect)
    window = np.array([tall * aspect, tall])
    free = np.maximum(window - [width, height], 0)
    middle = (around[:2] + around[2:]) / 2 + rng.uniform(-0.5, 0.5, 2) * free
    middle = np.clip(middle, window / 2, size - window / 2)
    return np.concatenate([middle - window / 2, middle + window / 2])


def shares_inside(boxes: Box, window: Box) -> Box:
    """Share of each box, shape (K, 4), that lies in a window; shape (K,)."""
    low = np.maximum(boxes[:, :2], window[:2])
    high = np.minimum(boxes[:, 2:], window[2:])
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=1) / area)


def label_window(trucks: Box, window: Box, most_touching: float) -> str | None:
    """`truck`, `no_truck`, or None where it cannot be told, by truck boxes (K, 4)."""
    share = shares_inside(trucks, window)
    if (share >= MIN_INSIDE).any():
        return "truck"
    return None if (share > most_touching).any() else "no_truck"


def cut(picture: npt.NDArray[np.uint8], window: Box) -> npt.NDArray[np.uint8]:
    """Cut a window, its parts beyond the picture mirrored, to ``OUT_PX``."""
    x1, y1, x2, y2 = window
    scale = np.array([OUT_PX[0] / (x2 - x1), OUT_PX[1] / (y2 - y1)])
    matrix = np.array([[scale[0], 0, -x1 * scale[0]], [0, scale[1], -y1 * scale[1]]])
    if scale.max() < 0.6:  # warping alone would leave out lines of a large picture
        blur = 0.4 / scale.min()
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.uint8)
    out = cv2.warpAffine(
        picture, matrix, OUT_PX, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(out, np.uint8)


def write_crops(images: Path, to: Path, most: int) -> pd.DataFrame:
    """Write the label set, at most so many of a set and label; return its rows."""
    rng = np.random.default_rng(SEED)
    table = pd.read_parquet(images / "images.parquet")
    table = table[table["set"] != LEFT_OUT]
    boxes = pd.read_parquet(images / "boxes.parquet")
    boxes = boxes[(boxes["y2"] - boxes["y1"]) >= LEAST_PX]
    found = dict(tuple(boxes.groupby("image")))
    (to / "frames").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, row in enumerate(table.itertuples()):
        mine = found.get(row.image)
        picture = cv2.imread(str(images / row.image))
        if picture is None or mine is None:
            continue
        size = (picture.shape[1], picture.shape[0])
        corners = mine[["x1", "y1", "x2", "y2"]].to_numpy(float)
        is_truck = (mine["class"] == "truck").to_numpy()
        is_complete = not str(row.boxes_complete).startswith("main")
        windows = [
            draw_crop(rng, box, size)
            for box in corners[is_truck]
            for _ in range(CROPS_A_TRUCK)
        ]
        for kind, n in CROPS_OF.items():
            others = corners[(mine["class"] == kind).to_numpy()]
            if not len(others):
                continue
            for box in others[rng.integers(0, len(others), n)]:
                # a background that may hold unboxed trucks is kept out of the crop
                window = draw_crop(rng, box, size)
                windows.append(window if is_complete else widen(box))
        for k, window in enumerate(windows):
            label = label_window(corners[is_truck], window, MAX_TOUCHING)
            if label is None:
                continue
            name = f"frames/{number:05d}_{k:02d}.jpg"
            cv2.imwrite(str(to / name), cut(picture, window))
            rows.append((name, row.set, f"{row.set}/{row.group}", label))
    frame = pd.DataFrame(rows, columns=["image", "camera", "group", "label"])
    drawn = frame.sample(frac=1, random_state=SEED)
    frame = drawn.groupby(["camera", "label"]).head(most).sort_values("image")
    write_tables(to, frame, rng)
    return frame


def widen(box: Box) -> Box:
    """Return a 4:3 window just around a box."""
    middle, span = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    tall = 1.15 * max(span[1], span[0] * OUT_PX[1] / OUT_PX[0])
    half = np.array([tall * OUT_PX[0] / OUT_PX[1], tall]) / 2
    return np.concatenate([middle - half, middle + half])


def write_tables(to: Path, rows: pd.DataFrame, rng: np.random.Generator) -> None:
    """Write the set's tables, a tenth of the groups for validation and for test."""
    groups = rng.permutation(sorted(rows["group"].unique()))
    n = max(1, len(groups) // 10)
    of = dict.fromkeys(groups, "train")
    of |= dict.fromkeys(groups[:n], "val") | dict.fromkeys(groups[n : 2 * n], "test")
    rows[["image", "camera", "group"]].assign(
        light="day", day=rows["group"]
    ).to_parquet(to / "frames.parquet", index=False)
    rows[["image", "label"]].assign(
        p_truck=(rows["label"] == "truck").astype(np.float32),
        source="import",
        labeller="boxes",
        weight=np.float32(1),
    ).to_parquet(to / "labels.parquet", index=False)
    rows[["image"]].assign(split=rows["group"].map(of), unit=rows["group"]).to_parquet(
        to / "splits.parquet", index=False
    )


def teach_on_crops(images: Path, work: Path, listener: Listener | None = None) -> Path:
    """Train on crops what the toll camera's run starts from; return its folder.

    Parameters
    ----------
    images : folder of labelled pictures, as `data.md` tells
    work : folder that keeps crops and run; what is there is not made again
    """
    if not (work / "crops" / "splits.parquet").exists():
        write_crops(images, work / "crops", MOST)
    folder = work / "crops_run"
    if not (folder / "metrics.json").exists():
        train_run(work / "crops", TEACHER, folder, listener=listener)
    return folder


def main() -> None:
    """Write the set and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--most", type=int, default=MOST, help="of a set and label")
    arguments = parser.parse_args()
    rows = write_crops(arguments.images, arguments.to, arguments.most)
    print(rows.groupby(["camera", "label"]).size().unstack(fill_value=0))


if __name__ == "__main__":
    main()
