import cv2
import numpy as np
import pandas as pd

from tests.labelling.pieces import label_rows, make_set
from truckcount.training.label_set import BUS, IGNORE, TRUCK
from truckcount.training.labelled_frames import read_frames


def test_labelled_frames_become_pictures_for_the_truck_map(tmp_path):
    made, images = make_set(tmp_path, n=3)
    made.add_labels(label_rows(images, ["truck", "no_truck", "truck"]))
    classes = ["truck", "bus", "ambiguous", "person"]
    corners = {"x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0}
    who = {"source": "person", "labeller": "ana"}
    rows = [{"image": images[0], "class": c, **corners, **who} for c in classes]
    made.add_boxes(pd.DataFrame(rows))
    boxed, empty, unboxed = read_frames(made, None)
    assert boxed.classes.tolist() == [TRUCK, BUS, IGNORE, IGNORE - 1]
    assert boxed.boxes[0].tolist() == [1, 2, 30, 40]
    assert np.array_equal(
        boxed.image, cv2.imread(str(tmp_path / images[0]))[:, :, ::-1]
    )
    assert boxed.trusted is None
    assert boxed.group == "g0"
    assert empty.trusted is None
    assert empty.boxes.shape == (0, 4)
    assert unboxed.trusted is not None
    assert unboxed.trusted.shape == (0, 2)
