"""A trained truck map to a run's files: weights, graph, predictions, figures."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from truckcount.counting import CountingOptions
from truckcount.errors import ModelError
from truckcount.evaluation.score_frames import predict_frames
from truckcount.presence.onnx_graph import build_truckmap_graph
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.weights import Weights, find_weights, read_header
from truckcount.training.calibration import to_logit
from truckcount.training.classifier.frames import SPLITS, Frames, Gates, frame_table
from truckcount.training.classifier.predict import measure_logits
from truckcount.training.weights_file import write_weights_file


@dataclass(frozen=True, slots=True, kw_only=True)
class TruckMapFacts:
    """What a run's weights say of themselves beside what their start says."""

    data_fingerprint: str
    training: str
    thresholds: Mapping[str, float]
    thresholds_by: str
    """What the thresholds, or the scores that they cut, were chosen by."""


def on_score_of(weights: Weights) -> float:
    """Probability from which on these weights say truck."""
    return CountingOptions().with_overrides(weights.header.thresholds).on_score


def export_truckmap(
    state: Mapping[str, Tensor], base: Weights, path: Path, facts: TruckMapFacts
) -> Weights:
    """Write weights of the base's network, and the graph that points into them.

    Raises
    ------
    ModelError
        When the package ``onnx`` (extra `train`) is missing.
    """
    try:
        import onnx
    except ImportError as error:
        msg = "exporting needs the package onnx; pip install 'truckcount[train]'"
        raise ModelError(msg) from error
    header, _ = read_header(base.path)
    tensors = {
        name: tensor.detach().half().contiguous()
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
        "size_gain": str(header.size_gain),
        "thresholds": json.dumps(dict(facts.thresholds)),
        "thresholds_by": facts.thresholds_by,
        "licence": header.licence,
        "data_fingerprint": facts.data_fingerprint,
        "training": facts.training,
    }
    write_weights_file(path, tensors, metadata)
    model = build_truckmap_graph(path, [list(row) for row in header.trunk])
    path.with_suffix(".onnx").write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(path.with_suffix(".onnx")))
    return find_weights(str(path))


def measure_splits(
    frames: Frames, weights: Weights, gates: Gates, folder: Path | None = None
) -> dict[str, Any]:
    """Score all splits by the largest map value in the gates, as counting does.

    Parameters
    ----------
    folder : Path, optional
        Write ``predictions.parquet`` here.
    """
    table = frame_table(frames)
    table["path"] = table["image"]
    p = predict_frames(table, OnnxRuntime(weights), weights.header, gates)
    if folder is not None:
        table["p"] = p.astype(np.float32)
        path = folder / "predictions.parquet"
        table.drop(columns="path").to_parquet(path, index=False)
    logits = to_logit(p)
    border = float(to_logit(on_score_of(weights)))
    return {
        split: asdict(measure_logits(logits[mine], frames.p_truck[mine], border))
        for split in SPLITS
        if (mine := frames.split == split).any()
    }
