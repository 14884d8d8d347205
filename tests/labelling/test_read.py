import numpy as np
import pandas as pd
import pytest

from tests.labelling.pieces import label_rows, make_set
from truckcount.errors import LabelError
from truckcount.labelling.read import read_boxed, read_examples, read_table
from truckcount.labelling.splits import SplitOptions, split_set


def box_rows(image, *names, source="person", labeller="ana", score=None):
    return pd.DataFrame(
        {
            "image": image,
            "class": list(names),
            "x1": [2.0 + k for k in range(len(names))],
            "y1": 3.0,
            "x2": 20.0,
            "y2": 30.0,
            "score": score,
            "source": source,
            "labeller": labeller,
        }
    )


def test_each_part_gives_its_pictures_with_soft_labels(tmp_path):
    made, images = make_set(tmp_path, n=20, light=["night"] * 20)
    labels = ["truck", "no_truck"] * 9
    made.add_labels(label_rows(images[:18], labels, weight=[2.0] * 18))
    soft = label_rows(images[:1], ["truck"], "crowd", "ds", p_truck=[0.7])
    made.add_labels(soft)
    made.add_labels(label_rows(images[18:19], ["truck"], "crowd", "x", p_truck=[0.8]))
    made.add_labels(label_rows(images[19:], ["skip"]))
    split_set(made, SplitOptions(by="group"))
    read = [e for p in ("train", "val", "test") for e in read_examples(made, p)]
    assert sorted(e.path.name for e in read) == [f"{i:03d}.jpg" for i in range(19)]
    by_name = {e.path.name: e for e in read}
    assert by_name["000.jpg"].p_truck == 1.0
    assert by_name["000.jpg"].weight == 2.0
    assert by_name["018.jpg"].p_truck == pytest.approx(0.8)
    assert {e.light for e in read} == {"night"}
    assert all(e.path.is_file() for e in read)


def test_a_set_that_is_not_split_or_labelled_says_so(tmp_path):
    made, images = make_set(tmp_path, n=9)
    with pytest.raises(LabelError, match="label split"):
        read_table(made, "train")
    with pytest.raises(LabelError, match="one of train"):
        read_table(made, "tain")
    assert read_table(made).empty
    split_set(made, SplitOptions(by="group"))
    with pytest.raises(LabelError, match="no labelled frame in train"):
        read_table(made, "train")
    made.add_labels(label_rows(images, ["truck"] * 9))
    assert len(read_table(made)) == 9


def test_boxes_are_those_of_one_labeller_the_most_trusted(tmp_path):
    made, images = make_set(tmp_path, n=3)
    made.add_labels(label_rows(images, ["truck", "truck", "no_truck"]))
    made.add_boxes(box_rows(images[0], "truck", "car"))
    made.add_boxes(box_rows(images[0], "truck", labeller="ben"))
    made.add_boxes(box_rows(images[0], "bus", source="model", score=0.9))
    made.add_boxes(
        pd.concat(
            [
                box_rows(images[1], "truck", source="model", score=0.9),
                box_rows(images[1], "truck", source="model", score=0.2),
            ]
        )
    )
    first, second, third = read_boxed(made)
    assert first.classes == ("truck", "car")
    assert first.corners.tolist() == [[2, 3, 20, 30], [3, 3, 20, 30]]
    assert second.classes == ("truck",)
    assert third.corners.shape == (0, 4)
    assert third.corners.dtype == np.float32
    assert [e.is_complete for e in (first, second, third)] == [True] * 3


def test_a_truck_without_a_box_or_a_box_without_a_truck_is_not_complete(tmp_path):
    made, images = make_set(tmp_path, n=2)
    made.add_labels(label_rows(images, ["truck", "no_truck"]))
    made.add_boxes(box_rows(images[0], "car"))
    made.add_boxes(box_rows(images[1], "truck", source="model", score=0.8))
    unboxed, contradicted = read_boxed(made)
    assert unboxed.classes == ("car",)
    assert not unboxed.is_complete
    assert contradicted.classes == ()
    assert not contradicted.is_complete
