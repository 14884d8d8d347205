"""Larger weights that say of every view what they see in it."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.weights import Weights


class Teacher:
    """The truck map of weights that cost too much to run every day.

    The mean over a view and its mirror image; the graph is loaded by the worker
    that first asks, because an open session does not survive a fork.

    Parameters
    ----------
    weights : Weights
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @cached_property
    def _runtime(self) -> OnnxRuntime:
        return OnnxRuntime(self._weights)

    def __call__(self, view: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score a view of shape (H, W, 3); return float32 (H/8, W/8)."""
        both = np.stack([view, view[:, ::-1]])
        heat = self._runtime.score_views(both).heat
        mean = (heat[0] + heat[1][:, ::-1]) / 2
        return np.asarray(mean, np.float32)
