"""ResNet-18 and ResNet-50 as whole-view classifiers.

References
----------
He et al., Deep residual learning: https://arxiv.org/abs/1512.03385
"""

from torch import nn
from torchvision import models

from truckcount.presence.zoo.classifier import Parts
from truckcount.presence.zoo.pretrained import drop_batch_norm, load_weights

INPUT_PX = 224


def build_resnet(
    depth: int, *, dropout: float, batch_norm: bool, pretrained: bool
) -> Parts:
    """Build the 18- or 50-layer one; ``dropout`` stands before its last layer."""
    make, published = {
        18: (models.resnet18, models.ResNet18_Weights.IMAGENET1K_V1),
        50: (models.resnet50, models.ResNet50_Weights.IMAGENET1K_V2),
    }[depth]
    weights = published if pretrained else None
    network = load_weights(f"resnet{depth}", make(), weights)
    head = nn.Linear(network.fc.in_features, 1)
    network.fc = nn.Sequential(nn.Dropout(dropout), head) if dropout else head
    if not batch_norm:
        drop_batch_norm(network)
    return Parts(network, network.fc, INPUT_PX)
