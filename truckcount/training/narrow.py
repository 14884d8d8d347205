"""A wide trained trunk to the start of a narrower one.

Of the stem's and each block's expanded channels the ones that weigh most are kept,
as in structured pruning [1]_. A head as wide as the source's is taken over whole;
what has no counterpart keeps its random start.

References
----------
.. [1] Li et al., Pruning Filters for Efficient ConvNets, https://arxiv.org/abs/1608.08710
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from truckcount.presence.truckmap import ConvNorm, InvertedResidual, TruckMap

NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def narrow_trunk(
    network: TruckMap,
    source: Mapping[str, Tensor],
    source_trunk: Sequence[Sequence[int]],
) -> list[tuple[int, int]]:
    """Fill a network from a wider one, blocks matched by shape and in order.

    Parameters
    ----------
    source : mapping of str to Tensor
        State of a `TruckMap` with ``source_trunk``.

    Returns
    -------
    list of (block, source block)
        Which were filled.
    """
    kept = _narrow_stem(network, source)
    filled, begin = [], 0
    for i, row in enumerate(network.trunk):
        for j in range(begin, len(source_trunk)):
            is_first = i == j == 0
            if not _is_wider(source_trunk[j], row, is_first=is_first):
                continue
            block, prefix = network.blocks[i], f"blocks.{j}."
            if isinstance(block, InvertedResidual):
                _narrow_block(block, source, prefix)
            elif isinstance(block, ConvNorm):
                columns = kept if is_first else None
                rows = torch.arange(row[1])
                _fill(block.conv, block.norm, source, prefix, rows, columns)
            filled.append((i, j))
            begin = j + 1
            break
    _copy_head(network, source)
    return filled


def _is_wider(other: Sequence[int], row: Sequence[int], *, is_first: bool) -> bool:
    """Tell whether a block can be filled from another of the same outer shape.

    A plain convolution has no inner channels to choose from, and only the first one
    may read fewer than the other: those of the stem that were kept.
    """
    (n_in, *shape, n_mid), (other_in, *other_shape, other_mid) = row, other
    if shape != other_shape:
        return False
    if n_mid and other_mid:
        return other_in == n_in and other_mid >= n_mid
    is_in_kept = other_in >= n_in if is_first else other_in == n_in
    return n_mid == other_mid and is_in_kept


def _narrow_stem(network: TruckMap, source: Mapping[str, Tensor]) -> Tensor:
    """Fill the stem; return the channels of the source's that it kept."""
    weight = source["stem.conv.weight"].float()
    gain = source["stem.norm.weight"].float().abs()
    kept = _heaviest(weight.flatten(1).norm(dim=1) * gain, network.trunk[0][0])
    _fill(network.stem.conv, network.stem.norm, source, "stem.", kept, None)
    return kept


@torch.no_grad()
def _copy_head(network: TruckMap, source: Mapping[str, Tensor]) -> None:
    """Take the head over, where all of it is as wide as the source's."""
    head = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.startswith(("stem.", "blocks.")) and tensor.dtype.is_floating_point
    }
    if all(n in source and source[n].shape == t.shape for n, t in head.items()):
        for name, tensor in head.items():
            tensor.copy_(source[name].float())


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
