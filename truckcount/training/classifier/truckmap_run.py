"""A label set with truck boxes to `truckmap` weights that know its cameras."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from truckcount.errors import LabelError, ModelError
from truckcount.evaluation.score_frames import predict_frames
from truckcount.presence.onnx_graph import build_truckmap_graph
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.weights import Weights, find_weights, read_header, sha256_of
from truckcount.training.calibration import to_logit
from truckcount.training.canvas import PictureDraw
from truckcount.training.classifier.frames import (
    SPLITS,
    Frames,
    fingerprint,
    read_frames,
)
from truckcount.training.classifier.predict import measure_logits
from truckcount.training.classifier.run_folder import RunResult, write_report
from truckcount.training.label_set import CLASS_OF, IGNORE, LabelledPicture
from truckcount.training.loop import TrainingOptions, train
from truckcount.training.weights_file import write_weights_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TruckMapOptions:
    """How far a label set may move the weights it starts from."""

    from_weights: str = "truckmap"
    n_steps: int = 240
    batch_size: int = 12
    learning_rate: float = 3e-4
    """A fifth of the rate that the shipped weights were trained at."""
    n_workers: int = 0
    seed: int = 0


def train_truckmap_run(
    set_folder: Path, options: TruckMapOptions, folder: Path
) -> RunResult:
    """Train on the boxes of a set's training split; measure on all splits.

    The folder then holds ``config.json``, ``metrics.json``, ``predictions.parquet``,
    ``truckmap.safetensors``, its graph and the report. Run again, it goes on
    where it stopped.

    Raises
    ------
    LabelError
        When no frame of the training split has a truck box.
    """
    frames = read_frames(set_folder)
    base = find_weights(options.from_weights)
    pictures = list(read_pictures(frames))
    n_boxed = sum(bool((p.classes == 0).any()) for p in pictures)
    if not n_boxed:
        msg = (
            f"{set_folder}: no training frame has a truck box, which truckmap learns "
            "from; draw some with `truckcount label review`, or train a classifier "
            "with `--network seed`"
        )
        raise LabelError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    digest = fingerprint(frames)
    facts = {
        "set": str(set_folder.resolve()),
        "data_fingerprint": digest,
        "frames": {s: len(frames.rows_of(s)) for s in SPLITS},
        "pictures": {"all": len(pictures), "with_truck_box": n_boxed},
        "options": asdict(options),
        "from": base.model_id,
    }
    (folder / "config.json").write_text(json.dumps(facts, indent=1) + "\n")
    network = load_truckmap(base)
    chosen = TrainingOptions(
        n_steps=options.n_steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        n_workers=options.n_workers,
        seed=options.seed,
        view_size=base.header.view_size,
        warmup_steps=min(20, options.n_steps // 4),
        checkpoint_every=max(1, min(50, options.n_steps // 2)),
        log_every=10,
    )
    average = train(
        network, PictureDraw({"set": pictures}, {"set": 1.0}), chosen, folder
    )
    told = f"{options.n_steps} steps on {len(pictures)} frames from {base.model_id}"
    path = folder / "truckmap.safetensors"
    _export(average.state_dict(), base, path, digest, told)
    metrics = {
        "network": "truckmap",
        "weights_sha256": sha256_of(path),
        "splits": _measure(frames, find_weights(str(path)), folder),
        "splits_before": _measure(frames, base, None),
    }
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    return RunResult(
        folder=folder, weights=path, metrics=metrics, report=write_report(folder)
    )


def read_pictures(frames: Frames) -> Iterator[LabelledPicture]:
    """Yield training frames with their boxes: those of all classes.

    A frame said to show a truck but without a box of one is left out: it would teach
    that there is none. A frame without a truck teaches by its emptiness.
    """
    import pandas as pd

    path = frames.folder / "boxes.parquet"
    grouped = {}
    if path.is_file():
        grouped = dict(tuple(pd.read_parquet(path).groupby("image")))
    for row in frames.rows_of("train"):
        image = frames.images[row]
        boxes, classes = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        if image in grouped:
            rows = grouped[image]
            boxes = rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
            names = rows["class"]
            classes = np.array([CLASS_OF.get(c, IGNORE - 1) for c in names], np.int64)
        says_truck = frames.p_truck[row] >= 0.5
        if says_truck != bool((classes == 0).any()) or 0.2 < frames.p_truck[row] < 0.8:
            continue
        yield LabelledPicture(
            image=frames.read(int(row)),
            boxes=boxes,
            classes=classes,
            group=str(frames.camera[row]),
            name=image,
        )


def _export(
    state: dict[str, Any], base: Weights, path: Path, digest: str, told: str
) -> None:
    """Write weights as the base's header says, and their graph."""
    try:
        import onnx
    except ImportError as error:
        msg = "exporting needs the package onnx; pip install 'truckcount[train]'"
        raise ModelError(msg) from error
    header, _ = read_header(base.path)
    tensors = {
        name: tensor.half().contiguous()
        for name, tensor in state.items()
        if tensor.dtype.is_floating_point
    }
    metadata = {
        "name": "truckmap-own",
        "network": header.network,
        "trunk": json.dumps(header.trunk),
        "classes": json.dumps(header.classes),
        "view_size": json.dumps(header.view_size),
        "mean_std": json.dumps([127.0, 128.0]),
        "temperature": str(header.temperature),
        "thresholds": json.dumps(dict(header.thresholds)),
        "licence": header.licence,
        "data_fingerprint": digest,
        "training": told,
    }
    write_weights_file(path, tensors, metadata)
    model = build_truckmap_graph(path, [list(row) for row in header.trunk])
    path.with_suffix(".onnx").write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(path.with_suffix(".onnx")))


def _measure(frames: Frames, weights: Weights, folder: Path | None) -> dict[str, Any]:
    """Score all splits by the largest map value of the whole picture."""
    import pandas as pd

    table = pd.DataFrame(
        {
            "path": [str(frames.folder / image) for image in frames.images],
            "image": [str((frames.folder / i).resolve()) for i in frames.images],
            "split": frames.split,
            "camera": frames.camera,
            "light": frames.light,
            "label": frames.p_truck.astype(np.float32),
        }
    )
    size = weights.header.view_size
    p = predict_frames(table, OnnxRuntime(weights), size, {})
    if folder is not None:
        table["p"] = p.astype(np.float32)
        table.drop(columns="path").to_parquet(
            folder / "predictions.parquet", index=False
        )
    logits = to_logit(p)
    return {
        split: asdict(measure_logits(logits[mine], frames.p_truck[mine]))
        for split in SPLITS
        if (mine := frames.split == split).any()
    }
