"""Frames on a device to gate views, as one product of matrices a view.

Area weights where a view is smaller than its crop and bilinear ones where it is
larger, on the crop that ``ViewCropper`` takes: what swscale does on the CPU.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from truckcount.domain.sample import ViewRect


def resize_weights(n_in: int, n_out: int) -> npt.NDArray[np.float32]:
    """Return the share that every pixel has in every new one, shape (n_out, n_in)."""
    scale = n_in / n_out
    if scale > 1:  # each new pixel is the mean of the stretch that it covers
        low = scale * np.arange(n_out)[:, None]
        at = np.arange(n_in)[None]
        shared = np.minimum(low + scale, at + 1) - np.maximum(low, at)
        return np.asarray(np.clip(shared, 0, None) / scale, np.float32)
    centre = np.clip(scale * (np.arange(n_out) + 0.5) - 0.5, 0, n_in - 1)
    weights = 1 - np.abs(np.arange(n_in)[None] - centre[:, None])
    return np.asarray(np.clip(weights, 0, None), np.float32)


class TensorCropper:
    """Crops and scales the views of frames of one size, a batch at a time.

    Parameters
    ----------
    views : sequence of ViewRect
    """

    def __init__(self, views: Sequence[ViewRect]) -> None:
        self._views = list(views)
        self._weights: dict[tuple[int, int, torch.device], Tensor] = {}

    @torch.inference_mode()
    def cut(self, frames: Tensor) -> list[Tensor]:
        """Return every view of every frame.

        Parameters
        ----------
        frames : uint8 tensor, shape (N, 3, H, W)

        Returns
        -------
        list of uint8 tensors, shape (N, height_px, width_px, 3)
            One for each ``ViewRect``, on the device of the frames.
        """
        return [self._cut(frames, rect) for rect in self._views]

    def _cut(self, frames: Tensor, rect: ViewRect) -> Tensor:
        height, width = frames.shape[2:]
        # on the chroma grid, as on the CPU
        left, top = 2 * round(rect.x0 * width / 2), 2 * round(rect.y0 * height / 2)
        right = min(width, max(left + 2, round(rect.x1 * width)))
        bottom = min(height, max(top + 2, round(rect.y1 * height)))
        crop = frames[:, :, top:bottom, left:right].float()
        rows = self._weights_of(bottom - top, rect.height_px, frames.device)
        columns = self._weights_of(right - left, rect.width_px, frames.device)
        view = rows @ crop @ columns.T  # (N, 3, height_px, width_px)
        view = view.add_(0.5).clamp_(0, 255).to(torch.uint8)
        return view.permute(0, 2, 3, 1).contiguous()

    def _weights_of(self, n_in: int, n_out: int, device: torch.device) -> Tensor:
        key = (n_in, n_out, device)
        if key not in self._weights:
            weights = torch.from_numpy(resize_weights(n_in, n_out))
            self._weights[key] = weights.to(device)
        return self._weights[key]
