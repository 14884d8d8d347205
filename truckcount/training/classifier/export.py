"""A trained classifier to a weights file and a graph that points into it."""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from truckcount.errors import ModelError
from truckcount.presence.onnx_graph import OPSET
from truckcount.presence.weights import find_weights, sha256_of
from truckcount.presence.zoo.classifier import ViewClassifier
from truckcount.training.weights_file import write_weights_file

MULTIPLE_PX = 32
LICENCE = "as the label set allows; these weights carry no licence of their own"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFacts:
    """What a weights file says of a classifier beside its tensors."""

    name: str
    data_fingerprint: str
    training: str
    temperature: float = 1.0
    thresholds: dict[str, float] = field(default_factory=dict)
    thresholds_by: str = ""
    licence: str = LICENCE
    config: dict[str, object] = field(default_factory=dict)


class _Scored(nn.Module):
    """Views as a decoder gives them to what :class:`Maps` holds of a classifier."""

    def __init__(self, network: ViewClassifier, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Return heat (N, 1, 1) and box (N, 4, 1, 1) of views (N, H, W, 3)."""
        logits = self.network(views.permute(0, 3, 1, 2))
        heat = torch.sigmoid(logits / self.temperature)[:, None, None]
        return heat, heat[:, None].expand(-1, 4, -1, -1) * 0.0


def view_size_of(network: ViewClassifier) -> tuple[int, int]:
    """Largest gate view: the network's input, up to the next multiple of 32 px."""
    side = -(-network.input_px // MULTIPLE_PX) * MULTIPLE_PX
    return side, side


def export_classifier(network: ViewClassifier, path: Path, facts: ExportFacts) -> str:
    """Write ``path`` (.safetensors) and the ``.onnx`` graph beside it.

    Returns
    -------
    str
        The weights' sha256.

    Raises
    ------
    ModelError
        When the package ``onnx`` (extra `train`) is missing.
    """
    network = network.to("cpu").eval()
    state = {
        # what training alone needs stays out: auxiliary heads, counts of batches
        name: tensor.float().contiguous()
        for name, tensor in network.state_dict().items()
        if tensor.dtype.is_floating_point and ".aux" not in name
    }
    metadata = {
        "name": facts.name,
        "network": network.name,
        "trunk": "[]",
        "classes": json.dumps(["truck"]),
        "view_size": json.dumps(view_size_of(network)),
        "input_px": str(network.input_px),
        "temperature": str(facts.temperature),
        "thresholds": json.dumps(facts.thresholds),
        "thresholds_by": facts.thresholds_by,
        "licence": facts.licence,
        "data_fingerprint": facts.data_fingerprint,
        "training": facts.training,
        "config": json.dumps(facts.config),
    }
    write_weights_file(path, state, metadata)
    write_graph(network, path, facts.temperature)
    find_weights(str(path))  # it can be opened as `run --model` will open it
    return sha256_of(path)


def write_graph(network: ViewClassifier, weights: Path, temperature: float) -> None:
    """Write the graph; tensors that the weights file holds are not written twice."""
    try:
        import onnx
    except ImportError as error:
        msg = "exporting needs the package onnx; pip install 'truckcount[train]'"
        raise ModelError(msg) from error
    graph_path = weights.with_suffix(".onnx")
    draft = graph_path.with_name(f".{graph_path.name}.tmp")
    view = torch.zeros((1, *view_size_of(network), 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of the exporter's age: it is what opset 17 has
        torch.onnx.export(
            _Scored(network, temperature).eval(),
            (view,),
            str(draft),
            input_names=["views"],
            output_names=["heat", "box"],
            dynamic_axes={
                "views": {0: "n", 1: "h", 2: "w"},
                "heat": {0: "n"},
                "box": {0: "n"},
            },
            opset_version=OPSET,
            dynamo=False,
            # norms stay apart from convolutions, so that tensors keep their names
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    model = onnx.load(str(draft))
    draft.unlink()
    model.ir_version = 9  # the newest that onnxruntime 1.18 reads
    _point_into(model, weights)
    graph_path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(graph_path))


def _point_into(model: object, weights: Path) -> None:
    """Replace tensors that the weights file holds by the places where it holds them."""
    import struct

    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    for tensor in model.graph.initializer:  # type: ignore[attr-defined]
        spec = header.get(tensor.name.removeprefix("network."))
        if spec is None or not tensor.raw_data:
            continue
        begin, end = spec["data_offsets"]
        if len(tensor.raw_data) != end - begin:
            continue
        tensor.ClearField("raw_data")
        tensor.data_location = 1  # external
        for key, value in (
            ("location", weights.name),
            ("offset", str(8 + length + begin)),
            ("length", str(end - begin)),
        ):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
