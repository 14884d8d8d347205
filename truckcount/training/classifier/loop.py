"""The classifier's training loop: epochs, validation, early stop, resume."""

import logging
import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from truckcount.errors import ModelError
from truckcount.presence.zoo.classifier import ViewClassifier
from truckcount.presence.zoo.factory import build_network
from truckcount.presence.zoo.googlenet import AUXILIARY_SHARE
from truckcount.training.classifier.checkpoint import load_checkpoint, save_checkpoint
from truckcount.training.classifier.dataset import (
    BatchLoader,
    plain_set,
    training_set,
)
from truckcount.training.classifier.frames import Frames
from truckcount.training.classifier.optimizer import (
    add_penalties,
    freeze_body,
    make_optimizer,
    set_rates,
)
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.order import (
    balanced_share,
    batch_keys,
    order_epoch,
)
from truckcount.training.classifier.packed import PackedFrames
from truckcount.training.classifier.predict import measure_logits, predict_logits
from truckcount.training.classifier.start import (
    batch_norm_of,
    find_start,
    load_start,
)

logger = logging.getLogger(__name__)

GRADIENT_LIMIT = 5.0
# how a run goes on may change: how fast, how far apart its checkpoints are
FREE_OPTIONS = ("n_workers", "checkpoint_every")


@dataclass(slots=True)
class Progress:
    """What a listener is told after every step."""

    epoch: int
    step: int
    n_steps: int
    loss: float
    images_per_s: float
    latest: dict[str, float] = field(default_factory=dict)
    """The last epoch's figures."""


Listener = Callable[[Progress], None]


@dataclass(slots=True)
class Trained:
    """What training gave."""

    network: ViewClassifier
    """With the weights of the best epoch, on the CPU."""
    history: list[dict[str, float]]
    """One row an epoch."""
    best_epoch: int
    images_per_s: dict[str, float]
    """Of the step alone and of loader and step together, this session's median."""


def open_network(options: ClassifierOptions) -> ViewClassifier:
    """Build the network that options ask for, with the weights it starts from.

    Started from an earlier run, it sees views as large as that did, unless told, and
    has batch norms if that had.
    """
    start, input_px, batch_norm = None, options.input_px, options.batch_norm
    if options.start is not None:
        start = find_start(options.start, options.network)
        input_px = start.header.input_px if input_px is None else input_px
        batch_norm = batch_norm_of(start) if batch_norm is None else batch_norm
    network = build_network(
        options.network,
        dropout=options.dropout,
        batch_norm=batch_norm,
        pretrained=options.is_pretrained,
        # seed has one size, and takes no other
        input_px=None if options.network == "seed" else input_px,
    )
    if start is not None:
        load_start(network, start.path)
    return network


def train_classifier(
    frames: Frames,
    options: ClassifierOptions,
    folder: Path,
    *,
    packed: PackedFrames | None = None,
    device: str = "cpu",
    facts: dict[str, Any] | None = None,
    listener: Listener | None = None,
    on_checkpoint: Callable[[int], None] | None = None,
) -> Trained:
    """Train a classifier, or go on where an earlier run in ``folder`` stopped.

    A run that is killed at any moment and started again ends with the same weights,
    bit for bit (on the CPU of one machine, with as many threads): the order of
    frames and what is done to them depend on seed, epoch and position alone, and
    the checkpoint holds everything else.

    Parameters
    ----------
    facts : dict, optional
        What else a checkpoint must agree in, such as the data's fingerprint.
    on_checkpoint : callable, optional
        Told the step after each checkpoint is on disk.
    """
    return _Run(frames, options, folder, packed, device, facts or {}).train(
        listener, on_checkpoint
    )


