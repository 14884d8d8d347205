"""A slim `truckmap` taught to say of any view what a wide one says: no label needed.

The maps of all classes, the boxes around them and both levels of the trunk are
learned, of the same disturbed view, as in [1]_; what the wide network doubts, the
slim one is to doubt, so that thresholds carry over.

References
----------
.. [1] Beyer et al., Knowledge distillation: a good teacher is patient and consistent,
   https://arxiv.org/abs/2106.05237
"""

import copy
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from truckcount.presence.truckmap import MAP_CLASSES, TruckMap
from truckcount.training.canvas import Draw, compose_view
from truckcount.training.photometric import disturb
from truckcount.training.run_state import blend, load_parts, save_parts

logger = logging.getLogger(__name__)

CLASS_WEIGHTS = (1.0, 0.3, 0.3)  # the truck map is what we are here for
ROAD_WEIGHT = 0.03  # of a cell in which neither sees anything
HEAT_SHARE, BOX_SHARE, LEVEL_SHARE = 4.0, 0.3, 0.5
LEAST_SEEN = 4.0  # trucks in a batch
GRADIENT_LIMIT = 5.0
MIXED_FROM, KEPT_VIEWS = 200, 3000  # a kept view takes 0.33 MB

Saying = tuple[Tensor, Tensor, Tensor]
"""Raw maps (N, 7, H/8, W/8) and the levels (N, C, H/8, W/8) and (N, C, H/16, W/16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImitationOptions:
    """How long to imitate."""

    n_steps: int = 3000
    batch_size: int = 16
    learning_rate: float = 7e-4
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    reuse: int = 4
    """Times that a view is learned from: what was heard of it is kept, so that the
    wide network runs once for all of them."""
    n_workers: int = 1
    seed: int = 0
    checkpoint_every: int = 200


def say(network: TruckMap, views: Tensor) -> Saying:
    """Return all of a network that is imitated."""
    stride8, stride16 = network.levels_from(network.forward_to(views, 0), 0)
    return network.head(stride8, stride16), stride8, stride16


def imitation_loss(
    said: Saying, heard: Saying, spread: tuple[Tensor, Tensor]
) -> Tensor:
    """Weigh what a slim network says against what it heard the wide one say.

    Parameters
    ----------
    said, heard : Saying
        Of the slim and of the wide network.
    spread : tensors, shape (1, C, 1, 1)
        Variances of both levels, by which their errors are measured.
    """
    n = len(MAP_CLASSES)
    heat, told = said[0][:, :n], torch.sigmoid(heard[0][:, :n])
    cost = F.binary_cross_entropy_with_logits(heat, told, reduction="none")
    # what the wide network is unsure of costs something even where it is met
    cost = cost - F.binary_cross_entropy(told, told, reduction="none")
    seen = torch.maximum(told, torch.sigmoid(heat.detach()))
    weight = (ROAD_WEIGHT + seen) * heat.new_tensor(CLASS_WEIGHTS)[:, None, None]
    heat_loss = (cost * weight).sum() / (told[:, 0] ** 2).sum().clamp(min=LEAST_SEEN)
    is_there = told.amax(1)
    distance = (said[0][:, n:] - heard[0][:, n:]).abs().sum(1)
    box_loss = (distance * is_there).sum() / is_there.sum().clamp(min=1.0)
    level_loss = sum(
        ((a - b) ** 2 / v).mean()
        for a, b, v in zip(said[1:], heard[1:], spread, strict=True)
    )
    return HEAT_SHARE * heat_loss + BOX_SHARE * box_loss + LEVEL_SHARE * level_loss


class HeardViews(IterableDataset[tuple[Tensor, ...]]):
    """Endless disturbed views with what the wide network says of them.

    Parameters
    ----------
    reuse : int
        Times that a view comes, on average, far apart.
    """

    def __init__(
        self, draw: Draw, wide: TruckMap, size: tuple[int, int], seed: int, reuse: int
    ) -> None:
        self._draw, self._wide, self._size = draw, wide, size
        self._seed, self._reuse = seed, reuse

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield view and Saying without the leading 1, halves but for the view."""
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self._seed, 0 if info is None else info.id])
        kept: list[tuple[Tensor, ...]] = []
        while True:
            if len(kept) < MIXED_FROM or rng.random() < 1 / self._reuse:
                heard = self._hear(compose_views(rng, self._draw, 1, self._size))
                if len(kept) < KEPT_VIEWS:
                    kept.append(heard)
                else:
                    kept[int(rng.integers(KEPT_VIEWS))] = heard
            yield kept[int(rng.integers(len(kept)))]

    def _hear(self, view: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return (view[0], *(part[0].half() for part in say(self._wide, view)))


def compose_views(
    rng: np.random.Generator, draw: Draw, n: int, size: tuple[int, int]
) -> Tensor:
    """Compose n disturbed views: uint8 tensor, shape (n, 3, H, W)."""
    views = [disturb(rng, compose_view(rng, draw, *size).image) for _ in range(n)]
    stack = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)
    return stack.contiguous(memory_format=torch.channels_last)


