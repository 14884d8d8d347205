"""A wide trained trunk to the start of a narrower one.

Of each block's expanded channels the ones that weigh most are kept, as in
structured pruning [1]_; what has no counterpart keeps its random start.

References
----------
.. [1] Li et al., Pruning Filters for Efficient ConvNets, https://arxiv.org/abs/1608.08710
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from truckcount.presence.truckmap import InvertedResidual, TruckMap

NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def narrow_trunk(
    network: TruckMap,
    source: Mapping[str, Tensor],
    source_trunk: Sequence[Sequence[int]],
) -> list[tuple[int, int]]:
    """Fill a network's blocks from a wider one's, matched by shape and in order.

    Parameters
    ----------
    source : mapping of str to Tensor
        State of a `TruckMap` with ``source_trunk``.

    Returns
    -------
    list of (block, source block)
        Which were filled.
    """
    _narrow_stem(network, source)
    filled, begin = [], 0
    for i, row in enumerate(network.trunk):
        for j in range(begin, len(source_trunk)):
            other = tuple(source_trunk[j])
            if row[4] and other[:4] == row[:4] and other[4] >= row[4]:
                block = network.blocks[i]
                if isinstance(block, InvertedResidual):
                    _narrow_block(block, source, f"blocks.{j}.")
                filled.append((i, j))
                begin = j + 1
                break
    return filled


def _narrow_stem(network: TruckMap, source: Mapping[str, Tensor]) -> None:
    weight = source["stem.conv.weight"].float()
    gain = source["stem.norm.weight"].float().abs()
    kept = _heaviest(weight.flatten(1).norm(dim=1) * gain, network.trunk[0][0])
    _fill(network.stem.conv, network.stem.norm, source, "stem.", kept, None)


def _narrow_block(
    block: InvertedResidual, source: Mapping[str, Tensor], prefix: str
) -> None:
    project = source[f"{prefix}project.conv.weight"].float()[:, :, 0, 0]
    gain = source[f"{prefix}depthwise.norm.weight"].float().abs()
    n_mid = block.depthwise.conv.out_channels
    kept = _heaviest(project.norm(dim=0) * gain, n_mid)
    everything = torch.arange(project.shape[0])
    if block.expand is not None:
        part = block.expand
        _fill(part.conv, part.norm, source, f"{prefix}expand.", kept, None)
    part = block.depthwise
    _fill(part.conv, part.norm, source, f"{prefix}depthwise.", kept, None)
    part = block.project
    _fill(part.conv, part.norm, source, f"{prefix}project.", everything, kept)


def _heaviest(importance: Tensor, n: int) -> Tensor:
    return importance.argsort(descending=True)[:n].sort().values


@torch.no_grad()
def _fill(
    conv: nn.Conv2d,
    norm: nn.BatchNorm2d,
    source: Mapping[str, Tensor],
    prefix: str,
    rows: Tensor,
    columns: Tensor | None,
) -> None:
    weight = source[f"{prefix}conv.weight"].float()[rows]
    conv.weight.copy_(weight if columns is None else weight[:, columns])
    for name in NORM_PARTS:
        getattr(norm, name).copy_(source[f"{prefix}norm.{name}"].float()[rows])
