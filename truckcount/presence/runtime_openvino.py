"""Views to maps on processors that multiply bfloat16, by OpenVINO.

Half of ONNX Runtime's time there (``python -m benchmarks.runtime_choice``), but scores
move by up to 0.03 and with them a few counts (``benchmarks.precision_counts``).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.errors import WeightsError
from truckcount.presence.runtime import Maps
from truckcount.presence.runtime_onnx import MAP_MULTIPLE_PX, check_views
from truckcount.presence.silent_openvino import import_openvino
from truckcount.presence.weights import Weights

MAX_FIXED_SHAPES = 8  # compiled for; a camera has one to three shapes of views


class OpenVinoRuntime:
    """A network on the CPU, in bfloat16.

    Parameters
    ----------
    weights : Weights
    threads : int
        Threads of one forward pass.
    precision : {'bf16', 'f32'}
    """

    device = "cpu"

    def __init__(
        self, weights: Weights, threads: int = 1, precision: str = "bf16"
    ) -> None:
        self._multiple_px = MAP_MULTIPLE_PX if weights.has_peaks else 1
        self._graph_path = weights.graph_path
        self._core = import_openvino().Core()
        self._options = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": precision,
        }
        self._requests: dict[tuple[int, ...], Any] = {}
        try:
            self._core.read_model(str(self._graph_path))
        except RuntimeError as error:
            msg = f"{self._graph_path} cannot be loaded: {error}"
            raise WeightsError(msg) from error

    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch of shape (N, H, W, 3)."""
        check_views(views, self._multiple_px)
        request = self._request(views.shape[1:])
        # one by one, compiled for one shape: the fastest on a core, and the same bytes
        # whatever stands beside a view
        parts = []
        for i in range(len(views)):
            found = request.infer(
                {"views": views[i : i + 1]}, share_inputs=True, share_outputs=True
            )
            parts.append((found["heat"].copy(), found["box"].copy()))
        heat, box = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Maps(heat, box)

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._requests:
            graph = self._core.read_model(str(self._graph_path))
            graph.reshape({"views": [1, *shape]})
            while len(self._requests) >= MAX_FIXED_SHAPES:  # the oldest
                del self._requests[next(iter(self._requests))]
            compiled = self._core.compile_model(graph, "CPU", self._options)
            self._requests[shape] = compiled.create_infer_request()
        return self._requests[shape]
