"""A view of any size to one logit: what all classifiers of the zoo share."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGENET_MEAN = (123.675, 116.28, 103.53)  # RGB, 0-255, as torchvision trained
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Parts:
    """A classifier's network, cut where fine-tuning cuts it."""

    body: nn.Module
    """Maps (N, 3, S, S), normalised, to logits (N, 1); in training possibly a tuple
    of logits, the auxiliary ones last."""
    head: nn.Module
    """The part of ``body`` that is new: trained alone first."""
    input_px: int


class ViewClassifier(nn.Module):
    """Scores whole views: how sure it is that a truck is in one.

    Parameters
    ----------
    name : str
        The network's name in the zoo.
    parts : Parts
    mean, std : three floats, RGB in [0, 255]
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        parts: Parts,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.name = name
        self.input_px = parts.input_px
        self.body = parts.body
        # not registered twice: the head's tensors are the body's
        self._head = (parts.head,)
        for key, values in (("mean", mean), ("std", std)):
            self.register_buffer(key, torch.tensor(values)[None, :, None, None])

    @property
    def head(self) -> nn.Module:
        """The new part, trained first where the rest is pretrained."""
        return self._head[0]

    def normalise(self, views: Tensor) -> Tensor:
        """Stretch views to the network's square input and to unit variance.

        Parameters
        ----------
        views : uint8 or float tensor, shape (N, 3, H, W), RGB in [0, 255]
        """
        x = views.float()
        side = (self.input_px, self.input_px)
        # a graph is exported by one view and scores others: it must always stretch
        if torch.onnx.is_in_onnx_export() or tuple(x.shape[2:]) != side:
            x = F.interpolate(x, size=side, mode="bilinear", align_corners=False)
        return (x - self.mean) / self.std

    def forward_all(self, views: Tensor) -> tuple[Tensor, ...]:
        """Return the logits, shape (N,), and in training those of auxiliary heads."""
        out = self.body(self.normalise(views))
        outs = out if isinstance(out, tuple) else (out,)
        return tuple(logit.float().squeeze(1) for logit in outs)

    def forward(self, views: Tensor) -> Tensor:
        """Return the logits of "a truck is in view", shape (N,)."""
        return self.forward_all(views)[0]


def start_kaiming(module: nn.Module) -> None:
    """Start a network from scratch.

    References
    ----------
    He et al., Delving deep into rectifiers: https://arxiv.org/abs/1502.01852
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            # torch's own counts the outputs of all groups: a depthwise layer would
            # start at a hundredth, and without batch norm nothing would come through
            area = part.kernel_size[0] * part.kernel_size[1]
            fan_out = part.out_channels // part.groups * area
            nn.init.normal_(part.weight, std=math.sqrt(2.0 / fan_out))
        elif isinstance(part, nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
            continue
        else:
            continue
        if part.bias is not None:
            nn.init.zeros_(part.bias)
    last = [p for p in module.modules() if isinstance(p, nn.Linear)][-1]
    # a truck and no truck are equally likely at first
    nn.init.normal_(last.weight, std=0.01)
