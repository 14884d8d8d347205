"""The first blocks of a slim network, other than the wide one's, taught what those say.

At strides 2 and 4 a CPU spends most on the expansions of inverted residuals: a plain
3 x 3 convolution and one block after it cost half. No channel of theirs has a
counterpart in the wide network, so that they are learned by regression.
"""

import logging
from collections.abc import Callable

import torch
from torch import Tensor, nn

from truckcount.errors import ModelError
from truckcount.presence.truckmap import ConvNorm, TruckMap
from truckcount.training.slim import copy_heaviest_stem, early_blocks

logger = logging.getLogger(__name__)

N_MEASURED = 6  # batches from which new norms take their statistics
LOG_EVERY = 100


def learn_early(
    slim: TruckMap,
    wide: TruckMap,
    draw_views: Callable[[int], Tensor],
    *,
    n_steps: int = 1800,
    batch_size: int = 8,
    learning_rate: float = 4e-3,
) -> float:
    """Teach the blocks of ``early_blocks`` what the wide network's give.

    Parameters
    ----------
    slim : TruckMap
        Filled where it lies.
    draw_views : callable
        Number of views to a uint8 tensor, shape (N, 3, H, W).

    Returns
    -------
    float
        Share of the wide network's variance that is not explained, about the last
        hundred steps.

    Raises
    ------
    ModelError
        Where there is nothing to learn: all blocks match.
    """
    n_slim, n_wide = early_blocks(wide, slim)
    if not n_slim:
        raise ModelError(f"every block of {slim.trunk} has a counterpart")
    wide, slim = wide.eval(), slim.eval()
    _begin(slim, wide, n_slim, draw_views, batch_size)
    parts = [slim.stem, *slim.blocks[:n_slim]]
    optimizer = torch.optim.AdamW(
        [p for part in parts for p in part.parameters()], weight_decay=1e-3
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        learning_rate,
        total_steps=n_steps,
        pct_start=0.1,
        final_div_factor=50,
    )
    spread, unexplained = None, 1.0
    for step in range(n_steps):
        views = draw_views(batch_size)
        with torch.no_grad():
            target = wide.forward_to(views, n_wide)
        if spread is None:
            spread = target.var(dim=(0, 2, 3), keepdim=True) + 1e-4
        loss = ((slim.forward_to(views, n_slim) - target) ** 2 / spread).mean()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        scheduler.step()
        value = float(loss.detach())
        unexplained = value if step == 0 else 0.98 * unexplained + 0.02 * value
        if (step + 1) % LOG_EVERY == 0:
            logger.info("early step %d: %.3f not explained", step + 1, unexplained)
    return unexplained


@torch.no_grad()
def _begin(
    slim: TruckMap,
    wide: TruckMap,
    n_slim: int,
    draw_views: Callable[[int], Tensor],
    batch_size: int,
) -> None:
    """Take the wide stem's heaviest channels; start the rest as Kaiming has it."""
    copy_heaviest_stem(wide, slim)
    blocks = slim.blocks[:n_slim]
    parts = [p for block in blocks for p in block.modules() if isinstance(p, ConvNorm)]
    for part in parts:
        nn.init.kaiming_normal_(
            part.conv.weight, nonlinearity="relu" if part.is_active else "linear"
        )
        part.norm.momentum = None  # the mean of all batches
        part.norm.train()
    for _ in range(N_MEASURED):
        slim.forward_to(draw_views(batch_size), n_slim)
    for part in parts:
        part.norm.eval()
        part.norm.momentum = 0.1
