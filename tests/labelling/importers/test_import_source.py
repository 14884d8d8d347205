import json

import cv2
import numpy as np
import pytest

from tests.labelling.importers.sources import SCENE, WRITERS, write_coco, write_yolo
from tests.labelling.pieces import make_set, write_picture
from truckcount.errors import LabelError
from truckcount.labelling.importers.import_source import ImportOptions, import_source
from truckcount.labelling.label_set import LabelSet


def take_in(tmp_path, format_, source, **options):
    made = LabelSet.open_or_create(tmp_path / "set")
    asked = ImportOptions(format=format_, source=source, **options)
    return made, import_source(made, asked)


def label_by_stem(made):
    labels = made.labels
    stems = labels["image"].str.extract(r"frames/(.+)_[0-9a-f]{10}\.")[0]
    return dict(zip(stems, labels["label"], strict=True))


def boxes_by_stem(made):
    boxes = {name: [] for name in SCENE}
    for row in made.boxes.itertuples():
        stem = row.image.removeprefix("frames/").rsplit("_", 1)[0]
        kind = made.boxes["class"][row.Index]
        corners = (round(v, 3) for v in (row.x1, row.y1, row.x2, row.y2))
        boxes[stem].append((kind, *corners))
    return boxes


EXPECTED = {
    name: [("truck" if b[0] == "lorry" else b[0], *b[1:]) for b in boxes]
    for name, boxes in SCENE.items()
}


@pytest.mark.parametrize("format_", WRITERS)
def test_every_format_gives_the_same_labels_and_boxes(tmp_path, format_):
    source = WRITERS[format_](tmp_path / "source")
    made, report = take_in(tmp_path, format_, source)
    assert report.problems == []
    assert label_by_stem(made) == {"a": "truck", "b": "no_truck", "c": "no_truck"}
    assert boxes_by_stem(made) == EXPECTED
    assert report.classes == {"lorry -> truck": 1, "car -> car": 2}
    assert (report.n_frames, report.n_labels, report.n_boxes) == (3, 3, 3)
    assert set(made.labels["source"]) == {"import"}
    frames = made.frames
    assert set(zip(frames["width"], frames["height"], strict=True)) == {(64, 48)}
    assert all((made.root / image).is_file() for image in frames["image"])


@pytest.mark.parametrize("format_", WRITERS)
def test_importing_again_changes_nothing(tmp_path, format_):
    source = WRITERS[format_](tmp_path / "source")
    made, _ = take_in(tmp_path, format_, source)
    before = made.labels
    _, report = take_in(tmp_path, format_, source)
    assert (report.n_frames, report.n_labels, report.n_known) == (0, 0, 3)
    assert made.labels.equals(before)
    assert len(list((made.root / "frames").iterdir())) == 3
    assert [e["n"] for e in made.header["provenance"]] == [3, 0]


def test_a_label_that_says_otherwise_is_kept_unless_replacing_is_asked(tmp_path):
    source = tmp_path / "labels.csv"
    write_picture(tmp_path / "a.jpg")
    source.write_text("image,label\na.jpg,truck\n")
    take_in(tmp_path, "csv", source)
    source.write_text("image,label\na.jpg,no_truck\n")
    made, report = take_in(tmp_path, "csv", source)
    assert made.labels["label"].tolist() == ["truck"]
    assert "--replace" in str(report.problems[0])
    made, report = take_in(tmp_path, "csv", source, is_replacing=True)
    assert made.labels["label"].tolist() == ["no_truck"]
    assert report.problems == []


def test_another_p_or_other_boxes_are_no_known_label(tmp_path):
    source = tmp_path / "labels.csv"
    write_picture(tmp_path / "a.jpg")
    source.write_text("image,p\na.jpg,0.6\n")
    take_in(tmp_path, "csv", source)
    source.write_text("image,p\na.jpg,0.9\n")
    made, report = take_in(tmp_path, "csv", source)
    assert report.n_known == 0
    assert "said p 0.6 before and p 0.9 now" in str(report.problems[0])
    assert made.labels["p_truck"].tolist() == pytest.approx([0.6])

    yolo = write_yolo(tmp_path / "yolo")
    take_in(tmp_path, "yolo", yolo)
    text = tmp_path / "yolo" / "labels" / "train" / "a.txt"
    text.write_text(text.read_text().splitlines()[0])
    made, report = take_in(tmp_path, "yolo", yolo)
    assert (report.n_known, len(report.problems)) == (2, 1)
    assert "of 2 boxes before and of 1 other boxes now" in str(report.problems[0])
    assert len(boxes_by_stem(made)["a"]) == 2
    made, report = take_in(tmp_path, "yolo", yolo, is_replacing=True)
    assert report.problems == []
    assert len(boxes_by_stem(made)["a"]) == 1


