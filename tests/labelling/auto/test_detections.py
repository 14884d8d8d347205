import numpy as np
import pytest

from truckcount.labelling.auto.detections import select_boxes, suppress

BOXES = np.array(
    [[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30], [-5, 5, 4, 200]], np.float32
)


def test_a_double_of_one_class_goes_and_of_another_stays():
    scores = np.array([0.5, 0.9, 0.3, 0.01], np.float32)
    found = select_boxes(
        BOXES, scores, np.array([7, 7, 7, 7]), {7: "truck"}, (100, 100)
    )
    assert found.scores.tolist() == pytest.approx([0.9, 0.3])
    assert found.p_truck == pytest.approx(0.9)
    found = select_boxes(
        BOXES, scores, np.array([5, 7, 2, 7]), {5: "bus", 7: "truck"}, (100, 100)
    )
    assert found.kinds == ("truck", "bus")


def test_a_box_is_cut_to_the_picture_and_goes_when_it_lies_outside():
    found = select_boxes(
        BOXES, np.full(4, 0.5, np.float32), np.zeros(4, int), {0: "truck"}, (15, 15)
    )
    assert found.boxes.tolist() == [[0, 0, 10, 10], [0, 5, 4, 15]]


def test_without_a_box_the_probability_is_zero():
    none = np.zeros((0, 4), np.float32)
    found = select_boxes(none, none[:, 0], none[:, 0].astype(int), {0: "truck"}, (9, 9))
    assert (len(found), found.p_truck) == (0, 0.0)


def test_suppression_is_torchvisions():
    torch = pytest.importorskip("torch")
    from torchvision.ops import nms

    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (80, 2))
    boxes = np.hstack([corner, corner + rng.uniform(5, 40, (80, 2))]).astype(np.float32)
    scores = rng.random(80).astype(np.float32)
    ours = suppress(boxes, np.argsort(-scores).tolist(), 0.45)
    theirs = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.45)
    assert ours == theirs.tolist()
