"""A network that sees trucks where the picture is red: counts can be told in advance.

The real pipeline runs it like any weights: ``--model red.safetensors``.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from tests.conftest import write_clip

SIZE = (160, 96)
FPS = 10
BOX_PX = (34, 24)
SEEN_PX = (84, 60)  # of a view, where a box is shown larger: one box, one peak
CROSSING_S = 4.0


def write_red_model(folder: Path) -> str:
    """Write weights and graph; return the path to give as ``--model``."""
    path = folder / "red.safetensors"
    header = {
        "name": "red",
        "network": "truckmap",
        "trunk": "[]",
        "classes": json.dumps(["truck"]),
        "view_size": "[160, 96]",
        "temperature": "1",
        "thresholds": "{}",
        "licence": "none",
        "data_fingerprint": "none",
        "training": "none",
    }
    save_file({"nothing": np.zeros(1, np.float32)}, path, header)
    onnx.save(_graph(), path.with_suffix(".onnx"))
    return str(path)


def write_traffic(path: Path, trucks: dict[float, int], seconds: float = 8.0) -> Path:
    """Write a clip: red boxes that cross from a second on, rightward (1) or back (-1).

    A truck may have set off before the clip begins. The comment keeps the bytes of
    two films without trucks apart.
    """

    def image(k: int) -> np.ndarray:
        canvas = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        # sensor noise: a picture without any is frozen, and no coverage
        rng = np.random.default_rng(k)
        canvas += rng.integers(0, 12, canvas.shape, dtype=np.uint8)
        for start, sign in trucks.items():
            share = (k / FPS - start) / CROSSING_S
            if not 0 <= share <= 1:
                continue
            way = share if sign > 0 else 1 - share
            x = round(-BOX_PX[0] + way * (SIZE[0] + BOX_PX[0]))
            y = 36 if sign > 0 else 60
            canvas[y : y + BOX_PX[1], max(x, 0) : max(x + BOX_PX[0], 0)] = (235, 30, 30)
        return canvas

    return write_clip(
        path,
        round(seconds * FPS),
        fps=FPS,
        size=SIZE,
        image=image,
        metadata={"comment": path.stem},
        options={"crf": "18", "g": "20", "preset": "ultrafast"},
    )


def _graph() -> onnx.ModelProto:
    """Redness averaged over 3 x 3 cells; boxes of one size at the cell's middle."""
    node = helper.make_node
    nodes = [
        node("Cast", ["views"], ["f"], to=TensorProto.FLOAT),
        node("Transpose", ["f"], ["nchw"], perm=[0, 3, 1, 2]),
        node("Conv", ["nchw", "red"], ["redness"]),
        node(
            "AveragePool", ["redness"], ["cells"],
            kernel_shape=[8, 8], strides=[8, 8],
        ),
        node(
            "AveragePool", ["cells"], ["blurred"],
            kernel_shape=[3, 3], pads=[1, 1, 1, 1],
        ),
        node("Clip", ["blurred", "zero", "one"], ["heat4"]),
        node("Squeeze", ["heat4", "axis"], ["heat"]),
        node("Mul", ["heat4", "nought"], ["flat"]),
        node("Add", ["flat", "shape"], ["box"]),
    ]  # fmt: skip
    w, h = np.log(np.array(SEEN_PX) / 16)
    constants = {
        "red": np.array([2, -1, -1], np.float32).reshape(1, 3, 1, 1) / 350,
        "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "axis": np.array([1], np.int64),
        "nought": np.zeros((1, 4, 1, 1), np.float32),
        "shape": np.array([w, h, 0.5, 0.5], np.float32).reshape(1, 4, 1, 1),
    }
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("views", TensorProto.UINT8, ["n", "H", "W", 3])],
        [
            helper.make_tensor_value_info("heat", TensorProto.FLOAT, ["n", "h", "w"]),
            helper.make_tensor_value_info("box", TensorProto.FLOAT, ["n", 4, "h", "w"]),
        ],
        [onnx.numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
