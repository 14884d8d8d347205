"""Graphs of every family, with boxes that are known."""

import numpy as np
import pytest

from truckcount.errors import LabelError
from truckcount.labelling.auto.choose import open_detector
from truckcount.labelling.auto.onnx_detector import OnnxDetector

pytest.importorskip("onnx", reason="onnx, which writes the graphs, is not installed")
from onnx import TensorProto

from tests.labelling.auto.graphs import write_graph, yolo_table

# a truck at [10, 10, 30, 26] and a car at [40, 20, 52, 28] of a 64 x 48 input
ROWS = [(20, 18, 20, 16, 7, 0.8), (20.5, 18, 20, 16, 7, 0.6), (46, 24, 12, 8, 2, 0.7)]
TRUCK, CAR = [10, 10, 30, 26], [40, 20, 52, 28]
IMAGE = np.zeros((48, 64, 3), np.uint8)


def labelled(truck_id, car_id):
    return {
        "boxes": np.array([TRUCK, CAR], np.float32),
        "labels": np.array([truck_id, car_id], np.int64),
        "scores": np.array([0.8, 0.7], np.float32),
    }


def detr():
    logits = np.full((1, 3, 92), -9.0, np.float32)
    logits[0, 0, 8] = 9
    logits[0, 1, 3] = 9
    logits[0, 2, 91] = 9  # no object
    boxes = np.array(
        [[[20 / 64, 18 / 48, 20 / 64, 16 / 48], [46 / 64, 24 / 48, 12 / 64, 8 / 48],
          [0.5, 0.5, 1, 1]]], np.float32,
    )  # fmt: skip
    return {"pred_logits": logits, "pred_boxes": boxes}


def yolov5():
    table = yolo_table(ROWS).transpose(0, 2, 1)
    return np.insert(table, 4, 0.5, axis=2) * [*[1.0] * 5, *[2.0] * 80]


def end_to_end():
    table = np.zeros((1, 300, 6), np.float32)
    table[0, 0] = *TRUCK, 0.8, 7
    table[0, 1] = *CAR, 0.7, 2
    return table


COCO_NAMES = {2: "car", 7: "truck", 0: "person"}


@pytest.mark.parametrize(
    ("outputs", "options"),
    [
        ({"output0": yolo_table(ROWS)}, {}),
        ({"output0": yolo_table(ROWS).transpose(0, 2, 1)}, {}),
        ({"output": yolov5().astype(np.float32)}, {}),
        ({"output0": end_to_end()}, {"names": COCO_NAMES}),
        (labelled(8, 3), {"names": {3: "car", 8: "truck"}}),
        ({"a": labelled(7, 2)["labels"], "b": labelled(7, 2)["boxes"],
          "c": labelled(7, 2)["scores"]}, {"names": ["", "", "car", *"xxxx", "truck"]}),
        ({n: v[None] for n, v in labelled(7, 2).items()},
         {"names": COCO_NAMES, "extra_input": "orig_target_sizes"}),
        (detr(), {}),
    ],
    ids=["YOLOv8", "YOLOv8 lying", "YOLOv5", "end to end", "torchvision",
         "by type", "RT-DETR", "DETR"],
)  # fmt: skip
def test_the_boxes_of_every_family_are_found(tmp_path, outputs, options):
    path = write_graph(tmp_path / "m.onnx", outputs, **options)
    found = OnnxDetector(path).detect(IMAGE)
    assert found.kinds == ("truck", "car")
    assert found.boxes == pytest.approx(np.array([TRUCK, CAR]), abs=0.01)
    assert found.p_truck == pytest.approx(0.8 if len(outputs) < 2 else found.scores[0])
    assert found.scores[0] >= 0.8 - 1e-6


def test_a_detector_of_own_classes_is_read_by_how_many_it_names(tmp_path):
    """YOLOv5 puts an objectness first, which is no class however large it is."""
    rows = [(20, 18, 20, 16, 1, 0.8), (46, 24, 12, 8, 2, 0.7)]
    table = np.insert(yolo_table(rows, n_classes=3).transpose(0, 2, 1), 4, 0.9, axis=2)
    names = {0: "person", 1: "truck", 2: "car"}
    path = write_graph(
        tmp_path / "m.onnx", {"o": table.astype(np.float32)}, names=names
    )
    found = OnnxDetector(path).detect(IMAGE)
    assert found.kinds == ("truck", "car")
    assert found.scores == pytest.approx([0.72, 0.63])
    one = table[:, :, [0, 1, 2, 3, 4, 6]].astype(np.float32)
    path = write_graph(tmp_path / "one.onnx", {"o": one}, names={0: "truck"})
    assert OnnxDetector(path).detect(IMAGE).boxes[0] == pytest.approx(TRUCK, abs=0.01)


