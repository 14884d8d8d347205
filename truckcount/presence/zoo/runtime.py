"""Whole-view scores by PyTorch: on a GPU in bf16, or on the CPU as the reference."""

import json
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor

from truckcount.errors import WeightsError
from truckcount.presence.device_forward import DeviceForward, Pending
from truckcount.presence.runtime import Maps
from truckcount.presence.runtime_onnx import check_views
from truckcount.presence.weights import Weights
from truckcount.presence.zoo.classifier import ViewClassifier
from truckcount.presence.zoo.factory import build_network


def load_classifier(weights: Weights) -> ViewClassifier:
    """Build the classifier a weights file describes and fill it.

    Raises
    ------
    WeightsError
        When its tensors are not those of its network.
    """
    with weights.path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        told = json.loads(file.read(length))["__metadata__"]
    config = json.loads(told.get("config", "{}"))
    network = build_network(
        weights.header.network,
        dropout=float(config.get("dropout", 0.0)),
        batch_norm=config.get("batch_norm"),
        input_px=config.get("input_px"),
    )
    try:
        result = network.load_state_dict(load_file(weights.path), strict=False)
    except RuntimeError as error:
        msg = f"{weights.path} does not fit {weights.header.network}: {error}"
        raise WeightsError(msg) from error
    # auxiliary heads and counts of batches are training's alone
    missing = [
        name
        for name in result.missing_keys
        if ".aux" not in name and not name.endswith("num_batches_tracked")
    ]
    if missing or result.unexpected_keys:
        msg = (
            f"{weights.path} does not fit {weights.header.network}: it lacks {missing} "
            f"and has {result.unexpected_keys}"
        )
        raise WeightsError(msg)
    return network.eval()


class ClassifierRuntime:
    """A classifier under PyTorch: one score a view, as a map of one cell.

    Parameters
    ----------
    weights : Weights
    device : str
        ``cuda`` or ``cpu``.
    """

    def __init__(self, weights: Weights, device: str = "cuda") -> None:
        self.device = device
        temperature = weights.header.temperature
        network = load_classifier(weights).to(device)
        network = network.to(memory_format=torch.channels_last)
        is_half = device.startswith("cuda")

        def forward(views: Tensor) -> tuple[Tensor, Tensor]:
            # no cache: a recorded graph would point into casts that are gone
            with torch.autocast(
                device, torch.bfloat16, enabled=is_half, cache_enabled=False
            ):
                logits = network(views.permute(0, 3, 1, 2))
            heat = torch.sigmoid(logits.float() / temperature)[:, None, None]
            return heat, heat.new_zeros((len(heat), 4, 1, 1))

        self._forward = DeviceForward(forward, device)

    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch of shape (N, H, W, 3)."""
        return self.submit([views]).result()

    def submit(self, parts: Sequence[npt.NDArray[np.uint8]]) -> Pending:
        """Begin to score batches of one shape; ``result`` of what it returns waits."""
        for views in parts:
            check_views(views, multiple_px=1)
        return self._forward.submit(parts)
