"""Tensors and a header to a safetensors file, the same bytes every time.

The safetensors package writes a header's entries in an order that changes from run to
run; a weights file is known by its hash, so the order must not.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

DTYPES = {torch.float32: "F32", torch.float16: "F16"}
ALIGNMENT = 8  # of the first tensor, bytes, as the format asks


def write_weights_file(
    path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write a file that is there whole or not at all.

    Parameters
    ----------
    state : dict of float32 or float16 tensors

    References
    ----------
    https://huggingface.co/docs/safetensors/index#format
    """
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    blobs, offset = [], 0
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        blob = tensor.numpy().tobytes()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    with draft.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        file.writelines(blobs)
    draft.replace(path)
