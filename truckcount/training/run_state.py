"""All that a run of `truckmap` training is, between its steps and on disk."""

import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

from truckcount.training.state_file import read_state, write_state

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.state"
Parts = dict[str, Any]
"""What has a ``state_dict``: network, average, optimizer, scheduler."""


@torch.no_grad()
def blend(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an exponential moving average of weights on by a step."""
    for kept, new in zip(
        average.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)


def save_parts(folder: Path, parts: Parts, step: int) -> None:
    """Replace the folder's checkpoint; a kill leaves the old one or the new one."""
    state = {name: part.state_dict() for name, part in parts.items()}
    write_state(folder / CHECKPOINT, state | {"step": step})


def load_parts(folder: Path, parts: Parts) -> int:
    """Set every part to what the folder's checkpoint holds; return its step, or 0."""
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    state = read_state(path)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    step = int(state["step"])
    logger.info("resumed at step %d", step)
    return step
