"""What every runtime of a network offers: views in, maps out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Maps:
    """Truck maps of N views of one shape.

    A classifier of whole views gives maps of one cell, (h, w) = (1, 1): its score.
    """

    heat: npt.NDArray[np.float32]
    """Shape (N, h, w), truck-centre probability in [0, 1]."""
    box: npt.NDArray[np.float32]
    """Shape (N, 4, h, w): log(w / 16 px), log(h / 16 px), offset x, y in cells;
    meaningless where the map is of one cell."""

    @property
    def is_whole_view(self) -> bool:
        """Whether these are scores of whole views: the smallest map has 4 x 4 cells."""
        return self.heat.shape[1:] == (1, 1)


class Runtime(Protocol):
    """Runs one network on one device."""

    device: str

    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch.

        Parameters
        ----------
        views : uint8 array, shape (N, H, W, 3), RGB; H and W multiples of 32
            On CUDA also a tensor that lies there.

        Raises
        ------
        InputShapeError
            When the shape is another.
        """
        ...
