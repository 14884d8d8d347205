"""How far a view that lies on the GPU differs from its background.

The same as ``truckcount.presence.background.add_difference``, to a level of 255.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from truckcount.presence.background import MOST_APART, QUIET_SHARE, SAME, UInt8


def add_tensor_difference(view: Tensor, background: UInt8 | None) -> Tensor:
    """Return a view of shape (H, W, 3) with its fourth channel, where it lies."""
    if background is None:
        fourth = torch.full_like(view[:, :, :1], SAME)
        return torch.cat([view, fourth], dim=2)
    known = torch.from_numpy(background).to(view.device, torch.int16)
    apart = (view.to(torch.int16) - known).abs().amax(2)
    padded = F.pad(apart.float()[None, None], (1, 1, 1, 1), mode="reflect")
    blurred = F.avg_pool2d(padded, 3, 1)[0, 0].round()
    some = blurred[::4, ::4].flatten()
    quiet = torch.kthvalue(some, int(QUIET_SHARE * len(some)) + 1).values
    fourth = SAME + (blurred - quiet).clamp(0, MOST_APART)
    return torch.cat([view, fourth[:, :, None].to(torch.uint8)], dim=2)