class _Run:
    """The state of one run and its steps."""

    def __init__(
        self,
        frames: Frames,
        options: ClassifierOptions,
        folder: Path,
        packed: PackedFrames | None,
        device: str,
        facts: dict[str, Any],
    ) -> None:
        self.options, self.folder, self.device = options, folder, device
        fixed = {k: v for k, v in asdict(options).items() if k not in FREE_OPTIONS}
        self.facts = fixed | facts
        if options.start is not None:
            begun = find_start(options.start, options.network)
            self.facts |= {"start": begun.sha256}
        self.frames = frames
        self.rows = frames.rows_of("train")
        torch.manual_seed(options.seed)
        if device == "cuda":
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
        network = open_network(options).to(memory_format=torch.channels_last)
        self.network = network.to(device)
        side_px = self.network.input_px
        self.training = training_set(frames, packed, side_px, options)
        is_pinned = device == "cuda"
        self.loader = BatchLoader(self.training, options.n_workers, is_pinned=is_pinned)
        self.plain = BatchLoader(
            plain_set(frames, packed, side_px), options.n_workers, is_pinned=is_pinned
        )
        self.average = deepcopy(self.network)
        self.optimizer = make_optimizer(self.network, options)
        self.epoch, self.batch, self.step = 0, 0, 0
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"epoch": -1, "loss": float("inf"), "state": {}}
        self.sums = [0.0, 0.0]  # of losses and views in this epoch
        self.speeds: list[tuple[float, float]] = []
        n = len(self.rows)
        self.n_batches = len(batch_keys(self.rows, 0, options.batch_size))
        self.n_steps = self.n_batches * options.n_epochs
        share = balanced_share(frames.p_truck[self.rows], frames.weight[self.rows])
        self.share = share if options.balance == "sample" else None
        logger.info("%d frames, %d steps", n, self.n_steps)

    def train(
        self,
        listener: Listener | None,
        on_checkpoint: Callable[[int], None] | None,
    ) -> Trained:
        """Run all epochs that are left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        while self.epoch < self.options.n_epochs and not self._is_stale():
            self._train_epoch(listener, on_checkpoint)
            self._validate()
            self.epoch, self.batch, self.sums = self.epoch + 1, 0, [0.0, 0.0]
            self._save(on_checkpoint)
        network = self.average
        network.load_state_dict(self.best["state"])
        return Trained(
            network=network.to("cpu").eval(),
            history=self.history,
            best_epoch=self.best["epoch"],
            images_per_s=self._speed(),
        )

    def _train_epoch(
        self,
        listener: Listener | None,
        on_checkpoint: Callable[[int], None] | None,
    ) -> None:
        options = self.options
        freeze_body(self.network, is_frozen=self.epoch < options.head_epochs)
        order = order_epoch(options.seed, self.epoch, len(self.rows), self.share)
        keys = batch_keys(self.rows[order], self.epoch, options.batch_size, self.batch)
        asked = time.perf_counter()
        for views, target, weight in self.loader.load(keys):
            got = time.perf_counter()
            set_rates(self.optimizer, options, self.step, self.n_steps)
            loss = self._take_step(views, target, weight)
            self.step, self.batch = self.step + 1, self.batch + 1
            self.sums = [self.sums[0] + loss * len(views), self.sums[1] + len(views)]
            now = time.perf_counter()
            self.speeds.append((len(views) / (now - got), len(views) / (now - asked)))
            asked = now
            if (
                self.step % options.checkpoint_every == 0
                and self.batch < self.n_batches
            ):
                self._save(on_checkpoint)
            if listener is not None:
                mean = self.sums[0] / self.sums[1]
                latest = self.history[-1] if self.history else {}
                speed = self.speeds[-1][1]
                listener(
                    Progress(self.epoch, self.step, self.n_steps, mean, speed, latest)
                )

    def _take_step(self, views: Tensor, target: Tensor, weight: Tensor) -> float:
        options, device = self.options, self.device
        views, target, weight = (
            part.to(device, non_blocking=True) for part in (views, target, weight)
        )
        views = views.contiguous(memory_format=torch.channels_last)
        is_amp = device == "cuda" if options.is_amp is None else options.is_amp
        with torch.autocast(device, torch.bfloat16, enabled=is_amp):
            logits = self.network.forward_all(views)
        loss = classifier_loss(logits, target, weight)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_LIMIT)
        # after the limit: a penalty is the same however steep the loss is
        add_penalties(self.network, options.l1, options.l2)
        self.optimizer.step()
        average_weights(self.average, self.network, options.ema_decay, self.step)
        return float(loss.detach())

    def _validate(self) -> None:
        rows = self.frames.rows_of("val")
        logits = predict_logits(self.average, self.plain, rows, self.device)
        figures = measure_logits(logits, self.frames.p_truck[rows])
        if not math.isfinite(figures.loss):
            msg = (
                f"training diverged in epoch {self.epoch + 1} (validation loss "
                f"{figures.loss}); lower --learning-rate, in a new --run folder"
            )
            raise ModelError(msg)
        balanced = figures.balanced_accuracy
        row = {
            "epoch": float(self.epoch + 1),
            "step": float(self.step),
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            "train_loss": self.sums[0] / max(self.sums[1], 1.0),
            "val_loss": figures.loss,
            "val_accuracy": figures.accuracy,
            # a set without both labels for validation is refused when it is read
            "val_balanced_accuracy": math.nan if balanced is None else balanced,
        }
        self.history.append(row)
        if figures.loss < self.best["loss"]:
            state = {k: v.cpu().clone() for k, v in self.average.state_dict().items()}
            self.best = {"epoch": self.epoch + 1, "loss": figures.loss, "state": state}
        logger.info(
            "epoch %d: train loss %.4f, val loss %.4f, val balanced accuracy %.4f",
            self.epoch + 1,
            row["train_loss"],
            row["val_loss"],
            row["val_balanced_accuracy"],
        )

    def _is_stale(self) -> bool:
        patience = self.options.patience
        since = self.epoch - max(int(self.best["epoch"]), self.options.head_epochs)
        return patience > 0 and bool(self.history) and since >= patience

    def _save(self, on_checkpoint: Callable[[int], None] | None) -> None:
        save_checkpoint(
            self.folder,
            {
                "facts": self.facts,
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "epoch": self.epoch,
                "batch": self.batch,
                "step": self.step,
                "sums": self.sums,
                "history": self.history,
                "best": self.best,
            },
        )
        if on_checkpoint is not None:
            on_checkpoint(self.step)

    def _resume(self) -> None:
        state = load_checkpoint(self.folder, self.facts)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.step, self.sums = state["step"], state["sums"]
        self.history, self.best = state["history"], state["best"]
        logger.info("resumed at step %d", self.step)

    def _speed(self) -> dict[str, float]:
        if not self.speeds:
            return {}
        middle = len(self.speeds) // 2
        return {
            "step": sorted(s for s, _ in self.speeds)[middle],
            "loader_and_step": sorted(s for _, s in self.speeds)[middle],
        }


def classifier_loss(
    logits: tuple[Tensor, ...], target: Tensor, weight: Tensor
) -> Tensor:
    """Weighted cross entropy against soft labels; auxiliary heads add their share.

    Parameters
    ----------
    logits : tensors, shape (N,) each
        The main head's, then those of auxiliary heads.
    target : tensor, shape (N,), in [0, 1]
    weight : tensor, shape (N,)
    """
    total = weight.sum().clamp(min=1e-6)
    parts = [
        (F.binary_cross_entropy_with_logits(x, target, reduction="none") * weight).sum()
        / total
        for x in logits
    ]
    loss = parts[0]
    for part in parts[1:]:
        loss = loss + AUXILIARY_SHARE * part
    return loss


@torch.no_grad()
def average_weights(
    average: nn.Module, network: nn.Module, decay: float, step: int
) -> None:
    """Move the average a little towards the network's weights.

    Early on the decay is smaller, so that the random start is forgotten.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(
        average.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