def imitate(
    slim: TruckMap,
    wide: TruckMap,
    draw: Draw,
    size: tuple[int, int],
    options: ImitationOptions,
    folder: Path,
) -> TruckMap:
    """Teach a slim network; go on from ``folder`` where an earlier run stopped.

    Batch norms keep their statistics: the slim network begins with the wide one's.

    Returns
    -------
    TruckMap
        The exponential moving average of the weights, which is what is shipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "options.json").write_text(json.dumps(asdict(options), indent=1))
    slim = slim.to(memory_format=torch.channels_last).eval()
    wide = wide.to(memory_format=torch.channels_last).eval()
    wide.requires_grad_(requires_grad=False)
    average = copy.deepcopy(slim)
    optimizer = torch.optim.AdamW(
        slim.parameters(), options.learning_rate, weight_decay=options.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        options.learning_rate,
        total_steps=options.n_steps,
        pct_start=0.05,
        final_div_factor=100,
    )
    parts = {
        "network": slim,
        "average": average,
        "optimizer": optimizer,
        "scheduler": scheduler,
    }
    start = load_parts(folder, parts)
    loader = DataLoader(
        HeardViews(draw, wide, size, options.seed + start, options.reuse),
        batch_size=options.batch_size,
        num_workers=options.n_workers,
    )
    rng = np.random.default_rng(options.seed)
    with torch.no_grad():
        _, *levels = say(wide, compose_views(rng, draw, 4 * options.batch_size, size))
    spread = tuple(x.var(dim=(0, 2, 3), keepdim=True) + 1e-4 for x in levels)
    began, running = time.monotonic(), 0.0
    for step, batch in zip(range(start, options.n_steps), loader, strict=False):
        views, *heard = batch
        views = views.contiguous(memory_format=torch.channels_last)
        maps, stride8, stride16 = (part.float() for part in heard)
        loss = imitation_loss(
            say(slim, views), (maps, stride8, stride16), (spread[0], spread[1])
        )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(slim.parameters(), GRADIENT_LIMIT)
        optimizer.step()
        scheduler.step()
        blend(average, slim, min(options.ema_decay, (1 + step) / (10 + step)))
        value = float(loss.detach())
        running = value if step == start else 0.98 * running + 0.02 * value
        done = step + 1
        if done % options.checkpoint_every == 0 or done == options.n_steps:
            rate = (done - start) * options.batch_size / (time.monotonic() - began)
            logger.info("step %d loss %.4f views/s %.1f", done, running, rate)
            with (folder / "curve.csv").open("a") as file:
                file.write(f"{done},{running:.5f},{rate:.1f}\n")
            save_parts(folder, parts, done)
    return average


def agreement(slim: TruckMap, wide: TruckMap, views: Tensor) -> dict[str, float]:
    """Compare both truck maps where the wide one sees something.

    Returns
    -------
    dict
        ``n`` peaks above 0.2; mean ``wide`` and ``slim`` score there, the mean
        absolute ``difference`` and the ``correlation``.
    """
    with torch.no_grad():
        told = torch.sigmoid(wide(views).heat[:, 0])
        said = torch.sigmoid(slim(views).heat[:, 0])
    is_peak = (F.max_pool2d(told[:, None], 3, 1, 1)[:, 0] == told) & (told > 0.2)
    a = told[is_peak]
    b = F.max_pool2d(said[:, None], 3, 1, 1)[:, 0][is_peak]
    return {
        "n": len(a),
        "wide": float(a.mean()),
        "slim": float(b.mean()),
        "difference": float((a - b).abs().mean()),
        "correlation": float(torch.corrcoef(torch.stack([a, b]))[0, 1]),
    }
