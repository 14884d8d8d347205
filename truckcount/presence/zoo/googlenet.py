"""GoogLeNet as a whole-view classifier, with its two auxiliary heads in training.

References
----------
Szegedy et al., Going deeper with convolutions: https://arxiv.org/abs/1409.4842
"""

from torch import Tensor, nn
from torchvision import models

from truckcount.presence.zoo.classifier import Parts
from truckcount.presence.zoo.pretrained import drop_batch_norm, load_weights

INPUT_PX = 224
AUXILIARY_SHARE = 0.3  # of the loss, section 5 of the paper


class GoogLeNetBody(nn.Module):
    """torchvision's GoogLeNet, its outputs as a plain tuple."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return logits (N, 1); in training those of both auxiliary heads, too."""
        out = self.network(x)
        if isinstance(out, Tensor):
            return out
        return out.logits, out.aux_logits1, out.aux_logits2


def build_googlenet(*, dropout: float, batch_norm: bool, pretrained: bool) -> Parts:
    """Build it; ``dropout`` stands before the last layer of each of the three heads."""
    weights = models.GoogLeNet_Weights.IMAGENET1K_V1 if pretrained else None
    plain = models.googlenet(
        aux_logits=True,
        transform_input=pretrained,  # they were trained on another mean
        init_weights=False,  # torchvision's truncated normals take a minute
    )
    network = load_weights("googlenet", plain, weights)
    for head in (network.aux1, network.aux2):
        head.fc2 = nn.Linear(1024, 1)
        head.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
    network.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
    network.fc = nn.Linear(1024, 1)
    if not batch_norm:
        drop_batch_norm(network)
    return Parts(GoogLeNetBody(network), network.fc, INPUT_PX)
