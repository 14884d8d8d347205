"""All that a training run is, in one file that is there whole or not at all."""

from pathlib import Path
from typing import Any

import torch

from truckcount.training.run_state import check_facts
from truckcount.training.state_file import read_state, write_state

CHECKPOINT = "checkpoint.state"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint; a kill leaves the old one or the new one."""
    state = state | {
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    write_state(folder / CHECKPOINT, state)


def load_checkpoint(folder: Path, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Read the folder's checkpoint and set the random states to what they were.

    Parameters
    ----------
    facts : dict
        What a run must have in common with the one it goes on with.

    Raises
    ------
    ConfigError
        When the folder holds another run.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    state = read_state(path)
    check_facts(folder, state["facts"], facts)
    torch.set_rng_state(state["rng"])
    if state["rng_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["rng_cuda"])
    return state
