"""`--device auto|cpu|cuda` and `--workers` to what this machine has."""

import os

from truckcount.errors import ConfigError
from truckcount.presence.devices import DEVICES

MAX_WORKERS = 12


def choose_device(device: str) -> str:
    """Return ``cpu`` or ``cuda``.

    Raises
    ------
    ConfigError
        When ``cuda`` is asked for and torch sees no GPU.
    """
    import torch

    if device not in DEVICES:
        msg = f"--device {device!r} is not one of {', '.join(DEVICES)}"
        raise ConfigError(msg)
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        msg = "--device cuda: torch sees no GPU here; use --device cpu"
        raise ConfigError(msg)
    return "cuda" if has_gpu and device != "cpu" else "cpu"


def choose_workers(asked: int | None) -> int:
    """Return how many processes load frames: all cores but two, unless asked.

    On one or two cores frames are made between the steps: a process more would only
    take turns with them.
    """
    if asked is not None:
        if asked < 0:
            msg = f"--workers {asked} must not be negative"
            raise ConfigError(msg)
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    return max(0, min(MAX_WORKERS, cores - 2))
