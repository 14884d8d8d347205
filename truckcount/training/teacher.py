"""Larger weights that say of every view what they see in it."""

from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.weights import Weights
from truckcount.training.targets import CENTRE

FloatMap = npt.NDArray[np.float32]
SUSPICION = 0.2  # a teacher that gives less than this contradicts the label


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

    def __call__(self, view: npt.NDArray[np.uint8]) -> FloatMap:
        """Score a view of shape (H, W, 3); return float32 (H/8, W/8)."""
        both = np.stack([view, view[:, ::-1]])
        heat = self._runtime.score_views(both).heat
        mean = (heat[0] + heat[1][:, ::-1]) / 2
        return np.asarray(mean, np.float32)


def side_with_labels(taught: FloatMap, heat: FloatMap) -> FloatMap:
    """Make a teacher sure of the labelled trucks that it suspects.

    Learned as they are, a teacher's doubts of a true truck become the pupil's. Where
    it sees nothing at all, the label may be the wrong one (sets that call vans
    trucks), and the teacher is kept.

    Parameters
    ----------
    taught : float32 array, shape (h, w), or empty without a teacher
    heat : float32 array, shape (h, w), drawn truck centres
    """
    if not taught.size:
        return taught
    around = cv2.dilate(np.ascontiguousarray(taught), np.ones((3, 3), np.uint8))
    is_agreed = (heat > CENTRE) & (around >= SUSPICION)
    return np.where(is_agreed, np.float32(1.0), taught)
