"""Decoded frames to gate views, straight from YUV by swscale."""

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import av.filter
import numpy as np
import numpy.typing as npt

from truckcount.domain.sample import ViewRect

UInt8Array = npt.NDArray[np.uint8]
ANY_BASE = Fraction(1, 1_000_000)  # the graph wants one; times are ours


class ViewCropper:
    """Crops and scales views of frames of one size and pixel format.

    Parameters
    ----------
    views : sequence of ViewRect
        In fractions of the displayed picture.
    rotation_deg : int
        Counter-clockwise turn that shows the coded picture upright.
    """

    def __init__(self, views: Sequence[ViewRect], rotation_deg: int = 0) -> None:
        self._views = list(views)
        self._turns = rotation_deg // 90 % 4
        self._graphs: list[Any] = []
        self._shape: tuple[int, int, str] | None = None

    def cut(self, frame: Any) -> tuple[UInt8Array, ...]:
        """Return every view of a frame, uint8 (H, W, 3), RGB."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:  # a stream may change its size
            self._graphs = [self._build(rect, shape) for rect in self._views]
            self._shape = shape
        out = []
        for graph in self._graphs:
            graph.push(frame)
            view = graph.pull().to_ndarray(format="rgb24")
            if self._turns:
                view = np.ascontiguousarray(np.rot90(view, self._turns))
            out.append(view)
        return tuple(out)

    def _build(self, rect: ViewRect, shape: tuple[int, int, str]) -> Any:
        width, height, pixel_format = shape
        x0, y0, x1, y1 = _to_coded(rect, self._turns)
        # on the chroma grid, so that luma and chroma are cut at one place
        left, top = 2 * round(x0 * width / 2), 2 * round(y0 * height / 2)
        right = min(width, max(left + 2, round(x1 * width)))
        bottom = min(height, max(top + 2, round(y1 * height)))
        out = (rect.width_px, rect.height_px)
        if self._turns % 2:
            out = out[::-1]
        is_smaller = out[0] < right - left
        flags = "area" if is_smaller else "bilinear"
        graph = av.filter.Graph()
        graph.threads = 1  # a view is too small to share: threads cost a fifth more
        chain = [
            graph.add_buffer(
                width=width, height=height, format=pixel_format, time_base=ANY_BASE
            ),
            graph.add("crop", f"{right - left}:{bottom - top}:{left}:{top}"),
            graph.add("scale", f"{out[0]}:{out[1]}:flags={flags}"),
            graph.add("format", "pix_fmts=rgb24"),
            graph.add("buffersink"),
        ]
        for a, b in itertools.pairwise(chain):
            a.link_to(b)
        graph.configure()
        return graph


def _to_coded(rect: ViewRect, turns: int) -> tuple[float, float, float, float]:
    """Map a box of the displayed picture to the coded one (np.rot90's inverse)."""
    x0, y0, x1, y1 = rect.x0, rect.y0, rect.x1, rect.y1
    if turns == 1:
        return 1 - y1, x0, 1 - y0, x1
    if turns == 2:
        return 1 - x1, 1 - y1, 1 - x0, 1 - y0
    if turns == 3:
        return y0, 1 - x1, y1, 1 - x0
    return x0, y0, x1, y1