def test_two_labellers_stand_side_by_side(tmp_path):
    source = tmp_path / "labels.csv"
    write_picture(tmp_path / "a.jpg")
    source.write_text("image,label\na.jpg,truck\n")
    take_in(tmp_path, "csv", source, labeller="ana")
    made, _ = take_in(tmp_path, "csv", source, labeller="ben")
    assert made.labels["labeller"].tolist() == ["ana", "ben"]
    assert len(made.frames) == 1


def test_the_same_picture_twice_is_one_frame_and_a_contradiction_is_told(tmp_path):
    for name in ("truck/x.jpg", "no_truck/y.jpg", "no_truck/x.jpg"):
        write_picture(tmp_path / "source" / name, seed=5)
    made, report = take_in(tmp_path, "folders", tmp_path / "source")
    assert "elsewhere in the source" in str(report.problems[0])
    assert len(made.labels) == len(set(made.labels["image"]))


def test_one_record_a_box_of_a_picture_loses_none_unsaid(tmp_path):
    source = write_coco(tmp_path / "source")
    spec = json.loads(source.read_text())
    again = {**spec["images"][0], "id": 7}
    spec["images"].append(again)
    spec["annotations"].append(
        {"id": 70, "image_id": 7, "category_id": 1, "bbox": [34, 6, 20, 30]}
    )
    source.write_text(json.dumps(spec))
    made, report = take_in(tmp_path, "coco", source)
    assert "of 1 other boxes here; the first is kept" in str(report.problems[0])
    assert len(boxes_by_stem(made)["a"]) == 2


def test_a_class_of_one_s_own_is_a_truck_when_told_so(tmp_path):
    source = write_coco(tmp_path / "source")
    spec = json.loads(source.read_text())
    spec["categories"][1]["name"] = "Last Kraftwagen"
    source.write_text(json.dumps(spec))
    with pytest.raises(LabelError, match="none of its classes is a truck"):
        take_in(tmp_path, "coco", source)
    with pytest.raises(LabelError, match="did you mean 'last_kraftwagen'"):
        take_in(tmp_path, "coco", source, classes=("last_kraftwage=truck",))
    made, _ = take_in(tmp_path, "coco", source, classes=("last-kraftwagen=truck",))
    assert label_by_stem(made)["a"] == "truck"


def test_an_ambiguous_vehicle_alone_cannot_be_told(tmp_path):
    source = write_yolo(tmp_path / "source")
    classes = ("lorry=truck", "car=ambiguous")
    made, _ = take_in(tmp_path, "yolo", source, classes=classes)
    assert label_by_stem(made) == {"a": "truck", "b": "skip", "c": "no_truck"}


def test_boxes_follow_a_picture_that_was_scaled_since(tmp_path):
    source = write_coco(tmp_path / "source")
    path = source.parent / "images" / "a.jpg"
    image = cv2.imread(str(path))
    cv2.imwrite(str(path), cv2.resize(image, None, fx=2, fy=2))
    made, _ = take_in(tmp_path, "coco", source)
    assert boxes_by_stem(made)["a"][0] == ("truck", 8, 12, 60, 80)


def test_boxes_of_a_picture_of_another_shape_are_not_believed(tmp_path):
    source = write_coco(tmp_path / "source")
    path = source.parent / "images" / "b.jpg"
    cv2.imwrite(str(path), np.rot90(cv2.imread(str(path))))
    made, report = take_in(tmp_path, "coco", source)
    assert "64x48" in str(report.problems[0])
    assert "b" not in label_by_stem(made)
    assert report.n_unlabelled == 1


