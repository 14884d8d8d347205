"""Label sets: who is a truck, who is masked, and where background may be trusted."""

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.conftest import write_clip
from truckcount.errors import LabelError
from truckcount.training.label_set import (
    BUS,
    IGNORE,
    LIGHT,
    TRUCK,
    fingerprint,
    read_images,
    read_rendered,
    read_train_clips,
)

CLASSES = {
    "truck": TRUCK,
    "bus": BUS,
    "car": LIGHT,
    "van": LIGHT,
    "pickup": LIGHT,
    "other": LIGHT,
    "ambiguous": IGNORE,
    "unchecked_truck": IGNORE,
    "person": IGNORE - 1,
    "bicycle": IGNORE - 1,
}


def write_picture(path, colour=(10, 20, 200)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((48, 64, 3), colour, np.uint8))


def box_rows(image, names):
    return [
        {"image": image, "class": c, "x1": k, "y1": 2, "x2": k + 9, "y2": 20}
        for k, c in enumerate(names)
    ]


@pytest.fixture
def images(tmp_path):
    rows = [
        ("whole", "a.png", "g", "e", "yes"),
        ("whole", "empty.png", "g", "e", "yes"),
        ("main", "b.png", "g", "e", "main object only"),
        ("rf100_toll_id", "c.png", "toll", "recording-3", "yes"),
        ("unasked", "d.png", "g", "e", "yes"),
    ]
    names = ["set", "image", "group", "event", "boxes_complete"]
    pd.DataFrame(rows, columns=names).to_parquet(tmp_path / "images.parquet")
    boxes = box_rows("a.png", CLASSES) + box_rows("b.png", ["truck"])
    pd.DataFrame(boxes).to_parquet(tmp_path / "boxes.parquet")
    for _, image, *_ in rows:
        write_picture(tmp_path / image)
    return tmp_path


def test_classes_are_told_apart_as_the_counter_needs_them(images):
    a, _ = read_images(images, ["whole"])
    assert dict(zip(CLASSES, a.classes.tolist(), strict=True)) == CLASSES
    assert a.boxes[3].tolist() == [3, 2, 12, 20]


def test_pictures_are_rgb(images):
    a, _ = read_images(images, ["whole"])
    assert a.image[0, 0].tolist() == [200, 20, 10]


def test_a_picture_without_boxes_is_an_empty_road(images):
    _, empty = read_images(images, ["whole"])
    assert empty.boxes.shape == (0, 4)
    assert empty.trusted is None


def test_a_set_that_labels_the_main_object_has_no_background(images):
    (b,) = read_images(images, ["main"])
    assert b.trusted is not None
    assert len(b.trusted) == 0


def test_recordings_of_the_toll_camera_are_groups_of_their_own(images):
    (c,) = read_images(images, ["rf100_toll_id"])
    assert c.group == "recording-3"


def test_a_picture_that_cannot_be_read_is_named(images):
    (images / "b.png").write_bytes(b"no picture")
    with pytest.raises(LabelError, match=r"b\.png cannot be read"):
        read_images(images, ["main"])


def test_rendered_frames_are_read_as_far_as_they_got(tmp_path):
    write_picture(tmp_path / "0.png")
    pd.DataFrame({"image": ["0.png", "1.png"], "scene_id": [4, 4]}).to_csv(
        tmp_path / "images.csv", index=False
    )
    pd.DataFrame(box_rows("0.png", ["truck"])).to_csv(
        tmp_path / "boxes.csv", index=False
    )
    (one,) = read_rendered(tmp_path)
    assert (one.name, one.group) == ("render/0.png", "render/4")
    assert one.classes.tolist() == [TRUCK]


CAMERAS = """\
[cameras.cam]
[[cameras.cam.gates]]
name = "main"
polygon = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
"""


def write_clips(folder, boxes, passages):
    write_clip(folder / "one.mp4", 75, fps=25)
    (folder / "cameras.toml").write_text(CAMERAS)
    pd.DataFrame(
        {
            "clip": ["one", "judged"],
            "file": ["one.mp4", "gone.mp4"],
            "camera": ["cam", "cam"],
            "group": ["g", "g"],
            "role": ["train", "score"],
            "annotated_until_s": [3.0, 3.0],
        }
    ).to_csv(folder / "clips.csv", index=False)
    columns = ["clip", "onset_s", "offset_s", "verdict"]
    pd.DataFrame(passages, columns=columns).to_csv(folder / "passages.csv", index=False)
    columns = ["clip", "t_s", "class", "x1", "y1", "x2", "y2"]
    pd.DataFrame(boxes, columns=columns).to_parquet(folder / "train_boxes.parquet")
    return folder


def seconds(pictures):
    return [float(p.name.rpartition("@")[2]) for p in pictures]


INSIDE = (0.4, 0.4, 0.6, 0.6)
OUTSIDE = (0.0, 0.0, 0.2, 0.2)


def test_frames_of_clips_carry_gate_and_boxes_in_pixels(tmp_path):
    boxes = [("one", t, "truck", *INSIDE) for t in (0.2, 1.2, 2.2)]
    folder = write_clips(tmp_path, boxes, [("one", 0.0, 3.0, "truck")])
    pictures = read_train_clips(folder)
    assert seconds(pictures) == pytest.approx([0.2, 1.2, 2.2], abs=0.05)
    first = pictures[0]
    assert first.boxes.tolist() == [pytest.approx([64, 38.4, 96, 57.6])]
    assert first.trusted[0].tolist() == [40, 24]
    assert first.group == "clip/g"


def test_clips_that_are_scored_are_never_read(tmp_path):
    folder = write_clips(tmp_path, [], [])
    assert {p.name.partition("@")[0] for p in read_train_clips(folder)} == {"clip/one"}


MISSING = {
    "no box at all": [],
    "a box outside the gate": [("one", 1.2, "truck", *OUTSIDE)],
    "a box of a car": [("one", 1.2, "car", *INSIDE)],
    "a box that only the detector calls a truck": [
        ("one", 1.2, "unchecked_truck", *INSIDE)
    ],
    "a box of another clip": [("two", 1.2, "truck", *INSIDE)],
    "a box of another time": [("one", 0.9, "truck", *INSIDE)],
}


@pytest.mark.parametrize("name", MISSING)
def test_a_frame_whose_truck_has_no_box_is_left_out(tmp_path, name):
    folder = write_clips(tmp_path, MISSING[name], [("one", 1.0, 1.5, "truck")])
    assert seconds(read_train_clips(folder)) == pytest.approx([0.2, 2.2], abs=0.05)


@pytest.mark.parametrize(
    ("kind", "kept"), [("ambiguous", [0.2, 1.2, 2.2]), ("car", [0.2, 2.2])]
)
def test_a_frame_with_an_ambiguous_one_needs_it_masked(tmp_path, kind, kept):
    boxes = [("one", 1.2, kind, *INSIDE)]
    folder = write_clips(tmp_path, boxes, [("one", 1.0, 1.5, "ambiguous")])
    assert seconds(read_train_clips(folder)) == pytest.approx(kept, abs=0.05)


def test_a_fingerprint_tells_label_sets_apart_whatever_their_order(images):
    pictures = read_images(images, ["whole", "main"])
    assert fingerprint(pictures) == fingerprint(pictures[::-1])
    before = fingerprint(pictures)
    pictures[0].boxes[0, 0] += 1
    assert fingerprint(pictures) != before
