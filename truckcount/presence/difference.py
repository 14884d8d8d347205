"""Views to whether they changed: what has not need not be scored again.

The difference detector of NoScope, per gate view, on block means of luma, with a
threshold that follows the camera's noise.

References
----------
Kang et al., NoScope: https://arxiv.org/abs/1703.02529
"""

import cv2
import numpy as np
import numpy.typing as npt

CELL_PX = 16  # a truck smaller than a few cells is not found in any case
NOISE_FACTOR = 4.5  # of the noise: the largest of 240 cells stays below in 99 %
LEAST_LEVELS = 3.0  # of 255; a codec that smooths all noise away still ripples
MOST_LEVELS = 6.0  # however noisy, a grey truck before grey asphalt differs more
NOISE_MEMORY = 0.05  # weight of the newest sample
MEDIAN_OF_NORMAL = 0.6745  # median of |x| where x is normal with deviation 1
MAX_REUSE_TICKS = 10  # a slow change is met this many ticks later at the latest

Cells = npt.NDArray[np.float32]


class ViewGate:
    """Tells which samples of one view must be scored; others take the last score."""

    def __init__(self) -> None:
        self._reference: Cells | None = None
        self._previous: Cells | None = None
        self._noise: float | None = None
        self._block = -1

    @property
    def threshold(self) -> float:
        """Grey levels by which a cell must differ to be new."""
        noise = 0.0 if self._noise is None else self._noise
        return min(max(NOISE_FACTOR * noise, LEAST_LEVELS), MOST_LEVELS)

    def is_changed(self, tick: int, cells: Cells) -> bool:
        """Compare with the last sample that was scored, and take its place if so.

        Parameters
        ----------
        tick : int
        cells : float32 array, shape (H / 16, W / 16), as from ``shrink``
        """
        self._measure_noise(cells)
        block = tick // MAX_REUSE_TICKS
        is_new = (
            self._reference is None
            or block != self._block
            or cells.shape != self._reference.shape
            or float(np.abs(cells - self._reference).max()) > self.threshold
        )
        if is_new:
            self._reference, self._block = cells, block
        return is_new

    def _measure_noise(self, cells: Cells) -> None:
        """Follow the noise: traffic moves a part of the cells, noise their median."""
        previous, self._previous = self._previous, cells
        if previous is None or previous.shape != cells.shape:
            return
        change = cells - previous
        change -= np.median(change)  # the light of the whole picture is no noise
        now = float(np.median(np.abs(change))) / MEDIAN_OF_NORMAL
        if self._noise is None:
            self._noise = now
        self._noise += NOISE_MEMORY * (now - self._noise)


def shrink(view: npt.NDArray[np.uint8]) -> Cells:
    """Average a view's luma over cells; shape (H, W, 3) to (H / 16, W / 16)."""
    height, width = view.shape[:2]
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (width // CELL_PX, height // CELL_PX)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
