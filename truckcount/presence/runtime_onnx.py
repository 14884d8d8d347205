"""Views to maps on the CPU, by ONNX Runtime: no torch is imported."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from truckcount.errors import InputShapeError, WeightsError
from truckcount.presence.runtime import Maps
from truckcount.presence.silent_onnxruntime import onnxruntime
from truckcount.presence.weights import Weights

MAP_MULTIPLE_PX = 32


class OnnxRuntime:
    """A network on the CPU.

    Parameters
    ----------
    weights : Weights
    threads : int
        Threads of one forward pass. 1 costs the least CPU time; files in
        parallel fill the other cores.
    """

    device = "cpu"

    def __init__(self, weights: Weights, threads: int = 1) -> None:
        self._multiple_px = MAP_MULTIPLE_PX if weights.has_peaks else 1
        self._session = open_session(weights.graph_path, threads)

    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch of shape (N, H, W, 3)."""
        check_views(views, self._multiple_px)
        # one by one: as fast on a core, the same bytes, and 90 MB less than eight
        parts = [
            self._session.run(["heat", "box"], {"views": views[i : i + 1]})
            for i in range(len(views))
        ]
        heat, box = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Maps(heat, box)


def open_session(graph: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a graph of our own on the CPU.

    Raises
    ------
    WeightsError
        When it cannot be loaded.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # spinning threads would burn the CPU time that decoding needs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        msg = f"{graph} cannot be loaded: {error}"
        raise WeightsError(msg) from error


def check_views(
    views: npt.NDArray[np.uint8], multiple_px: int = MAP_MULTIPLE_PX
) -> None:
    """Raise ``InputShapeError`` unless views are uint8 (N, H, W, 3) of fitting sides.

    Parameters
    ----------
    multiple_px : int
        What H and W must be multiples of: the cells of a map are of 32 px at its
        coarsest; a classifier takes any.
    """
    is_fit = (
        str(views.dtype).removeprefix("torch.") == "uint8"
        and views.ndim == 4
        and views.shape[3] == 3
        and views.shape[1] % multiple_px == 0
        and views.shape[2] % multiple_px == 0
    )
    if not is_fit:
        msg = (
            "views must be uint8 of shape (N, H, W, 3) with H, W multiples of "
            f"{multiple_px}, got {views.dtype} {views.shape}"
        )
        raise InputShapeError(msg)
