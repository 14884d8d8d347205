"""Label sets and a network to trained weights: the training loop."""

import copy
import itertools
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from truckcount.presence.truckmap import TruckMap
from truckcount.training.canvas import Canvas, Draw, compose_view, mirror
from truckcount.training.losses import map_loss
from truckcount.training.photometric import disturb
from truckcount.training.run_state import Facts, blend, load_parts, save_parts
from truckcount.training.targets import draw_target

logger = logging.getLogger(__name__)

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
BUFFERED_VIEWS = 600  # of which views are reused


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How long and how boldly to train."""

    n_steps: int = 4000
    batch_size: int = 24
    learning_rate: float = 1.5e-3
    trunk_factor: float = 0.3
    """The pretrained trunk learns at this share of the head's rate."""
    n_frozen_blocks: int = 3
    """First trunk blocks that stay as they were (half the cost of a step)."""
    is_trunk_norm_frozen: bool = True
    """Keep the statistics of a pretrained trunk's batch norms."""
    reuse: int = 1
    """Times that a composed view is used, each time disturbed and flipped anew."""
    view_size: tuple[int, int] = (320, 192)
    """Width and height of training views in pixels, multiples of 32; the network is
    convolutional, so smaller views than at run time only make a step cheaper."""
    weight_decay: float = 0.02
    ema_decay: float = 0.998
    warmup_steps: int = 100
    is_bf16: bool = False
    """bfloat16 halves a step where the CPU has it (AVX512-BF16, AMX); where it has
    not, PyTorch emulates it at a tenth of the speed."""
    n_workers: int = 1
    seed: int = 0
    checkpoint_every: int = 200
    log_every: int = 50


class ViewStream(IterableDataset[tuple[npt.NDArray[Any], ...]]):
    """Endless augmented views; the views of a step are the same in every run.

    That holds for any number of workers and wherever a run goes on, but not where
    views are reused: which ones there are to reuse depends on all before.
    """

    def __init__(
        self,
        draw: Draw,
        seed: int,
        view_size: tuple[int, int],
        *,
        reuse: int = 1,
        batch_size: int = 1,
        first_step: int = 0,
    ) -> None:
        self._batch_size = batch_size
        self._first_step = first_step
        self._draw = draw
        self._seed = seed
        self._view_size = view_size
        self._reuse = reuse

    def __iter__(self):  # type: ignore[no-untyped-def]
        """Yield (view, heat, trust, box, box weight)."""
        info = torch.utils.data.get_worker_info()
        worker, n_workers = (0, 1) if info is None else (info.id, info.num_workers)
        seed = self._seed + (self._first_step if self._reuse > 1 else 0)
        rng = np.random.default_rng([seed, worker])
        kept: list[Canvas] = []
        for number in self._numbers(worker, n_workers):
            if self._reuse == 1:
                rng = np.random.default_rng([self._seed, number])
            if len(kept) < BUFFERED_VIEWS or rng.random() < 1 / self._reuse:
                canvas = compose_view(rng, self._draw, *self._view_size)
                if self._reuse > 1:
                    if len(kept) < BUFFERED_VIEWS:
                        kept.append(canvas)
                    else:
                        kept[int(rng.integers(BUFFERED_VIEWS))] = canvas
            else:
                canvas = kept[int(rng.integers(len(kept)))]
                if rng.random() < 0.5:
                    canvas = mirror(canvas)
            target = draw_target(canvas)
            view = disturb(rng, canvas.image).transpose(2, 0, 1)
            yield (
                np.ascontiguousarray(view),
                target.heat,
                target.trust,
                target.box,
                target.box_weight,
            )

    def _numbers(self, worker: int, n_workers: int) -> Iterator[int]:
        """Yield the numbers of a worker's views; a loader asks workers in turn."""
        for step in itertools.count(self._first_step + worker, n_workers):
            yield from range(step * self._batch_size, (step + 1) * self._batch_size)


def train(
    network: TruckMap,
    draw: Draw,
    options: TrainingOptions,
    folder: Path,
    facts: Facts | None = None,
) -> TruckMap:
    """Train a network; resume from ``folder`` where an earlier run stopped.

    Parameters
    ----------
    facts : dict, optional
        What a run to go on with must have in common with this one.

    Returns
    -------
    TruckMap
        The exponential moving average of the weights, which is what is shipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(
        _parameter_groups(network, options), weight_decay=options.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=options.n_steps,
        pct_start=min(0.3, options.warmup_steps / options.n_steps),
        final_div_factor=100,
    )
    parts = {
        "network": network,
        "average": average,
        "optimizer": optimizer,
        "scheduler": scheduler,
    }
    start = load_parts(folder, parts, facts)
    loader = DataLoader(
        ViewStream(
            draw,
            options.seed,
            options.view_size,
            reuse=options.reuse,
            batch_size=options.batch_size,
            first_step=start,
        ),
        batch_size=options.batch_size,
        num_workers=options.n_workers,
        persistent_workers=options.n_workers > 0,
    )
    (folder / "options.json").write_text(json.dumps(asdict(options), indent=1))
    began, running = time.monotonic(), 0.0
    for step, batch in zip(range(start, options.n_steps), loader, strict=False):
        loss = _step(network, average, optimizer, batch, options, step)
        scheduler.step()
        running = loss if step == start else 0.98 * running + 0.02 * loss
        if (step + 1) % options.log_every == 0:
            rate = (step + 1 - start) * options.batch_size / (time.monotonic() - began)
            logger.info("step %d loss %.3f views/s %.1f", step + 1, running, rate)
            with (folder / "curve.csv").open("a") as file:
                file.write(f"{step + 1},{running:.4f},{rate:.1f}\n")
        if (step + 1) % options.checkpoint_every == 0 or step + 1 == options.n_steps:
            save_parts(folder, parts, step + 1, facts)
    return average.eval()


def _parameter_groups(network: TruckMap, options: TrainingOptions) -> list[dict]:  # type: ignore[type-arg]
    trunk = [network.stem, *network.blocks]
    frozen = trunk[: options.n_frozen_blocks + 1] if options.n_frozen_blocks else []
    for module in frozen:
        module.requires_grad_(requires_grad=False)
    in_trunk = {id(p) for module in trunk for p in module.parameters()}
    trainable = [p for p in network.parameters() if p.requires_grad]
    rate = options.learning_rate
    return [
        {"params": [p for p in trainable if id(p) not in in_trunk], "lr": rate},
        {
            "params": [p for p in trainable if id(p) in in_trunk],
            "lr": rate * options.trunk_factor,
        },
    ]


def _step(
    network: TruckMap,
    average: TruckMap,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    options: TrainingOptions,
    step: int,
) -> float:
    views, heat, trust, box, weight = batch
    network.train()
    trunk = [network.stem, *network.blocks]
    for module in trunk if options.is_trunk_norm_frozen else []:
        for part in module.modules():
            # batches of 24 correlated views have worse statistics than ImageNet
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
    views = views.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=options.is_bf16):
        output = network(views)
    loss = map_loss(output, heat, trust, box, weight)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(network.parameters(), 10.0)
    optimizer.step()
    blend(average, network, min(options.ema_decay, (1 + step) / (10 + step)))
    return float(loss.detach())
