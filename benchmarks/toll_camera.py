"""One real camera with many labels: five recordings, each left out in turn.

    python -m benchmarks.toll_camera --images ../shared/data/images --work runs/toll

Nearly every picture of the toll camera shows a truck somewhere, so what is asked is
what the product asks: is there a truck in this gate? Two gates, one a carriageway,
are cut from every picture.

The set's boxes leave out many trucks that the edge cuts or rain dims, and call some
cars trucks. So every view was read by two readers (language models that look at
pictures), blind to boxes, networks and each other, in random order, by the rules in
``toll_readings.md``. A view is `truck` or `no_truck` where both say so, else left out:
`python -m benchmarks.toll_camera --labels boxes` asks for what the boxes say instead,
`truck` where a truck box lies in the gate by `truck_crops.MIN_INSIDE` of its area,
`no_truck` where none touches it by more than `MAX_TOUCHING`.

No picture is copied into the project: views go to the (ignored) work folder.
Writes ``benchmarks/results/toll_camera.json``.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch

from benchmarks.machine import describe
from benchmarks.truck_crops import label_window, teach_on_crops
from truckcount.training.allocator import keep_freed_memory
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.run_folder import train_run

RESULT = Path(__file__).parent / "results" / "toll_camera.json"
READINGS = Path(__file__).parent / "toll_readings.csv"
READ = {"TT": "truck", "NN": "no_truck"}
SET = "rf100_toll_id"
GATES = {"left": (32, 122, 224, 266), "right": (288, 122, 480, 266)}  # x1 y1 x2 y2, px
MAX_TOUCHING = 0.1  # of a truck box, where a view may still be without one
SCRATCH = ClassifierOptions(n_epochs=25, batch_size=32, patience=8)
PRETRAINED = ClassifierOptions(
    is_pretrained=True, input_px=128, n_epochs=12, head_epochs=2, batch_size=32
)
CROPS = "efficientnet_lite0, from crops of other cameras"  # benchmarks.truck_crops
RUNS = {
    "seed, batch norm, dropout 0.5": replace(SCRATCH, batch_norm=True, dropout=0.5),
    "mobilenet_v3_small": replace(SCRATCH, network="mobilenet_v3_small", input_px=128),
    "resnet18": replace(SCRATCH, network="resnet18", input_px=128),
    "efficientnet_lite0, pretrained": replace(PRETRAINED, network="efficientnet_lite0"),
    CROPS: ClassifierOptions(
        network="efficientnet_lite0", n_epochs=6, batch_size=32, learning_rate=3e-4
    ),
    "resnet18, pretrained": replace(PRETRAINED, network="resnet18"),
}


def label_gate(boxes: np.ndarray, gate: tuple[int, int, int, int]) -> str | None:
    """`truck`, `no_truck` or None for what cannot be told, by truck boxes (K, 4)."""
    return label_window(boxes, np.array(gate, float), MAX_TOUCHING)


def read_label(picture: str, gate: str, readings: dict[tuple[str, str], str]) -> Any:
    """`truck`, `no_truck` or None, by both readers."""
    return READ.get(readings[picture, gate])


def read_readings() -> dict[tuple[str, str], str]:
    """Return what both readers said of each picture and gate, as ``TT`` or ``NA``."""
    table = pd.read_csv(READINGS, keep_default_na=False, dtype=str)
    said = table["reader_a"] + table["reader_b"]
    return dict(
        zip(zip(table["picture"], table["gate"], strict=True), said, strict=True)
    )


def cut_views(images: Path, to: Path, labels: str) -> pd.DataFrame:
    """Cut and label the gate views; return one row each."""
    readings = read_readings()
    table = pd.read_parquet(images / "images.parquet")
    table = table[table["set"] == SET]
    boxes = pd.read_parquet(images / "boxes.parquet")
    trucks = dict(tuple(boxes[boxes["class"] == "truck"].groupby("image")))
    rows = []
    (to / "frames").mkdir(parents=True, exist_ok=True)
    for picture in table.itertuples():
        found = trucks.get(picture.image)
        mine = np.zeros((0, 4)) if found is None else found[["x1", "y1", "x2", "y2"]]
        for name, gate in GATES.items():
            label = read_label(Path(picture.image).stem, name, readings)
            if labels == "boxes":
                label = label_gate(np.asarray(mine, float), gate)
            if label is None:
                continue
            view = f"frames/{Path(picture.image).stem}_{name}.png"
            if not (to / view).exists():
                x1, y1, x2, y2 = gate
                image = cv2.imread(str(images / picture.image))
                cv2.imwrite(str(to / view), image[y1:y2, x1:x2])
            rows.append((view, name, picture.event.split("/")[-1], label))
    return pd.DataFrame(rows, columns=["image", "camera", "group", "label"])


def write_fold(to: Path, rows: pd.DataFrame, held_out: str) -> None:
    """Write the set's tables with one recording as test.

    A tenth of each other recording, its last part in time, is for validation.
    """
    rank = rows.groupby(["group", "camera"]).cumcount()
    n = rows.groupby(["group", "camera"])["image"].transform("size")
    split = np.where(rank >= 0.88 * n, "val", "train")
    split = np.where(rows["group"] == held_out, "test", split)
    light = np.where(rows["group"].str.startswith("malam"), "night", "day")
    rows[["image", "camera", "group"]].assign(
        light=light, day=rows["group"]
    ).to_parquet(to / "frames.parquet", index=False)
    rows[["image", "label"]].assign(
        p_truck=(rows["label"] == "truck").astype(np.float32),
        source="import",
        labeller=SET,
        weight=np.float32(1),
    ).to_parquet(to / "labels.parquet", index=False)
    rows[["image"]].assign(split=split, unit=rows["group"]).to_parquet(
        to / "splits.parquet", index=False
    )


def collect(work: Path, rows: pd.DataFrame, labels: str) -> dict[str, Any]:
    """Gather the finished folds; the others are not obtained."""
    runs: dict[str, Any] = {}
    for name, options in RUNS.items():
        folds: dict[str, Any] = {}
        for event in sorted(rows["group"].unique()):
            path = fold_folder(work, name, event) / "metrics.json"
            if path.exists():
                folds[event] = json.loads(path.read_text())["splits"]["test"]
            else:
                folds[event] = None
        runs[name] = {"options": asdict(options), "folds": folds}
    counts = rows.groupby("group")["label"].value_counts().unstack(fill_value=0)
    views = {str(k): {c: int(v[c]) for c in counts} for k, v in counts.iterrows()}
    return {"machine": describe(), "labels": labels, "views": views, "runs": runs}


def fold_folder(work: Path, name: str, event: str) -> Path:
    """Folder of a run with one recording left out."""
    return work / f"{name.replace(', ', '_').replace(' ', '-')}__{event}"


def main() -> None:
    """Cut views, train every fold that is not there, gather."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--labels", choices=["read", "boxes"], default="read")
    parser.add_argument("--only", action="append", choices=list(RUNS))
    parser.add_argument("--minutes", type=float, default=600.0, help="in all")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    rows = cut_views(arguments.images, arguments.work / "views", arguments.labels)
    began = time.monotonic()

    def check(_progress: object) -> None:
        if time.monotonic() - began > 60 * arguments.minutes:
            raise TimeoutError

    try:
        for name in arguments.only or RUNS:
            options = RUNS[name]
            if name == CROPS:
                start = teach_on_crops(arguments.images, arguments.work, check)
                options = replace(options, start=str(start))
            for event in sorted(rows["group"].unique()):
                folder = fold_folder(arguments.work, name, event)
                if not (folder / "metrics.json").exists():
                    write_fold(arguments.work / "views", rows, event)
                    train_run(
                        arguments.work / "views",
                        options,
                        folder,
                        device=arguments.device,
                        listener=check,
                    )
    except TimeoutError:
        print("time is over; goes on when run again")
    found = collect(arguments.work, rows, arguments.labels)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
