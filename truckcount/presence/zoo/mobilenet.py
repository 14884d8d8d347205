"""MobileNetV3, small and large, as whole-view classifiers.

References
----------
Howard et al., Searching for MobileNetV3: https://arxiv.org/abs/1905.02244
"""

from torch import nn
from torchvision import models

from truckcount.presence.zoo.classifier import Parts
from truckcount.presence.zoo.pretrained import drop_batch_norm, load_weights

INPUT_PX = 224
NORM_MOMENTUM = 0.1  # published: 0.01, for runs of 100,000s of steps; ours take 100s


def build_mobilenet(
    size: str, *, dropout: float, batch_norm: bool, pretrained: bool
) -> Parts:
    """Build the ``small`` or ``large`` one."""
    make, published = {
        "small": (
            models.mobilenet_v3_small,
            models.MobileNet_V3_Small_Weights.IMAGENET1K_V1,
        ),
        "large": (
            models.mobilenet_v3_large,
            models.MobileNet_V3_Large_Weights.IMAGENET1K_V2,
        ),
    }[size]
    weights = published if pretrained else None
    network = load_weights(f"mobilenet_v3_{size}", make(), weights)
    layers = [p for p in network.classifier if not isinstance(p, nn.Dropout)]
    head = nn.Linear(layers[-1].in_features, 1)
    layers[-1:] = [nn.Dropout(dropout), head] if dropout else [head]
    network.classifier = nn.Sequential(*layers)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = NORM_MOMENTUM
    if not batch_norm:
        drop_batch_norm(network)
    return Parts(network, head, INPUT_PX)
