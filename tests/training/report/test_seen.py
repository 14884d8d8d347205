"""Kernels and feature maps of real networks."""

import numpy as np
import pytest
import torch
from torch import nn

from truckcount.presence.truckmap import TruckMap
from truckcount.training.report.seen import (
    GAP_PX,
    KERNEL_PX,
    cut_example,
    show_kernels,
    show_stages,
)


def small_classifier():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU(),
        nn.Conv2d(8, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1),
    )  # fmt: skip


class OfBytes(nn.Module):
    """Takes views as the zoo's networks do."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, views):
        return self.body(views.float())


def test_every_kernel_is_a_tile_at_its_full_range():
    network = small_classifier()
    sheet = show_kernels(network)
    assert sheet.shape == (KERNEL_PX, 4 * (KERNEL_PX + GAP_PX) - GAP_PX, 4)
    for k in range(4):
        tile = sheet[:, k * (KERNEL_PX + GAP_PX) :][:, :KERNEL_PX, :3].astype(int)
        assert np.abs(tile - 127).max() >= 126
    assert sheet[:, KERNEL_PX, 3].max() == 0  # a gap is clear


def test_a_kernel_of_zeros_is_grey():
    network = small_classifier()
    nn.init.zeros_(network[0].weight)
    assert np.unique(show_kernels(network)[:, :KERNEL_PX, :3]).tolist() == [127]


def test_a_network_that_sees_no_colours_has_no_kernels_to_show():
    assert show_kernels(nn.Conv2d(1, 4, 3)) is None


def test_stages_of_a_classifier_come_in_order_and_leave_no_hooks():
    network = OfBytes(small_classifier())
    view = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    stages = show_stages(network, view)
    assert [s.name for s in stages] == ["body.0", "body.2"]
    assert all(s.tiles.dtype == np.uint8 and s.tiles.shape[2] == 4 for s in stages)
    assert not any(m._forward_hooks for m in network.modules())


def test_a_truck_map_lies_over_its_view():
    torch.manual_seed(0)
    network = TruckMap().eval()
    with torch.no_grad():
        network.out.weight.zero_()
    view = np.full((64, 96, 3), 100, np.uint8)
    cold, hot = network.out.bias[0].item(), 8.0
    (stage,) = show_stages(network, view)[-1:]
    assert stage.name == "truck map"
    assert stage.tiles.shape == (128, 192, 3)
    assert np.abs(stage.tiles.astype(int) - 100).max() < 5  # p = 0.01 everywhere
    assert cold < 0
    with torch.no_grad():
        network.out.bias[0] = hot
    red = show_stages(network, view)[-1].tiles.mean(axis=(0, 1))
    assert red[0] > 200
    assert red[2] < 60


@pytest.mark.parametrize("path", ["", "/nowhere.png"])
def test_an_example_that_is_gone_is_none(path):
    assert cut_example(path, (320, 192)) is None
