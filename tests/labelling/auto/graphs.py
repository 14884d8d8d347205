"""Detectors whose boxes are known: a few nodes of ONNX that ignore what they see.

Every graph gives its boxes whatever the picture, but adds its mean times zero, so
that a graph fed with the wrong layout or type fails.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_graph(
    path,
    outputs,
    *,
    size=(64, 48),
    dtype=TensorProto.FLOAT,
    names=None,
    channels_last=False,
    extra_input=None,
):
    """Write a graph with constant outputs: name to array."""
    width, height = size
    shape = [1, height, width, 3] if channels_last else [1, 3, height, width]
    nodes = [helper.make_node("Cast", ["images"], ["f"], to=TensorProto.FLOAT)]
    nodes += [helper.make_node("ReduceMean", ["f"], ["mean"], keepdims=0)]
    nodes += [helper.make_node("Mul", ["mean", "zero"], ["nought"])]
    constants = {"zero": np.array(0, np.float32)}
    made = []
    for name, value in outputs.items():
        value = np.asarray(value)
        constants[f"{name}_value"] = value
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        nodes += [
            helper.make_node("Cast", ["nought"], [f"{name}_nought"], to=kind),
            helper.make_node("Add", [f"{name}_value", f"{name}_nought"], [name]),
        ]
        made.append(helper.make_tensor_value_info(name, kind, value.shape))
    inputs = [helper.make_tensor_value_info("images", dtype, shape)]
    if extra_input is not None:
        inputs.append(
            helper.make_tensor_value_info(extra_input, TensorProto.INT64, [1, 2])
        )
    graph = helper.make_graph(
        nodes, "known", inputs, made,
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    if names is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = "names", str(names)
    onnx.save(model, path)
    return path


def yolo_table(rows, n_classes=80, n=100):
    """(1, 4 + C, N) from (cx, cy, w, h, class, score) rows."""
    table = np.zeros((1, 4 + n_classes, n), np.float32)
    for i, (cx, cy, w, h, kind, score) in enumerate(rows):
        table[0, :4, i] = cx, cy, w, h
        table[0, 4 + kind, i] = score
    return table
