"""A state comes back to the bit, holds no code, and damage is an error."""

import math

import pytest
import torch
from torch import nn

from truckcount.errors import ConfigError
from truckcount.training.state_file import read_state, write_state


def test_a_state_comes_back_as_it_was(tmp_path):
    state = {
        "nested": {3: [1, 2.5, (True, None)], "text": "ä"},
        "nan": math.inf,
        "large": 2**127 + 1,
        "empty": torch.zeros(0, 3),
        "half": torch.tensor([1.5, -0.0]).half(),
        "scalar": torch.tensor(7),
    }
    write_state(tmp_path / "s", state)
    back = read_state(tmp_path / "s")
    assert back.keys() == state.keys()
    assert back["nested"] == state["nested"]
    assert (back["nan"], back["large"]) == (math.inf, 2**127 + 1)
    for name in ("empty", "half", "scalar"):
        assert back[name].dtype == state[name].dtype
        assert back[name].shape == state[name].shape
        assert torch.equal(back[name], state[name])
    assert math.copysign(1, back["half"][1].item()) == -1


def test_an_optimizer_goes_on_as_if_never_stopped(tmp_path):
    def make():
        torch.manual_seed(0)
        network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, betas=(0.8, 0.9))
        return network, optimizer

    def step(network, optimizer):
        optimizer.zero_grad()
        network(torch.ones(1, 3, 5, 5)).square().sum().backward()
        optimizer.step()

    network, optimizer = make()
    for _ in range(3):
        step(network, optimizer)
    state = {"n": network.state_dict(), "o": optimizer.state_dict()}
    write_state(tmp_path / "s", state)
    for _ in range(3):
        step(network, optimizer)
    other, goes_on = make()
    state = read_state(tmp_path / "s")
    other.load_state_dict(state["n"])
    goes_on.load_state_dict(state["o"])
    average = goes_on.state_dict()["state"][0]["exp_avg"]
    assert average.is_contiguous(memory_format=torch.channels_last)
    for _ in range(3):
        step(other, goes_on)
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_tensors_that_share_memory_are_kept_apart(tmp_path):
    whole = torch.arange(6.0)
    write_state(tmp_path / "s", {"a": whole, "b": whole[2:], "c": whole})
    back = read_state(tmp_path / "s")
    assert torch.equal(back["b"], whole[2:])
    assert torch.equal(back["c"], whole)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j])
def test_what_a_file_cannot_hold_is_an_error_and_leaves_the_old_one(tmp_path, value):
    write_state(tmp_path / "s", {"step": 1})
    with pytest.raises(TypeError, match="cannot hold"):
        write_state(tmp_path / "s", {"step": value})
    assert read_state(tmp_path / "s") == {"step": 1}


def test_damage_and_pickles_are_errors(tmp_path):
    write_state(tmp_path / "s", {"a": torch.ones(100)})
    body = (tmp_path / "s").read_bytes()
    torch.save({"a": torch.ones(3)}, tmp_path / "pickle")
    for damaged in (b"", body[:-7], body[:40], (tmp_path / "pickle").read_bytes()):
        (tmp_path / "s").write_bytes(damaged)
        with pytest.raises(ConfigError, match="delete it to begin the run anew"):
            read_state(tmp_path / "s")
