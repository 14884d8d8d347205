"""torchvision networks, with their published weights where those are asked for."""

from typing import Any

import torch
from torch import nn

from truckcount.errors import WeightsError
from truckcount.presence.published_weights import load_published


def load_weights(name: str, network: nn.Module, weights: Any | None) -> Any:
    """Give a torchvision network its published weights.

    torchvision's own ``weights=`` would read them as a pickle, code and all.

    Parameters
    ----------
    network : Module
        For ImageNet's 1,000 classes.
    weights : torchvision.models.WeightsEnum, optional
        None leaves the network as it is.

    Raises
    ------
    WeightsError
        When they must be downloaded and cannot, or arrive damaged.
    """
    if weights is None:
        return network
    try:
        network.load_state_dict(load_published(weights.url))
    except (WeightsError, OSError, RuntimeError) as error:
        msg = (
            f"the published weights of {name} cannot be had ({error}); with a network "
            f"they are kept in {torch.hub.get_dir()}/checkpoints: copy them there, or "
            "train without --pretrained"
        )
        raise WeightsError(msg) from error
    return network


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
