"""Frames of a label set to the views of their gates, cut when they are asked for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

import numpy as np
import numpy.typing as npt
import torch

from truckcount.domain.camera import WHOLE_PICTURE
from truckcount.presence.background import (
    COLOURS,
    UInt8,
    add_difference,
    background_of,
    blocks_of,
)
from truckcount.presence.truckmap import TruckMap
from truckcount.training.classifier.frames import Frames, Gates
from truckcount.training.own_camera import GateFrame, cut_gate_frame

MAX_KEPT = 2000  # frames of 184 kB a view: 0.4 GB; more are cut anew when drawn
MAX_BLOCKS = 500  # whose backgrounds are kept, 184 kB a view
ViewKey = tuple[int, tuple[int, ...]]
"""Number of a view and its shape."""
LOWEST_LOGIT = -30.0  # of a frame whose gate covers no cell


class GateFrames(Sequence[GateFrame]):
    """The views of a set's rows; what was cut stays in memory up to a limit.

    Parameters
    ----------
    rows : int array, shape (N,)
        Rows of the set, as training draws them.
    view_size : (width, height)
        Largest view, pixels.
    n_channels : int
        4 for a network that sees how far a view differs from the background; that is
        known by the camera's other frames.
    """

    def __init__(
        self,
        frames: Frames,
        rows: npt.NDArray[np.int64],
        gates: Gates,
        view_size: tuple[int, int],
        n_channels: int = COLOURS,
    ) -> None:
        self._frames = frames
        self._rows = rows
        self._gates = gates
        self._view_size = view_size
        self._kept: dict[int, GateFrame] = {}
        blocks = blocks_of(frames.camera.tolist()) if n_channels > COLOURS else []
        self._block_of = {row: i for i, block in enumerate(blocks) for row in block}
        self._blocks = blocks
        self._backgrounds: dict[int, dict[ViewKey, UInt8 | None]] = {}

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
            found = self._cut(row)
            if row in self._block_of:
                found = self._add_differences(row, found)
            if len(self._kept) < MAX_KEPT:
                self._kept[row] = found
        return found

    def _cut(self, row: int) -> GateFrame:
        camera = str(self._frames.camera[row])
        gates = self._gates.get(camera, (WHOLE_PICTURE,))
        return cut_gate_frame(self._frames.read(row), gates, self._view_size)

    def _add_differences(self, row: int, frame: GateFrame) -> GateFrame:
        block = self._block_of[row]
        if block not in self._backgrounds:
            if len(self._backgrounds) >= MAX_BLOCKS:
                self._backgrounds.clear()
            seen: dict[ViewKey, list[UInt8]] = {}
            for other in self._blocks[block]:
                for i, view in enumerate(self._cut(other).views):
                    seen.setdefault((i, view.shape), []).append(view)
            self._backgrounds[block] = {k: background_of(v) for k, v in seen.items()}
        known = self._backgrounds[block]
        views = tuple(
            add_difference(view, known[i, view.shape])
            for i, view in enumerate(frame.views)
        )
        return replace(frame, views=views)


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
