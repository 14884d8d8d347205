"""Nested states of networks, optimizers and random generators to one file, and back.

``torch.save`` writes pickles. This writes safetensors with the nesting as JSON in its
header: a file that a run goes on from holds numbers and names, never code.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from truckcount.errors import ConfigError

TREE = "tree"
Encoded = Any
"""What JSON holds: a list of a mark and what it stands for."""


def write_state(path: Path, state: dict[Any, Any]) -> None:
    """Replace a file by a state; a kill leaves the old one or the new one.

    Parameters
    ----------
    state : dict
        Of dicts, lists, tuples, tensors, numbers, text and None, to any depth.

    Raises
    ------
    TypeError
        When it holds anything else.
    """
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_encode(state, tensors))
    draft = path.with_name(f".{path.name}.tmp")
    save_file(tensors, draft, {TREE: tree})
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def read_state(path: Path) -> dict[Any, Any]:
    """Read what `write_state` wrote, to the bit, on the CPU.

    Raises
    ------
    ConfigError
        When the file is damaged or no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tree = json.loads((file.metadata() or {})[TREE])
            names = file.keys()
            state = _decode(tree, {name: file.get_tensor(name) for name in names})
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        msg = (
            f"{path} is damaged or was written by another version ({error}); delete "
            "it to begin the run anew"
        )
        raise ConfigError(msg) from error
    if not isinstance(state, dict):
        msg = f"{path} holds no state; delete it to begin the run anew"
        raise ConfigError(msg)
    return state


def _encode(value: Any, tensors: dict[str, Tensor]) -> Encoded:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        value = value.detach().cpu()
        # a file has one order of axes; how a network lay in memory is told beside it
        is_last = value.dim() == 4 and not value.is_contiguous()
        tensors[name] = value.contiguous().clone()
        return ["tensor", name, is_last]
    if isinstance(value, dict):
        pairs = [[_encode(k, tensors), _encode(v, tensors)] for k, v in value.items()]
        return ["dict", pairs]
    if isinstance(value, list | tuple):
        mark = "list" if isinstance(value, list) else "tuple"
        return [mark, [_encode(v, tensors) for v in value]]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    msg = f"a state of a run cannot hold {type(value).__name__}"
    raise TypeError(msg)


def _decode(value: Encoded, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, list):
        return value
    mark, held, *layout = value
    if mark == "tensor":
        found = tensors[held]
        is_last = layout == [True]
        return found.to(memory_format=torch.channels_last) if is_last else found
    if mark == "dict":
        return {_decode(k, tensors): _decode(v, tensors) for k, v in held}
    items = [_decode(v, tensors) for v in held]
    return items if mark == "list" else tuple(items)
