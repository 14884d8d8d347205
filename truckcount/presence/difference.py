"""Samples to whether their views changed: what has not need not be scored again.

The difference detector of NoScope, per sample and on block means of one channel.

References
----------
Kang et al., NoScope: https://arxiv.org/abs/1703.02529
"""

import numpy as np
import numpy.typing as npt

from truckcount.domain.sample import Sample

CELL_PX = 8
CHANGED_LEVELS = 3.0  # of 255, in any cell; sensor noise of 5 stays below in the mean
GREEN = 1  # stands for luma
MAX_REUSE_TICKS = 10  # a slow change is met this many ticks later at the latest


class DifferenceGate:
    """Tells which samples must be scored; the others take the last one's score."""

    def __init__(self) -> None:
        self._reference: list[npt.NDArray[np.float32]] | None = None
        self._block = -1

    def is_changed(self, sample: Sample) -> bool:
        """Compare with the last sample that was scored, and take its place if so."""
        small = [_shrink(view) for view in sample.views]
        block = sample.tick // MAX_REUSE_TICKS
        is_new = (
            self._reference is None
            or block != self._block
            or any(
                a.shape != b.shape or float(np.abs(a - b).max()) > CHANGED_LEVELS
                for a, b in zip(small, self._reference, strict=True)
            )
        )
        if is_new:
            self._reference, self._block = small, block
        return is_new


def _shrink(view: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    height, width = view.shape[:2]
    cells = view[..., GREEN].reshape(
        height // CELL_PX, CELL_PX, width // CELL_PX, CELL_PX
    )
    return np.asarray(cells.mean(axis=(1, 3), dtype=np.float32))
