"""Penalties, rates and freezing do what their options say."""

import pytest
import torch
from torch import nn

from truckcount.presence.zoo.factory import build_network
from truckcount.training.classifier.optimizer import (
    add_penalties,
    freeze_body,
    make_optimizer,
    penalised_weights,
    rate_factor,
    set_rates,
)
from truckcount.training.classifier.options import ClassifierOptions


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_network("seed", batch_norm=True)


def gradients(network, l1, l2):
    """Gradients of a loss that has none of its own, plus the penalties'."""
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 0.25)
    add_penalties(network, l1, l2)
    return {n: (p.grad - 0.25, p.detach()) for n, p in network.named_parameters()}


def is_weight_of_a_layer(name):
    return name.endswith("weight") and "norm" not in name


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.7), (0.3, 0.7), (0, 0)])
def test_l1_adds_the_sign_and_l2_the_weight(network, l1, l2):
    found = gradients(network, l1, l2)
    assert sum(is_weight_of_a_layer(n) for n in found) == 4
    for name, (added, weight) in found.items():
        want = l1 * torch.sign(weight) + l2 * weight
        if not is_weight_of_a_layer(name):
            want = torch.zeros_like(weight)
        assert torch.allclose(added, want, atol=1e-6), name


def test_penalties_are_the_gradients_of_l1_and_l2_sums(network):
    weights = penalised_weights(network)
    loss = sum(0.3 * w.abs().sum() + 0.7 / 2 * (w**2).sum() for w in weights)
    loss.backward()
    want = [w.grad.clone() for w in weights]
    for w in weights:
        w.grad = torch.zeros_like(w)
    add_penalties(network, 0.3, 0.7)
    assert all(torch.allclose(w.grad, g) for w, g in zip(weights, want, strict=True))


def test_frozen_weights_are_not_penalised(network):
    for parameter in network.parameters():
        parameter.grad = None
    add_penalties(network, 0.1, 0.1)
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_decay_is_adamws_alone_and_of_weights_alone(network, name, kind):
    options = ClassifierOptions(optimizer=name, weight_decay=0.05)
    optimizer = make_optimizer(network, options)
    assert type(optimizer) is kind
    decay = {
        id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]
    }
    assert len(decay) == len(list(network.parameters()))
    for parameter_name, parameter in network.named_parameters():
        is_shrunk = name == "adamw" and is_weight_of_a_layer(parameter_name)
        assert decay[id(parameter)] == (0.05 if is_shrunk else 0.0)


def test_a_pretrained_body_learns_slower_than_its_head(network):
    options = ClassifierOptions(is_pretrained=True, learning_rate=0.1, body_factor=0.2)
    optimizer = make_optimizer(network, options)
    set_rates(optimizer, options, step=50, n_steps=1000)
    rates = {g["is_head"]: g["lr"] for g in optimizer.param_groups}
    assert rates[True] == pytest.approx(0.1)
    assert rates[False] == pytest.approx(0.02)


def test_the_rate_rises_then_falls_as_a_cosine():
    rates = [rate_factor(step, 100, 10) for step in range(100)]
    assert rates[:10] == pytest.approx([k / 10 for k in range(1, 11)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.505)
    assert rates[-1] < 0.02


def test_a_frozen_body_has_no_gradients_and_keeps_its_statistics(network):
    freeze_body(network, is_frozen=True)
    before = network.body.norm1.running_mean.clone()
    views = torch.randint(0, 256, (3, 3, 335, 335), dtype=torch.uint8)
    network(views).sum().backward()
    learned = {n for n, p in network.named_parameters() if p.grad is not None}
    assert learned == {"body.full2.weight", "body.full2.bias"}
    assert torch.equal(network.body.norm1.running_mean, before)
    freeze_body(network, is_frozen=False)
    network(views).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    assert not torch.equal(network.body.norm1.running_mean, before)
    assert all(m.training for m in network.modules() if isinstance(m, nn.BatchNorm2d))
