"""Weights on disk to an ONNX graph that points into them.

The graph holds no numbers of its own: each initialiser names a byte range of
the safetensors file beside it (ONNX external data), so that one pinned file
holds the weights and the CPU runtime needs neither torch nor the graph's author.
"""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from truckcount.errors import WeightsError
from truckcount.presence.truckmap import SIZE_BOUNDS, SIZE_NORM_PX, SIZE_UNIT_PX

OPSET = 17
MEAN, SPREAD = 127, 128  # of the input, as in `truckmap.py`


class _Graph:
    """Nodes and initialisers of one graph under construction."""

    def __init__(self, weights: Path) -> None:
        with weights.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        self.metadata = header.pop("__metadata__", {})
        self._tensors = header
        self._data_start = 8 + length
        self._location = weights.name
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._count = 0

    def weight(self, name: str) -> str:
        """Refer to a tensor of the safetensors file, cast to float32."""
        spec = self._tensors.get(name)
        if spec is None or spec["dtype"] not in {"F16", "F32"}:
            msg = f"{self._location}: tensor {name!r} is missing or of a strange type"
            raise WeightsError(msg)
        begin, end = spec["data_offsets"]
        tensor = onnx.TensorProto()
        tensor.name = name
        is_half = spec["dtype"] == "F16"
        tensor.data_type = TensorProto.FLOAT16 if is_half else TensorProto.FLOAT
        tensor.dims.extend(spec["shape"])
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (
            ("location", self._location),
            ("offset", str(self._data_start + begin)),
            ("length", str(end - begin)),
        ):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        self.initializers.append(tensor)
        if not is_half:
            return name
        return self.node("Cast", [name], to=TensorProto.FLOAT)

    def has(self, name: str) -> bool:
        """Tell whether the weights hold a tensor."""
        return name in self._tensors

    def constant(self, values: object, dtype: type) -> str:
        """Add a small constant."""
        self._count += 1
        name = f"constant{self._count}"
        array: npt.NDArray[Any] = np.asarray(values, dtype)
        self.initializers.append(onnx.numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        """Add a node of one output and return that output's name."""
        self._count += 1
        name = f"{kind.lower()}{self._count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def conv_norm(self, x: str, prefix: str, kernel: int, **options: int) -> str:
        """Add convolution, batch norm and (unless ``active=0``) ReLU6."""
        x = self.conv(x, f"{prefix}.conv.weight", None, kernel, **options)
        return self.norm(x, prefix, is_active=bool(options.get("active", 1)))

    def norm(self, x: str, prefix: str, *, is_active: bool = True) -> str:
        """Add batch norm and ReLU6."""
        norm = [self.weight(f"{prefix}.norm.{part}") for part in _NORM_PARTS]
        x = self.node("BatchNormalization", [x, *norm], epsilon=1e-3)
        if not is_active:
            return x
        limits = [self.constant(0, np.float32), self.constant(6, np.float32)]
        return self.node("Clip", [x, *limits])

    def conv(
        self, x: str, weight: str, bias: str | None, kernel: int, **options: int
    ) -> str:
        """Add a convolution that keeps the size but for its stride."""
        inputs = [x, self.weight(weight)]
        if bias is not None:
            inputs.append(self.weight(bias))
        stride = options.get("stride", 1)
        return self.node(
            "Conv",
            inputs,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=options.get("groups", 1),
        )


_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def build_truckmap_graph(
    weights: Path, trunk: list[list[int]], *, has_levels: bool = False
) -> onnx.ModelProto:
    """Build the graph of `truckmap` for a safetensors file.

    Parameters
    ----------
    weights : Path
        The safetensors file; the graph must be saved beside it.
    trunk : list of [n_in, n_out, kernel, stride, n_mid]
        As in the file's header; see ``truckcount.presence.truckmap.Row``.
    has_levels : bool
        Give what a pupil imitates, too: ``maps`` (N, 7, h, w) raw, ``stride8``
        (N, C, h, w) and ``stride16`` (N, C, h/2, w/2).

    Returns
    -------
    onnx.ModelProto
        Input ``views`` uint8 (N, H, W, 3) RGB; outputs ``heat`` float32
        (N, h, w) truck probability and ``box`` float32 (N, 4, h, w).
    """
    graph = _Graph(weights)
    x = _add_stem(graph)
    stride8 = x
    for i, row in enumerate(trunk):
        x = _add_block(graph, x, f"blocks.{i}", row)
        if sum(r[3] == 2 for r in trunk[: i + 1]) == 2:
            stride8 = x  # the last block before the third halving after the stem
    stride16 = x
    x = graph.conv_norm(x, "lateral16", 1)
    scales = graph.constant([1, 1, 2, 2], np.float32)
    # floor + asymmetric is nearest upsampling as PyTorch does it
    up = graph.node(
        "Resize",
        [x, "", scales],
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )
    x = graph.node("Add", [graph.conv_norm(stride8, "lateral8", 1), up])
    x = graph.conv_norm(x, "fuse", 3)
    if graph.has("refine.conv.weight"):
        x = graph.conv_norm(x, "refine", 3)
    y = graph.conv(x, "out.weight", "out.bias", 1)
    _add_outputs(graph, y)
    levels = {"maps": y, "stride8": stride8, "stride16": stride16}
    return _close(graph, levels if has_levels else {})


def _add_stem(graph: _Graph) -> str:
    """Add the stem with the input's mean and spread inside its weights.

    Padding with the mean before the cast is what padding with 0 after it would be;
    so no pass over the picture is spent on arithmetic.
    """
    x = graph.node("Transpose", ["views"], perm=[0, 3, 1, 2])
    border = graph.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    x = graph.node("Pad", [x, border, graph.constant(MEAN, np.uint8)])
    x = graph.node("Cast", [x], to=TensorProto.FLOAT)
    weight = graph.weight("stem.conv.weight")
    weight = graph.node("Mul", [weight, graph.constant(1 / SPREAD, np.float32)])
    axes = graph.constant([1, 2, 3], np.int64)
    total = graph.node("ReduceSum", [weight, axes], keepdims=0)
    bias = graph.node("Mul", [total, graph.constant(-MEAN, np.float32)])
    x = graph.node(
        "Conv", [x, weight, bias], kernel_shape=[3, 3], strides=[2, 2], pads=[0] * 4
    )
    return graph.norm(x, "stem")


def _add_block(graph: _Graph, x: str, prefix: str, row: list[int]) -> str:
    n_in, n_out, kernel, stride, n_mid = row
    if n_mid == 0:
        return graph.conv_norm(x, prefix, kernel, stride=stride)
    y = x if n_mid == n_in else graph.conv_norm(x, f"{prefix}.expand", 1)
    y = graph.conv_norm(y, f"{prefix}.depthwise", kernel, stride=stride, groups=n_mid)
    y = graph.conv_norm(y, f"{prefix}.project", 1, active=0)
    return graph.node("Add", [x, y]) if stride == 1 and n_in == n_out else y


def _add_outputs(graph: _Graph, y: str) -> None:
    temperature = float(graph.metadata.get("temperature", "1"))
    n_classes = len(json.loads(graph.metadata["classes"]))
    cuts = [0, 1, n_classes, n_classes + 4]
    cuts_of = [graph.constant([cut], np.int64) for cut in cuts]
    axis = graph.constant([1], np.int64)
    heat = graph.node("Slice", [y, cuts_of[0], cuts_of[1], axis])
    heat = graph.node("Squeeze", [heat, axis])
    graph.nodes.append(
        helper.make_node("Slice", [y, cuts_of[2], cuts_of[3], axis], ["box"], "box")
    )
    size_gain = float(graph.metadata.get("size_gain", "0"))
    if size_gain:
        heat = graph.node("Add", [heat, _shift_by_size(graph, size_gain)])
    heat = graph.node("Mul", [heat, graph.constant(1 / temperature, np.float32)])
    graph.nodes.append(helper.make_node("Sigmoid", [heat], ["heat"], "heat"))


def _shift_by_size(graph: _Graph, gain: float) -> str:
    """Add what `shift_by_size` computes, shape (n, r, c)."""
    ends = [graph.constant([end], np.int64) for end in (0, 2, 1)]
    size = graph.node("Slice", ["box", *ends])
    mean = graph.node("ReduceMean", [size], axes=[1], keepdims=0)
    norm = graph.constant(math.log(SIZE_NORM_PX / SIZE_UNIT_PX), np.float32)
    over_norm = graph.node("Sub", [mean, norm])
    bounds = [graph.constant(bound, np.float32) for bound in SIZE_BOUNDS]
    clipped = graph.node("Clip", [over_norm, *bounds])
    return graph.node("Mul", [clipped, graph.constant(gain, np.float32)])


def _close(graph: _Graph, levels: dict[str, str]) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info("views", TensorProto.UINT8, ["n", "h", "w", 3])
    ]
    outputs = [
        helper.make_tensor_value_info("heat", TensorProto.FLOAT, ["n", "r", "c"]),
        helper.make_tensor_value_info("box", TensorProto.FLOAT, ["n", 4, "r", "c"]),
    ]
    for name, tensor in levels.items():
        graph.nodes.append(helper.make_node("Identity", [tensor], [name], name))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    body = helper.make_graph(
        graph.nodes, "truckmap", inputs, outputs, graph.initializers
    )
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="truckcount"
    )
    model.ir_version = 9  # the newest that onnxruntime 1.18 reads
    return model
