import json

import pytest

from tests.labelling.importers.sources import write_coco
from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.coco import read_coco


def read(source, **options):
    problems = []
    found = list(read_coco(source, ClassMap(), problems.append, **options))
    return {f.name[0]: f for f in found}, [str(p) for p in problems]


def change(source, change_spec):
    spec = json.loads(source.read_text())
    change_spec(spec)
    source.write_text(json.dumps(spec))
    return source


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("category_id", 99, "category_id 99"),
        ("image_id", 99, "image_id 99"),
        ("bbox", [1, 2, 3], "bbox"),
        ("bbox", None, "bbox"),
    ],
    ids=["category", "image", "short", "null"],
)
def test_a_wrong_annotation_is_named_and_the_others_read(tmp_path, key, value, match):
    source = change(
        write_coco(tmp_path), lambda spec: spec["annotations"][1].update({key: value})
    )
    found, (problem,) = read(source)
    assert "annotations[1]" in problem
    assert match in problem
    assert len(found["a"].boxes) == 1


def test_a_crowd_is_ambiguous(tmp_path):
    source = change(
        write_coco(tmp_path), lambda spec: spec["annotations"][0].update(iscrowd=1)
    )
    found, _ = read(source)
    assert found["a"].boxes[0].name == "ambiguous"


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/hostname", "gone.jpg"])
def test_a_picture_outside_the_folder_is_left_out(tmp_path, name):
    (tmp_path / "secret.jpg").write_bytes(b"")
    source = change(
        write_coco(tmp_path / "in" / "source"),
        lambda spec: spec["images"][0].update(file_name=name),
    )
    found, (problem,) = read(source)
    assert "images[0]" in problem
    assert set(found) == {"b", "c"}


def test_pictures_may_lie_elsewhere(tmp_path):
    source = write_coco(tmp_path / "source")
    (tmp_path / "source" / "images").rename(tmp_path / "pictures")
    found, problems = read(source, pictures=tmp_path / "pictures")
    assert len(found) == 3
    assert problems == []


@pytest.mark.parametrize(
    "text",
    ["[", "[]", '{"images": []}', "[" * 100_000],
    ids=["cut", "list", "keys", ""],
)
def test_what_is_no_coco_file_is_an_error(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(LabelError, match=r"x\.json"):
        read(path)
