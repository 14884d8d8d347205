"""AlexNet as a whole-view classifier.

References
----------
Krizhevsky, One weird trick: https://arxiv.org/abs/1404.5997 (torchvision's form)
"""

from torch import nn
from torchvision import models

from truckcount.presence.zoo.classifier import Parts
from truckcount.presence.zoo.pretrained import load_weights

INPUT_PX = 224


def build_alexnet(*, dropout: float, batch_norm: bool, pretrained: bool) -> Parts:
    """Build it; ``batch_norm`` adds a norm after each convolution (AlexNet has none).

    The published weights do not know the added norms, so the two exclude each other
    in :func:`truckcount.presence.zoo.factory.build_network`.
    """
    weights = models.AlexNet_Weights.IMAGENET1K_V1 if pretrained else None
    network = load_weights("alexnet", models.alexnet(), weights)
    for part in network.classifier:
        if isinstance(part, nn.Dropout):
            part.p = dropout
    if not dropout:
        network.classifier = nn.Sequential(
            *(p for p in network.classifier if not isinstance(p, nn.Dropout))
        )
    if batch_norm:
        layers: list[nn.Module] = []
        for part in network.features:
            layers.append(part)
            if isinstance(part, nn.Conv2d):
                layers.append(nn.BatchNorm2d(part.out_channels))
        network.features = nn.Sequential(*layers)
    network.classifier[-1] = nn.Linear(4096, 1)
    return Parts(network, network.classifier[-1], INPUT_PX)
