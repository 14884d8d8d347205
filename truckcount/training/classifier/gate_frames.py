"""Frames of a label set to the views of their gates, cut when they are asked for."""

from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
import torch

from truckcount.domain.camera import WHOLE_PICTURE
from truckcount.presence.truckmap import TruckMap
from truckcount.training.classifier.frames import Frames, Gates
from truckcount.training.own_camera import GateFrame, cut_gate_frame

MAX_KEPT = 2000  # frames of 184 kB a view: 0.4 GB; more are cut anew when drawn
LOWEST_LOGIT = -30.0  # of a frame whose gate covers no cell


class GateFrames(Sequence[GateFrame]):
    """The views of a set's rows; what was cut stays in memory up to a limit.

    Parameters
    ----------
    rows : int array, shape (N,)
        Rows of the set, as training draws them.
    view_size : (width, height)
        Largest view, pixels.
    """

    def __init__(
        self,
        frames: Frames,
        rows: npt.NDArray[np.int64],
        gates: Gates,
        view_size: tuple[int, int],
    ) -> None:
        self._frames = frames
        self._rows = rows
        self._gates = gates
        self._view_size = view_size
        self._kept: dict[int, GateFrame] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> GateFrame: ...

    @overload
    def __getitem__(self, index: slice) -> list[GateFrame]: ...

    def __getitem__(self, index: int | slice) -> GateFrame | list[GateFrame]:
        """Return the views of one frame, or of several."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = int(self._rows[index])
        found = self._kept.get(row)
        if found is None:
            camera = str(self._frames.camera[row])
            gates = self._gates.get(camera, (WHOLE_PICTURE,))
            found = cut_gate_frame(self._frames.read(row), gates, self._view_size)
            if len(self._kept) < MAX_KEPT:
                self._kept[row] = found
        return found


@torch.inference_mode()
def score_gate_frames(
    network: TruckMap, frames: Sequence[GateFrame]
) -> npt.NDArray[np.float64]:
    """Return each frame's logit: its map's largest cell in the gate, shape (N,)."""
    network.eval()
    found = np.full(len(frames), LOWEST_LOGIT)
    for i in range(len(frames)):
        for view, mask in zip(frames[i].views, frames[i].masks, strict=True):
            if not mask.any():
                continue
            batch = torch.from_numpy(view).permute(2, 0, 1)[None]
            heat = network(batch).heat[0, 0].numpy()
            found[i] = max(found[i], float(heat[mask].max()))
    return found
