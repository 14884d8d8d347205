"""Weights of an earlier run to a classifier that learns on from them."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from truckcount.errors import ConfigError
from truckcount.evaluation.learned import HELD_OUT, warn_of_learned
from truckcount.presence.weights import Weights, find_weights
from truckcount.presence.zoo.classifier import ViewClassifier
from truckcount.training.classifier.frames import Frames

# not in a weights file: auxiliary heads, which training alone needs, begin anew
UNWRITTEN = (".aux", ".num_batches_tracked")


def find_start(start: str, network: str) -> Weights:
    """Find the weights file, or finished run folder, to start from.

    Raises
    ------
    ConfigError
        When it holds another network.
    WeightsError
        When there is none.
    """
    weights = find_weights(start)
    if weights.header.network != network:
        msg = (
            f"--from {start} holds {weights.header.network}, not {network}: give "
            f"--network {weights.header.network}, or weights of a {network}"
        )
        raise ConfigError(msg)
    return weights


def warn_of_overlap(weights: Weights, frames: Frames) -> None:
    """Say how many frames of val and test the earlier run was trained on."""
    held = [
        frames.folder / image
        for image, split in zip(frames.images, frames.split, strict=True)
        if split in HELD_OUT
    ]
    warn_of_learned(weights, held, f"of {len(held)} frames of val and test")


def batch_norm_of(weights: Weights) -> bool | None:
    """Return what its run was told of batch norms; None where as published."""
    with safe_open(weights.path, framework="pt") as file:
        config = json.loads((file.metadata() or {}).get("config", "{}"))
    told = config.get("batch_norm")
    return None if told is None else bool(told)


def load_start(network: ViewClassifier, path: Path) -> None:
    """Give a network the tensors of a weights file, in place.

    Raises
    ------
    ConfigError
        When its layers are others.
    """
    state = load_file(path)
    wanted = network.state_dict()
    missing = [
        name
        for name in wanted.keys() - state.keys()
        if not any(part in name for part in UNWRITTEN)
    ]
    other = [
        name
        for name in state.keys() - wanted.keys()
        if not any(part in name for part in UNWRITTEN)
    ]
    unlike = [
        name
        for name in wanted.keys() & state.keys()
        if wanted[name].shape != state[name].shape
    ]
    if missing or other or unlike:
        named = sorted([*missing, *other, *unlike])[:3]
        msg = (
            f"--from {path} was trained with other layers ({', '.join(named)}, ...): "
            "leave --batch-norm and --no-batch-norm away, to have what it has"
        )
        raise ConfigError(msg)
    with torch.no_grad():
        network.load_state_dict(wanted | state)
