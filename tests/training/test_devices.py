"""Devices and workers are what the machine has, or refused."""

import pytest
import torch

from truckcount.errors import ConfigError
from truckcount.training.devices import choose_device, choose_workers


def test_the_cpu_can_always_be_asked_for():
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in {"cpu", "cuda"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="no GPU here"):
        choose_device("cuda")


def test_strange_devices_and_numbers_are_refused():
    with pytest.raises(ConfigError, match="tpu"):
        choose_device("tpu")
    with pytest.raises(ConfigError, match="-1"):
        choose_workers(-1)
    assert choose_workers(3) == 3
    assert choose_workers(None) >= 0
