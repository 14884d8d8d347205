"""Several weights, and a mirror, to one teacher whose every level can be heard."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truckcount.presence.onnx_graph import build_truckmap_graph
from truckcount.presence.runtime_onnx import open_session
from truckcount.presence.silent_onnxruntime import onnxruntime
from truckcount.presence.truckmap import MAP_CLASSES
from truckcount.presence.weights import Weights
from truckcount.training.heard import Said

LEVELS = ["maps", "stride8", "stride16"]


class Ensemble:
    """What several `truckmap` weights say of a view, in the mean of their logits.

    Boxes and levels are the first one's, which is also asked about the mirrored view.

    Parameters
    ----------
    weights : sequence of Weights
        The first is the one whose levels a pupil learns.
    """

    def __init__(self, weights: Sequence[Weights]) -> None:
        self._first, *self._others = [_open(one) for one in weights]

    def __call__(self, view: npt.NDArray[np.uint8]) -> Said:
        """Hear of a view of shape (H, W, 3)."""
        maps, stride8, stride16 = self._first.run(LEVELS, {"views": view[None]})
        mirrored = np.ascontiguousarray(view[None, :, ::-1])
        heard = [
            maps[0],
            self._first.run(LEVELS[:1], {"views": mirrored})[0][0, ..., ::-1],
        ]
        heard += [o.run(LEVELS[:1], {"views": view[None]})[0][0] for o in self._others]
        n = len(MAP_CLASSES)
        mean = np.mean([one[:n] for one in heard], axis=0)
        return Said(np.concatenate([mean, maps[0, n:]]), stride8[0], stride16[0])


def _open(weights: Weights) -> onnxruntime.InferenceSession:
    """Open a graph that gives its raw maps and both levels of the trunk."""
    with tempfile.TemporaryDirectory() as folder:
        # a graph names its weights by the file that lies beside it
        copy = Path(shutil.copy(weights.path, folder))
        trunk = [list(row) for row in weights.header.trunk]
        model = build_truckmap_graph(copy, trunk, has_levels=True)
        path = copy.with_suffix(".onnx")
        path.write_bytes(model.SerializeToString())
        return open_session(path)
