"""torchvision networks, with their published weights where those are asked for."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from truckcount.errors import WeightsError


def fetch(name: str, make: Callable[[], Any]) -> Any:
    """Build a torchvision network; say plainly when its weights cannot be had.

    Raises
    ------
    WeightsError
        When the weights must be downloaded and cannot, or arrive damaged.
    """
    try:
        return make()
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        msg = (
            f"the published weights of {name} cannot be had ({error}); with a network "
            f"they are kept in {torch.hub.get_dir()}/checkpoints: copy them there, or "
            "train without --pretrained"
        )
        raise WeightsError(msg) from error


def drop_batch_norm(network: nn.Module) -> None:
    """Replace batch norms by nothing and give the convolutions before them a bias.

    The bias is what a norm's shift was; it is put on every convolution without one.
    """
    for part in network.modules():
        for name, child in list(part.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(part, name, nn.Identity())
            elif isinstance(child, nn.Conv2d) and child.bias is None:
                child.bias = nn.Parameter(torch.zeros(child.out_channels))
