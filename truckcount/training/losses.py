"""How wrong a truck map is: CenterNet's focal loss and an L1 on boxes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from truckcount.presence.truckmap import TruckMapOutput
from truckcount.training.targets import CENTRE

BOX_SHARE = 0.3
CLASS_WEIGHTS = (1.0, 0.5, 0.35)  # the truck map is what we are here for


def focal_loss(heat: Tensor, target: Tensor, trust: Tensor) -> Tensor:
    """Penalty-reduced pixel-wise focal loss.

    Parameters
    ----------
    heat : float tensor, shape (N, C, h, w), logits
    target : float tensor, shape (N, C, h, w), in [0, 1]
    trust : float tensor, shape (N, 1, h, w), weight of negatives

    References
    ----------
    Zhou et al., Objects as Points, eq. 1: https://arxiv.org/abs/1904.07850
    """
    weights = heat.new_tensor(CLASS_WEIGHTS)[None, :, None, None]
    log_p, log_q = F.logsigmoid(heat), F.logsigmoid(-heat)
    p = torch.sigmoid(heat)
    is_centre = (target > CENTRE).float()
    positive = is_centre * (1 - p) ** 2 * log_p
    negative = (1 - is_centre) * trust * (1 - target) ** 4 * p**2 * log_q
    n_centres = (is_centre * weights).sum().clamp(min=1.0)
    return -((positive + negative) * weights).sum() / n_centres


def map_loss(
    output: TruckMapOutput, heat: Tensor, trust: Tensor, box: Tensor, weight: Tensor
) -> Tensor:
    """Sum the centre and box losses of a batch."""
    guess = torch.cat([output.size, output.offset], dim=1)
    distance = (guess - box).abs().sum(1) * weight
    box_loss = distance.sum() / weight.sum().clamp(min=1.0)
    return focal_loss(output.heat, heat, trust[:, None]) + BOX_SHARE * box_loss
