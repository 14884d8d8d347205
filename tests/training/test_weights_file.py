"""Weights files are safetensors, and the same bytes for the same weights."""

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from truckcount.training.weights_file import write_weights_file

STATE = {
    "b": torch.arange(6, dtype=torch.float32).reshape(2, 3).T,  # not contiguous
    "a": torch.tensor([1.5, -2.0], dtype=torch.float16),
}
METADATA = {f"key{k}": f"value {k}" for k in range(9)}


def test_the_package_reads_what_was_written(tmp_path):
    path = tmp_path / "deep" / "w.safetensors"
    write_weights_file(path, STATE, METADATA)
    read = load_file(path)
    assert read.keys() == STATE.keys()
    assert all(torch.equal(read[k], STATE[k]) for k in STATE)
    assert read["a"].dtype == torch.float16
    with safe_open(path, "pt") as file:
        assert file.metadata() == METADATA
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_order_does_not_change_the_bytes(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    write_weights_file(first, STATE, METADATA)
    write_weights_file(
        second,
        dict(reversed(STATE.items())),
        dict(reversed(METADATA.items())),
    )
    assert first.read_bytes() == second.read_bytes()
