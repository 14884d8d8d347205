"""A trained `truckmap` to a slimmer one that says nearly the same, without a label.

Inside each block, channels are left out one by one: always the one for whose absence
the others can make up best, as an optimal brain surgeon [1]_ would choose it. What
reads them is then solved anew by least squares against what the wide block gave,
from what the slim blocks before it give [2]_, so that errors are not handed on.

References
----------
.. [1] Hassibi and Stork, Second order derivatives for network pruning (1992)
.. [2] He et al., Channel Pruning, https://arxiv.org/abs/1707.06168
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from truckcount.errors import ModelError
from truckcount.presence.truckmap import BN_EPS, ConvNorm, InvertedResidual, TruckMap

logger = logging.getLogger(__name__)

RIDGE = 1e-4  # of the mean square of an input
TRUCK_WEIGHT = 20.0  # a cell that shows a truck counts for as many of the road's
MAX_POSITIONS = 60_000  # of a batch: more say nothing new
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")

Reads = Callable[[Tensor], Tensor]


class Fit:
    """Weighted least squares of targets on inputs and a constant, batch by batch.

    Parameters
    ----------
    n_inputs, n_targets : int
    """

    def __init__(self, n_inputs: int, n_targets: int) -> None:
        n = n_inputs + 1
        self._gram = torch.zeros(n, n, dtype=torch.float64)
        self._cross = torch.zeros(n, n_targets, dtype=torch.float64)
        self._energy = 0.0

    def add(self, inputs: Tensor, targets: Tensor, weight: Tensor) -> None:
        """Add positions.

        Parameters
        ----------
        inputs : tensor, shape (P, n_inputs)
        targets : tensor, shape (P, n_targets)
        weight : tensor, shape (P,)
        """
        if len(inputs) > MAX_POSITIONS:
            some = torch.randperm(len(inputs))[:MAX_POSITIONS]
            inputs, targets, weight = inputs[some], targets[some], weight[some]
        ones = torch.ones(len(inputs), 1)
        root = weight[:, None].sqrt()
        a, b = torch.cat([inputs, ones], 1) * root, targets * root
        self._gram += (a.T @ a).double()
        self._cross += (a.T @ b).double()
        self._energy += float((b.double() ** 2).sum())

    def eliminate(self, n_kept: int) -> Tensor:
        """Return the inputs that are left when the most dispensable ones are out."""
        gram = self._ridged()
        inverse = torch.linalg.inv(gram)
        weights = inverse @ self._cross
        n = len(gram) - 1
        is_out = torch.zeros(n + 1, dtype=torch.bool)
        for _ in range(n - n_kept):
            # what leaving it out adds to the error once the others are solved anew
            cost = (weights**2).sum(1) / inverse.diagonal().clamp(min=1e-12)
            cost[is_out] = torch.inf
            j = int(cost[:n].argmin())
            column = inverse[:, j] / inverse[j, j]
            weights = weights - torch.outer(column, weights[j])
            inverse = inverse - torch.outer(column, inverse[j])
            is_out[j] = True
        return (~is_out[:n]).nonzero()[:, 0]

    def solve(self, kept: Tensor | None = None) -> tuple[Tensor, Tensor, float]:
        """Solve for the weights of some inputs, or of all.

        Returns
        -------
        weights : float32 tensor, shape (n_targets, n_kept)
        bias : float32 tensor, shape (n_targets,)
        error : float
            Share of the targets' square that is not explained.
        """
        n = len(self._gram) - 1
        kept = torch.arange(n) if kept is None else kept
        rows = torch.cat([kept, torch.tensor([n])])
        cross = self._cross[rows]
        solved = torch.linalg.solve(self._ridged()[rows][:, rows], cross)
        explained = 2 * (solved * cross).sum()
        explained -= (solved * (self._gram[rows][:, rows] @ solved)).sum()
        error = 1 - float(explained) / max(self._energy, 1e-12)
        return solved[:-1].T.float(), solved[-1].float(), error

    def _ridged(self) -> Tensor:
        n = len(self._gram)
        ridge = RIDGE * self._gram.diagonal().mean()
        return self._gram + ridge * torch.eye(n, dtype=torch.float64)


class Slimming:
    """Fills a slim network from a wide one whose blocks have the same outer widths.

    Parameters
    ----------
    wide, slim : TruckMap
        Both with a second 3 x 3 convolution in the head. Blocks are matched from the
        last one back; where the slim network begins with others (``early_blocks``),
        those must have learned before what the wide one's say (``early.py``). The
        slim one is filled where it lies.
    views : sequence of uint8 tensors, shape (N, 3, H, W)
        Batches of views like those of cameras; a few hundred views are enough.

    Raises
    ------
    ModelError
        Where blocks do not match.
    """

    def __init__(self, wide: TruckMap, slim: TruckMap, views: Sequence[Tensor]) -> None:
        self._n_early, n_wide = early_blocks(wide, slim)
        self._shift = n_wide - self._n_early
        self._wide, self._slim = wide.eval(), slim.eval()
        self._views = views
        with torch.no_grad():
            self._trucks = [torch.sigmoid(wide(v).heat[:, :1]) for v in views]

    @torch.no_grad()
    def run(self) -> None:
        """Fill stem, blocks and head in order."""
        if not self._n_early:
            self._fill_stem()
        for i in range(max(self._n_early, 1), len(self._slim.blocks)):
            self._fill_block(i)
        self._fill_head()

    def _fill_stem(self) -> None:
        wide, slim = _residual(self._wide, 0), _residual(self._slim, 0)
        fit = Fit(wide.depthwise.conv.out_channels, wide.project.conv.out_channels)
        for views, seen in self._batches():
            mid = wide.depthwise(self._wide.forward_to(views, 0))
            fit.add(_rows(mid), _rows(wide.project(mid)), _weight(seen, mid))
        kept = fit.eliminate(slim.depthwise.conv.out_channels)
        _copy(self._wide.stem, self._slim.stem, kept)
        _copy(wide.depthwise, slim.depthwise, kept)
        self._put("stem", slim.project, *fit.solve(kept))

    def _fill_block(self, i: int) -> None:
        j = i + self._shift
        wide, slim = _residual(self._wide, j), _residual(self._slim, i)
        wide_expand, slim_expand = _part(wide.expand), _part(slim.expand)
        fit = Fit(wide.depthwise.conv.out_channels, wide.project.conv.out_channels)
        for views, seen in self._batches():
            given = self._slim.forward_to(views, i)
            mid = wide.depthwise(wide_expand(given))
            target = wide(self._wide.forward_to(views, j))
            if slim.has_skip:
                target = target - given
            fit.add(_rows(mid), _rows(target), _weight(seen, mid))
        kept = fit.eliminate(slim.depthwise.conv.out_channels)
        _copy(wide_expand, slim_expand, kept)
        _copy(wide.depthwise, slim.depthwise, kept)
        self._put(f"block {i}", slim.project, *fit.solve(kept))

    def _fill_head(self) -> None:
        wide, slim = self._wide, self._slim
        wide_refine, slim_refine = _part(wide.refine), _part(slim.refine)
        n = slim.fuse.conv.out_channels
        spread = torch.cat([_rows(wide.join(*_levels(wide, v))) for v in self._views])
        kept = _heaviest(_reads(wide.fuse) * spread.std(0), n)
        for name in ("lateral8", "lateral16"):
            _copy(getattr(wide, name), getattr(slim, name), kept)

        def wide_fused(views: Tensor) -> Tensor:
            return wide.fuse(wide.join(*_levels(wide, views)))  # type: ignore[no-any-return]

        def slim_fused(views: Tensor) -> Tensor:
            return slim.fuse(slim.join(*_levels(slim, views)))  # type: ignore[no-any-return]

        kept = _heaviest(_reads(wide_refine) * wide.fuse.norm.weight.abs(), n)
        self._fit_wide_kernel(
            "fuse",
            slim.fuse,
            kept,
            lambda v: slim.join(*_levels(slim, v)),
            lambda v: _before(wide.fuse, wide.join(*_levels(wide, v))),
        )
        out_reads = wide.out.weight.abs().sum(dim=(0, 2, 3))
        self._fit_wide_kernel(
            "refine",
            slim_refine,
            _heaviest(out_reads * wide_refine.norm.weight.abs(), n),
            slim_fused,
            lambda v: _before(wide_refine, wide_fused(v)),
        )
        fit = Fit(n, wide.out.out_channels)
        for views, seen in self._batches():
            given = slim_refine(slim_fused(views))
            target = wide.out(wide_refine(wide_fused(views)))
            fit.add(_rows(given), _rows(target), _weight(seen, given))
        weights, bias, error = fit.solve()
        slim.out.weight.copy_(weights[:, :, None, None])
        slim.out.get_parameter("bias").copy_(bias)
        logger.info("out: %.3f of the square not explained", error)

    def _fit_wide_kernel(
        self, name: str, part: ConvNorm, kept: Tensor, given: Reads, target: Reads
    ) -> None:
        """Solve a 3 x 3 convolution for some of the wide one's channels."""
        fit = Fit(part.conv.in_channels * 9, len(kept))
        for views, seen in self._batches():
            x = given(views)
            patches = F.unfold(x, 3, padding=1).transpose(1, 2).flatten(0, 1)
            fit.add(patches, _rows(target(views))[:, kept], _weight(seen, x))
        weights, bias, error = fit.solve()
        self._put(name, part, weights.view(len(kept), -1, 3, 3), bias, error)

    def _put(
        self, name: str, part: ConvNorm, weights: Tensor, bias: Tensor, error: float
    ) -> None:
        """Set a convolution and let its norm add the bias alone."""
        part.conv.weight.copy_(weights.view_as(part.conv.weight))
        part.norm.running_mean.zero_()  # type: ignore[union-attr]
        part.norm.running_var.fill_(1 - BN_EPS)  # type: ignore[union-attr]
        part.norm.weight.fill_(1.0)
        part.norm.bias.copy_(bias)
        logger.info("%s: %.3f of the square not explained", name, error)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield views and where the wide network sees trucks in them, (N, 1, h, w)."""
        return zip(self._views, self._trucks, strict=True)


def early_blocks(wide: TruckMap, slim: TruckMap) -> tuple[int, int]:
    """Count the first blocks of both that have no counterpart in the other.

    Returns
    -------
    n_slim, n_wide : int
        0 and 0 where all blocks match.

    Raises
    ------
    ModelError
        Where what is left does not give the same, or a head lacks its second
        convolution.
    """
    shift = len(wide.trunk) - len(slim.trunk)
    n = len(slim.trunk)
    while n and n + shift > 0 and _is_slimmer(slim, n - 1, wide, n - 1 + shift):
        n -= 1
    is_whole = n == shift == 0
    is_alike = n + shift > 0 and n > 0 and _gives(slim, n) == _gives(wide, n + shift)
    if not (is_whole or is_alike) or None in (wide.refine, slim.refine):
        msg = (
            f"trunk {slim.trunk} is not a slimmer form of {wide.trunk}: want the same "
            "blocks with fewer channels inside, all but the first expanding, or other "
            "first blocks that give as many channels, and two convolutions in both "
            "heads"
        )
        raise ModelError(msg)
    return n, n + shift


def _is_slimmer(slim: TruckMap, i: int, wide: TruckMap, j: int) -> bool:
    """Tell whether block i can be filled from block j of the wide network."""
    block, other = slim.blocks[i], wide.blocks[j]
    if not isinstance(block, InvertedResidual) or not isinstance(
        other, InvertedResidual
    ):
        return False
    is_first = i == j == 0
    begin = 1 if is_first else 0  # the stem is slimmed with the first block
    is_expanding = block.expand is not None and other.expand is not None
    return (
        (is_first or is_expanding)
        and block.has_skip == other.has_skip
        and slim.trunk[i][begin:4] == wide.trunk[j][begin:4]
        and slim.trunk[i][4] <= wide.trunk[j][4]
    )


def _gives(network: TruckMap, n_blocks: int) -> tuple[int, int]:
    """Return channels and stride of what the first blocks give."""
    rows = network.trunk[:n_blocks]
    return rows[-1][1], math.prod(row[3] for row in rows)


@torch.no_grad()
def copy_heaviest_stem(wide: TruckMap, slim: TruckMap) -> None:
    """Fill a stem with the wide one's channels that weigh most."""
    weight = wide.stem.conv.weight.flatten(1).norm(dim=1) * wide.stem.norm.weight.abs()
    kept = _heaviest(weight, slim.stem.conv.out_channels)
    _copy(wide.stem, slim.stem, kept)


