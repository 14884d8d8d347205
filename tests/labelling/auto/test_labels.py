"""A detector's labels in a set: beside those of people, and below them."""

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("onnx", reason="onnx, which writes the graphs, is not installed")

from tests.cli.conftest import truckcount  # noqa: F401
from tests.labelling.auto.graphs import write_graph, yolo_table
from tests.labelling.pieces import frame_rows, label_rows, make_set
from tests.pipeline.red_box import write_red_model
from truckcount.errors import LabelError
from truckcount.labelling.auto.detections import Detections
from truckcount.labelling.auto.labels import auto_label
from truckcount.labelling.auto.own_detector import OwnDetector
from truckcount.labelling.label_set import LabelSet


class Scripted:
    """Gives each picture the next of a list of (box, score, kind) lists."""

    model_id = "scripted@sha256:0"

    def __init__(self, *pictures):
        self.left = list(pictures)

    def detect(self, image):
        rows = self.left.pop(0)
        return Detections(
            np.array([r[0] for r in rows], np.float32).reshape(-1, 4),
            np.array([r[1] for r in rows], np.float32),
            tuple(r[2] for r in rows),
        )


BOX = [1, 2, 30, 40]
PICTURES = (
    [(BOX, 0.9, "truck"), (BOX, 0.6, "bus"), (BOX, 0.1, "truck")],
    [(BOX, 0.3, "truck")],
    [],
)


def model_rows(made):
    labels = made.labels[made.labels["source"] == "model"].set_index("image")
    return {
        i[-7:-4]: (r.label, round(float(r.p_truck), 3)) for i, r in labels.iterrows()
    }


def test_the_best_truck_score_is_the_probability_and_low_boxes_go(tmp_path):
    made, _ = make_set(tmp_path / "set", 3)
    done = auto_label(made, Scripted(*PICTURES))
    assert model_rows(made) == {
        "000": ("truck", 0.9), "001": ("no_truck", 0.3), "002": ("no_truck", 0)
    }  # fmt: skip
    boxes = made.boxes
    assert boxes["class"].tolist() == ["truck", "bus", "truck"]
    assert boxes["score"].tolist() == pytest.approx([0.9, 0.6, 0.3])
    assert set(boxes["labeller"]) == {"scripted@sha256:0"}
    assert (done.n_pictures, done.n_truck, done.n_boxes) == (3, 1, 3)


def test_a_person_is_never_overridden(tmp_path):
    made, images = make_set(tmp_path / "set", 3)
    made.add_labels(label_rows(images[:2], ["no_truck", "no_truck"]))
    mine = {"image": images[0], "class": "bus", "x1": 1, "y1": 1, "x2": 9, "y2": 9,
            "source": "person", "labeller": "ana"}  # fmt: skip
    made.add_boxes(pd.DataFrame([mine]))
    done = auto_label(made, Scripted(*PICTURES))
    people = made.labels[made.labels["source"] == "person"]
    assert people["label"].tolist() == ["no_truck", "no_truck"]
    assert "ana" in set(made.boxes["labeller"])
    merged = made.merged_labels().set_index("image")
    assert merged["label"][images[0]] == "no_truck"
    assert merged["source"].tolist() == ["person", "person", "model"]
    assert (done.n_by_person, done.n_agreed) == (2, 1)


def test_a_model_labels_a_picture_once_unless_asked_again(tmp_path):
    made, _ = make_set(tmp_path / "set", 3)
    auto_label(made, Scripted(*PICTURES))
    done = auto_label(made, Scripted())
    assert (done.n_pictures, done.n_skipped) == (0, 3)
    auto_label(made, Scripted([], [], []), is_again=True)
    assert len(made.boxes) == 0
    assert {p for _, p in model_rows(made).values()} == {0}
    assert len(made.labels) == 3


def test_open_pictures_are_those_no_person_labelled(tmp_path):
    made, images = make_set(tmp_path / "set", 3)
    made.add_labels(label_rows(images[:2], ["truck", "skip"]))
    auto_label(made, Scripted(PICTURES[0]), only_open=True)
    assert list(model_rows(made)) == ["002"]


def test_what_came_before_a_broken_picture_is_kept(tmp_path):
    made, images = make_set(tmp_path / "set", 3)
    (made.root / images[2]).write_text("no picture")
    with pytest.raises(LabelError, match=r"002\.jpg cannot be read"):
        auto_label(made, Scripted(*PICTURES))
    assert list(model_rows(made)) == ["000", "001"]


@pytest.fixture
def red_set(tmp_path):
    """Two pictures of a road, the first with a red box at [60, 40, 94, 64]."""
    made = LabelSet.create(tmp_path / "red")
    for k in range(2):
        image = np.full((96, 160, 3), 90, np.uint8)
        if k == 0:
            image[40:64, 60:94] = (30, 30, 235)  # OpenCV's order
        cv2.imwrite(str(made.root / f"frames/{k:03d}.png"), image)
    images = ["frames/000.png", "frames/001.png"]
    made.add_frames(frame_rows(images, width=[160] * 2, height=[96] * 2))
    return made


@pytest.mark.parametrize("tiles", [1, 2])
def test_our_own_networks_find_the_box_in_the_whole_picture(red_set, tmp_path, tiles):
    detector = OwnDetector(write_red_model(tmp_path), tiles=tiles, device="cpu")
    auto_label(red_set, detector)
    rows = model_rows(red_set)
    assert [label for label, _ in rows.values()] == ["truck", "no_truck"]
    best = red_set.boxes.sort_values("score").iloc[-1]
    assert best["image"] == "frames/000.png"
    centre = ((best["x1"] + best["x2"]) / 2, (best["y1"] + best["y2"]) / 2)
    assert centre == pytest.approx((77, 52), abs=14)


def test_the_command_line_labels_by_an_onnx_graph(truckcount, tmp_path):  # noqa: F811
    made, _ = make_set(tmp_path / "set", 2)
    table = yolo_table([(20, 18, 20, 16, 7, 0.8)])
    write_graph(tmp_path / "yolo.onnx", {"output0": table})
    said = truckcount("label", "auto", made.root, "--with", "yolo.onnx", "--json")
    assert said.code == 0, said.err
    assert (said.json["n_pictures"], said.json["n_truck"]) == (2, 2)
    assert said.json["model"].startswith("yolo@sha256:")
    said = truckcount("label", "auto", made.root, "--with", "yolo.onnx")
    assert "2 were labelled before" in said.out
    said = truckcount("label", "auto", made.root, "--with", "none.onnx")
    assert said.code == 2
    assert "none.onnx does not exist" in said.err
