"""The article's network has the article's sizes."""

import pytest
import torch
from torch import nn

from truckcount.presence.zoo.factory import build_network
from truckcount.presence.zoo.seed import LAYERS, output_size


def sizes_of(network):
    """Side of the feature map before the first and after each conv and pool layer."""
    x = torch.zeros(1, 3, 335, 335)
    sizes = [x.shape[2]]
    for part in network.body:
        if isinstance(part, nn.Flatten):
            break
        x = part(x)
        if isinstance(part, nn.Conv2d | nn.MaxPool2d):
            assert x.shape[2] == x.shape[3]
            sizes.append(x.shape[2])
    return sizes


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_feature_sizes_are_those_of_the_article(batch_norm):
    network = build_network("seed", batch_norm=batch_norm)
    assert sizes_of(network) == [335, 167, 42, 20, 5]


def test_the_padding_that_gives_them_is_one_pixel_everywhere():
    network = build_network("seed")
    layers = [m for m in network.body if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    pairs = [
        (int(torch.as_tensor(m.padding).max()), int(torch.as_tensor(m.stride).max()))
        for m in layers
    ]
    assert pairs == [(1, 2), (1, 4), (1, 2), (1, 4)]
    assert [padding for *_, padding in LAYERS] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "want"),
    [
        (185, 5, 2, 0, 91),
        (335, 5, 2, 1, 167),
        (335, 5, 2, 0, 166),
        (167, 4, 4, 1, 42),
        (167, 4, 4, 0, 41),
        (5, 5, 1, 0, 1),
    ],
)
def test_the_formula_is_what_torch_does(size, kernel, stride, padding, want):
    assert output_size(size, kernel, stride, padding) == want
    layer = nn.Conv2d(1, 1, kernel, stride, padding)
    assert layer(torch.zeros(1, 1, size, size)).shape[2] == want


def test_a_kernel_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit 3 px"):
        output_size(3, kernel=5)