def test_a_table_of_boxes_as_fractions_has_its_trucks(tmp_path):
    """RT-DETR as Ultralytics exports it; every picture was `no_truck`."""
    table = yolo_table(ROWS).transpose(0, 2, 1).copy()
    table[:, :, :4] /= [64, 48, 64, 48]
    path = write_graph(tmp_path / "m.onnx", {"output0": table.astype(np.float32)})
    found = OnnxDetector(path).detect(IMAGE)
    assert found.kinds == ("truck", "car")
    assert found.boxes == pytest.approx(np.array([TRUCK, CAR]), abs=0.01)


def test_boxes_as_fractions_are_scaled_to_the_input(tmp_path):
    outputs = labelled(7, 2)
    outputs["boxes"] = outputs["boxes"] / np.array([64, 48, 64, 48], np.float32)
    path = write_graph(tmp_path / "m.onnx", outputs, names=COCO_NAMES)
    assert OnnxDetector(path).detect(IMAGE).boxes[0] == pytest.approx(TRUCK, abs=0.01)


def test_a_larger_picture_of_another_shape_has_its_boxes_back(tmp_path):
    path = write_graph(tmp_path / "m.onnx", {"o": yolo_table(ROWS)})
    found = OnnxDetector(path).detect(np.zeros((96, 256, 3), np.uint8))
    # scaled by 1/4 to 64 x 24, with 12 px of grey above
    expected = [40, (10 - 12) * 4, 120, (26 - 12) * 4]
    assert found.boxes[0] == pytest.approx(np.clip(expected, 0, None), abs=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": TensorProto.UINT8},
        {"dtype": TensorProto.FLOAT16},
        {"channels_last": True},
        {"dtype": TensorProto.UINT8, "channels_last": True},
    ],
    ids=["uint8", "float16", "channels last", "both"],
)
def test_the_graph_says_how_it_is_fed(tmp_path, options):
    path = write_graph(tmp_path / "m.onnx", {"o": yolo_table(ROWS)}, **options)
    detector = OnnxDetector(path)
    assert detector.size == (64, 48)
    assert detector.detect(IMAGE).kinds == ("truck", "car")


def test_a_graph_of_open_size_is_fed_the_size_asked_for(tmp_path):
    table = {"o": yolo_table(ROWS)}
    path = write_graph(tmp_path / "m.onnx", table, size=("W", "H"))
    assert OnnxDetector(path).size == (640, 640)
    found = OnnxDetector(path, size_px=64).detect(IMAGE)
    # 8 px of grey above a picture of 48 rows
    assert found.boxes[0] == pytest.approx([10, 2, 30, 18], abs=0.01)


def mean_graph(path):
    """A graph whose score is the mean of what it is fed."""
    import onnx
    from onnx import helper, numpy_helper

    table = yolo_table([(20, 18, 20, 16, 0, 0)], n_classes=1)
    node = helper.make_node
    unit = np.zeros_like(table)
    unit[0, 4, 0] = 1
    graph = helper.make_graph(
        [
            node("ReduceMean", ["images"], ["mean"], keepdims=0),
            node("Mul", ["unit", "mean"], ["score"]),
            node("Add", ["score", "table"], ["output0"]),
        ],
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 48, 64])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, table.shape)],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(unit, "unit"),
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("pixels", "seen"), [("unit", 0.8), ("imagenet", 1.0), ("raw", 1.0)]
)
def test_pixels_are_scaled_as_asked(tmp_path, pixels, seen):
    path = mean_graph(tmp_path / "m.onnx")
    image = np.full((48, 64, 3), 204, np.uint8)
    found = OnnxDetector(path, pixels=pixels).detect(image)
    # (0.8 - 0.449) / 0.226 is 1.55, and 204 is beyond 1, too: scores end at 1
    assert found.p_truck == pytest.approx(seen, abs=1e-3)


def test_truck_ids_can_be_named(tmp_path):
    path = write_graph(tmp_path / "m.onnx", {"o": yolo_table(ROWS)})
    found = OnnxDetector(path, truck_classes=(2,)).detect(IMAGE)
    assert (found.kinds, found.p_truck) == (("truck",), pytest.approx(0.7))


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (labelled(7, 2), "--truck-class"),
        ({"o": yolo_table([], n_classes=12)}, "12 classes without names"),
        ({"o": np.zeros((1, 4, 100), np.float32)}, "boxes without scores"),
        ({"embedding": np.zeros((1, 512), np.float32)}, "no known detector"),
    ],
)
def test_what_cannot_be_read_is_a_clear_error(tmp_path, outputs, reason):
    path = write_graph(tmp_path / "m.onnx", outputs)
    with pytest.raises(LabelError, match=reason):
        OnnxDetector(path).detect(IMAGE)


def test_a_file_that_is_no_graph_is_a_clear_error(tmp_path):
    with pytest.raises(LabelError, match="does not exist"):
        open_detector(str(tmp_path / "none.onnx"))
    (tmp_path / "m.onnx").write_text("no graph")
    with pytest.raises(LabelError, match="cannot be loaded"):
        open_detector(str(tmp_path / "m.onnx"))
    with pytest.raises(LabelError, match="'mean' is not one of"):
        OnnxDetector(tmp_path / "m.onnx", pixels="mean")
