"""Views to maps by PyTorch: on a GPU in float16, or on the CPU as the reference."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from truckcount.errors import WeightsError
from truckcount.presence.device_forward import BATCH_SIZES, DeviceForward, Pending
from truckcount.presence.runtime import Maps
from truckcount.presence.runtime_onnx import check_views
from truckcount.presence.truckmap import ConvNorm, TruckMap
from truckcount.presence.weights import Weights


def load_truckmap(weights: Weights) -> TruckMap:
    """Build the network a weights file describes and fill it."""
    state = load_file(weights.path)
    network = TruckMap(
        weights.header.trunk,
        head_channels=state["out.weight"].shape[1],
        has_refine="refine.conv.weight" in state,
        size_gain=weights.header.size_gain,
    )
    try:
        network.load_state_dict(
            {name: tensor.float() for name, tensor in state.items()}, strict=False
        )
    except RuntimeError as error:
        msg = f"{weights.path} does not fit the truckmap network: {error}"
        raise WeightsError(msg) from error
    return network.eval()


def fold_norms(network: TruckMap) -> TruckMap:
    """Merge every batch norm into its convolution, for scoring only."""
    for part in network.modules():
        if isinstance(part, ConvNorm):
            part.conv = fuse_conv_bn_eval(part.conv, part.norm)
            part.add_module("norm", nn.Identity())
    return network


class TorchRuntime:
    """A network under PyTorch.

    Parameters
    ----------
    weights : Weights
    device : str
        ``cuda`` or ``cpu``.
    dtype : torch.dtype, optional
        Of weights and activations; float16 on CUDA, float32 on a CPU. Pixels are
        exact in either: eight bits less the mean over 128. bfloat16 is as fast and
        rounds eight times as coarsely: 7 of 98 clips counted otherwise than in
        float32, 1 of them in float16 (``benchmarks.precision_counts``). Its range is
        not needed: activations of 25 real clips stay below 100.
    """

    def __init__(
        self,
        weights: Weights,
        device: str = "cuda",
        dtype: torch.dtype | None = None,
        sizes: tuple[int, ...] = BATCH_SIZES,
    ) -> None:
        self.device = device
        temperature = weights.header.temperature
        if dtype is None:
            dtype = torch.float16 if device.startswith("cuda") else torch.float32
        network = fold_norms(load_truckmap(weights)).to(device, dtype)
        network = network.to(memory_format=torch.channels_last)

        def forward(views: Tensor) -> tuple[Tensor, Tensor]:
            output = network(views.permute(0, 3, 1, 2))
            heat = torch.sigmoid(output.heat[:, 0].float() / temperature)
            return heat, torch.cat([output.size, output.offset], dim=1)

        self._forward = DeviceForward(forward, device, sizes)

    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch of shape (N, H, W, 3)."""
        return self.submit([views]).result()

    def submit(self, parts: Sequence[npt.NDArray[np.uint8]]) -> Pending:
        """Begin to score batches of one shape; ``result`` of what it returns waits."""
        for views in parts:
            check_views(views)
        return self._forward.submit(parts)