def _weight(trucks: Tensor, at: Tensor) -> Tensor:
    """Weigh positions of a level: around trucks."""
    near = F.max_pool2d(trucks, 3, 1, 1)
    weight = 1 + TRUCK_WEIGHT * F.interpolate(near, at.shape[-2:], mode="nearest")
    return weight.flatten()


def _residual(network: TruckMap, i: int) -> InvertedResidual:
    block = network.blocks[i]
    if not isinstance(block, InvertedResidual):
        raise ModelError(f"block {i} of {network.trunk} is not an inverted residual")
    return block


def _part(part: ConvNorm | None) -> ConvNorm:
    """Return a part that ``_check`` has found to be there."""
    if part is None:
        raise ModelError("the network lacks a part that a wide one has")
    return part


def _levels(network: TruckMap, views: Tensor) -> tuple[Tensor, Tensor]:
    return network.levels_from(network.forward_to(views, 0), 0)


def _rows(x: Tensor) -> Tensor:
    """Bring (N, C, H, W) to one row a position, (N H W, C)."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)


def _before(part: ConvNorm, x: Tensor) -> Tensor:
    """Return what a part gives before it is cut at 0 and 6."""
    return part.norm(part.conv(x))  # type: ignore[no-any-return]


def _reads(part: ConvNorm) -> Tensor:
    """Say how much a part's convolution takes from each channel."""
    return part.conv.weight.pow(2).sum(dim=(0, 2, 3)).sqrt()


def _heaviest(importance: Tensor, n: int) -> Tensor:
    return importance.argsort(descending=True)[:n].sort().values


def _copy(wide: ConvNorm, slim: ConvNorm, kept: Tensor) -> None:
    """Copy the kept output channels, and all of the input of a full convolution."""
    slim.conv.weight.copy_(wide.conv.weight[kept])
    for name in NORM_PARTS:
        getattr(slim.norm, name).copy_(getattr(wide.norm, name)[kept])