def test_a_box_outside_the_picture_leaves_no_certain_no_truck(tmp_path):
    source = write_coco(tmp_path / "source")
    spec = json.loads(source.read_text())
    spec["annotations"][2]["bbox"] = [100, 100, 20, 20]
    spec["annotations"][0]["bbox"] = [-10, -10, 40, 40]
    source.write_text(json.dumps(spec))
    made, report = take_in(tmp_path, "coco", source)
    assert "no area within" in str(report.problems[0])
    assert boxes_by_stem(made)["a"][0] == ("truck", 0, 0, 30, 30)
    assert "b" not in label_by_stem(made)


def test_a_broken_picture_is_reported_and_the_rest_imported(tmp_path):
    source = write_yolo(tmp_path / "source")
    (tmp_path / "source/images/train/b.jpg").write_bytes(b"no picture")
    made, report = take_in(tmp_path, "yolo", source)
    assert "b.jpg is no picture" in str(report.problems[0])
    assert set(label_by_stem(made)) == {"a", "c"}


def test_a_source_without_a_usable_picture_is_an_error(tmp_path):
    source = tmp_path / "labels.csv"
    source.write_text("image,label\ngone.jpg,truck\n")
    with pytest.raises(LabelError, match=r"gave no picture .*labels\.csv:2"):
        take_in(tmp_path, "csv", source)


def test_other_picture_formats_become_png(tmp_path):
    write_picture(tmp_path / "source/truck/a.bmp")
    made, _ = take_in(tmp_path, "folders", tmp_path / "source")
    (image,) = made.frames["image"]
    assert image.endswith(".png")
    stored = cv2.imread(str(made.root / image))
    assert np.array_equal(stored, cv2.imread(str(tmp_path / "source/truck/a.bmp")))


def test_many_pictures_come_over_chunks_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("truckcount.labelling.importers.import_source.CHUNK", 7)
    for k in range(30):
        folder = "truck" if k % 3 else "no_truck"
        write_picture(tmp_path / "source" / folder / f"{k:02d}.png", seed=k)
    made, report = take_in(tmp_path, "folders", tmp_path / "source")
    assert report.n_frames == 30
    expected = {f"{k:02d}": "truck" if k % 3 else "no_truck" for k in range(30)}
    assert label_by_stem(made) == expected


@pytest.mark.parametrize("where", ["in the set", "by its name", "with --pictures"])
def test_frames_of_the_set_are_labelled_not_copied(tmp_path, where):
    """What `label sample` drew, labelled in a table."""
    made, images = make_set(tmp_path / "set", 3)
    before = made.frames
    source = tmp_path / ("set/mine.csv" if where == "in the set" else "mine.csv")
    rows = zip(images, ("truck", "no_truck", "skip"), strict=True)
    source.write_text("image,label\n" + "\n".join(map(",".join, rows)) + "\n")
    pictures = made.root if where == "with --pictures" else None
    _, report = take_in(tmp_path, "csv", source, pictures=pictures)
    assert (report.n_frames, report.n_labels, report.n_alone) == (0, 3, 0)
    assert made.frames.equals(before)
    assert len(list((made.root / "frames").iterdir())) == 3
    labels = dict(zip(made.labels["image"], made.labels["label"], strict=True))
    assert [labels[i] for i in images] == ["truck", "no_truck", "skip"]
    _, report = take_in(tmp_path, "csv", source, pictures=pictures)
    assert (report.n_labels, report.n_known) == (0, 3)


@pytest.mark.parametrize(
    ("lines", "label"),
    [
        (["1 0.5 0.5 0.4 0.4 0.9"], "truck"),
        (["1 0.5 0.5 0.4 0.4 0.03"], "skip"),
        (["1 0.5 0.5 0.4 0.4 0.03", "1 0.5 0.5 0.2 0.2"], "truck"),
        (["0 0.5 0.5 0.4 0.4 0.03"], "no_truck"),
    ],
)
def test_a_detector_that_is_unsure_of_its_truck_says_none(tmp_path, lines, label):
    """Predictions saved with every score made every picture a truck, p = 1."""
    source = write_yolo(tmp_path / "source")
    (tmp_path / "source/labels/train/b.txt").write_text("\n".join(lines))
    made, _ = take_in(tmp_path, "yolo", source)
    assert label_by_stem(made)["b"] == label
