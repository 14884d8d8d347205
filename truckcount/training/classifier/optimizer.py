"""A network's parameters to an optimizer, its rates over time and its penalties."""

import math

import torch
from torch import nn

from truckcount.presence.zoo.classifier import ViewClassifier
from truckcount.training.classifier.options import ClassifierOptions

FINAL_SHARE = 0.01  # of the learning rate, at the end of the cosine


def penalised_weights(network: nn.Module) -> list[nn.Parameter]:
    """Weights of convolutions and full layers: what L1 and L2 act on.

    Biases and norms are left alone: shrinking them changes a layer's level and
    scale, not how much it listens to single inputs.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return [p for m in layers for name, p in m.named_parameters() if name == "weight"]


@torch.no_grad()
def add_penalties(network: nn.Module, l1: float, l2: float) -> None:
    """Add ``l1 sign(w) + l2 w`` to the gradients of :func:`penalised_weights`.

    These are the gradients of ``l1 sum |w| + l2/2 sum w^2``. Weights without a
    gradient (frozen ones) stay without.
    """
    if not l1 and not l2:
        return
    for weight in penalised_weights(network):
        if weight.grad is None:
            continue
        if l1:
            weight.grad.add_(torch.sign(weight), alpha=l1)
        if l2:
            weight.grad.add_(weight, alpha=l2)


def make_optimizer(
    network: ViewClassifier, options: ClassifierOptions
) -> torch.optim.Optimizer:
    """Four groups: head and body, each with and without AdamW's decay."""
    in_head = {id(p) for p in network.head.parameters()}
    shrunk = {id(p) for p in penalised_weights(network)}
    groups = []
    for is_head in (True, False):
        for is_shrunk in (True, False):
            groups.append(
                {
                    "params": [
                        p
                        for p in network.parameters()
                        if (id(p) in in_head) == is_head
                        and (id(p) in shrunk) == is_shrunk
                    ],
                    "weight_decay": options.weight_decay if is_shrunk else 0.0,
                    "is_head": is_head,
                }
            )
    groups = [group for group in groups if group["params"]]
    if options.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=options.learning_rate)
    for group in groups:  # Adam would add it to the gradient: that is what l2 is for
        group["weight_decay"] = 0.0
    return torch.optim.Adam(groups, lr=options.learning_rate)


def rate_factor(step: int, n_steps: int, warmup_steps: int) -> float:
    """Share of the learning rate at a step: a linear start, then half a cosine.

    Examples
    --------
    >>> [round(rate_factor(s, 100, 10), 2) for s in (0, 4, 9, 55, 99)]
    [0.1, 0.5, 1.0, 0.51, 0.01]
    """
    warmup = min(warmup_steps, n_steps // 4)
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, n_steps - warmup))
    return FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * done)) / 2


def set_rates(
    optimizer: torch.optim.Optimizer,
    options: ClassifierOptions,
    step: int,
    n_steps: int,
) -> None:
    """Set the rates of a step: a function of it alone, so a resumed run is alike."""
    rate = options.learning_rate * rate_factor(step, n_steps, options.warmup_steps)
    for group in optimizer.param_groups:
        is_slow = options.is_pretrained and not group["is_head"]
        group["lr"] = rate * (options.body_factor if is_slow else 1.0)


def freeze_body(network: ViewClassifier, *, is_frozen: bool) -> None:
    """Let only the head learn, or all; a frozen body keeps its norms' statistics."""
    in_head = {id(p) for p in network.head.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad = not is_frozen or id(parameter) in in_head
    network.train()
    if is_frozen:
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
