"""All that a run of `truckmap` training is, between its steps and on disk."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from truckcount.errors import ConfigError
from truckcount.training.state_file import read_state, write_state

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.state"
Parts = dict[str, Any]
"""What has a ``state_dict``: network, average, optimizer, scheduler, draws."""
Facts = dict[str, Any]
"""What a run must have in common with the one it goes on with."""


class DrawState:
    """A random generator as a part of a run, which goes on where it was."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def state_dict(self) -> dict[str, Any]:
        """Return the generator's state."""
        return dict(self._rng.bit_generator.state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Set the generator to a state."""
        self._rng.bit_generator.state = state


@torch.no_grad()
def blend(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an exponential moving average of weights on by a step."""
    for kept, new in zip(
        average.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)


def save_parts(
    folder: Path, parts: Parts, step: int, facts: Facts | None = None
) -> None:
    """Replace the folder's checkpoint; a kill leaves the old one or the new one."""
    state = {name: part.state_dict() for name, part in parts.items()}
    write_state(folder / CHECKPOINT, state | {"step": step, "facts": facts or {}})


def load_parts(folder: Path, parts: Parts, facts: Facts | None = None) -> int:
    """Set every part to what the folder's checkpoint holds; return its step, or 0.

    Raises
    ------
    ConfigError
        When facts are given and the folder holds a run with others.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    state = read_state(path)
    if facts is not None:
        check_facts(folder, state.get("facts", {}), facts)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    step = int(state["step"])
    logger.info("resumed at step %d", step)
    return step


def check_run(folder: Path, facts: Facts) -> None:
    """Refuse a folder of another run, before anything in it is written over.

    Raises
    ------
    ConfigError
        When its checkpoint has other facts, or is damaged.
    """
    path = folder / CHECKPOINT
    if path.exists():
        check_facts(folder, read_state(path).get("facts", {}), facts)


def check_facts(folder: Path, held: Facts, facts: Facts) -> None:
    """Refuse to go on with a run that began with other options or other data.

    Raises
    ------
    ConfigError
        Naming what differs.
    """
    changed = sorted(
        k for k in facts.keys() | held.keys() if facts.get(k) != held.get(k)
    )
    if changed:
        shown = ", ".join(f"{k} {held.get(k)!r} -> {facts.get(k)!r}" for k in changed)
        msg = (
            f"{folder} holds a run with other options ({shown}); give another --run "
            "folder, or the same options to go on"
        )
        raise ConfigError(msg)
