"""Views to maps by PyTorch: on a GPU in bf16, or on the CPU as the reference."""

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from truckcount.errors import WeightsError
from truckcount.presence.runtime import Maps
from truckcount.presence.runtime_onnx import check_views
from truckcount.presence.truckmap import TruckMap
from truckcount.presence.weights import Weights


def load_truckmap(weights: Weights) -> TruckMap:
    """Build the network a weights file describes and fill it."""
    state = load_file(weights.path)
    network = TruckMap(
        weights.header.trunk,
        head_channels=state["out.weight"].shape[1],
        has_refine="refine.conv.weight" in state,
    )
    try:
        network.load_state_dict(
            {name: tensor.float() for name, tensor in state.items()}, strict=False
        )
    except RuntimeError as error:
        msg = f"{weights.path} does not fit the truckmap network: {error}"
        raise WeightsError(msg) from error
    return network.eval()


class TorchRuntime:
    """A network under PyTorch.

    Parameters
    ----------
    weights : Weights
    device : str
        ``cuda`` or ``cpu``.
    """

    def __init__(self, weights: Weights, device: str = "cuda") -> None:
        self.device = device
        self._temperature = weights.header.temperature
        network = load_truckmap(weights).to(device)
        self._network = network.to(memory_format=torch.channels_last)
        self._type = torch.bfloat16 if device == "cuda" else torch.float32

    @torch.inference_mode()
    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch of shape (N, H, W, 3)."""
        check_views(views)
        batch = torch.from_numpy(views).permute(0, 3, 1, 2).to(self.device)
        with torch.autocast(
            self.device, self._type, enabled=self._type != torch.float32
        ):
            output = self._network(batch)
        heat = torch.sigmoid(output.heat[:, 0] / self._temperature)
        box = torch.cat([output.size, output.offset], dim=1)
        return Maps(heat.float().cpu().numpy(), box.float().cpu().numpy())
