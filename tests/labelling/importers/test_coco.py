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


def test_a_crowd_is_ambiguous_where_it_is_of_trucks(tmp_path):
    def crowd(spec):
        for annotation in spec["annotations"]:
            annotation["iscrowd"] = 1

    found, _ = read(change(write_coco(tmp_path), crowd))
    assert [b.name for b in found["a"].boxes] == ["ambiguous", "car"]
    assert [b.name for b in found["b"].boxes] == ["car"]


def test_ids_may_be_text_in_one_table_and_numbers_in_another(tmp_path):
    def spell(spec):
        for annotation in spec["annotations"]:
            annotation["image_id"] = str(annotation["image_id"])
        spec["images"][1]["id"] = 1.0

    found, problems = read(change(write_coco(tmp_path), spell))
    assert problems == []
    assert [len(found[name].boxes) for name in "abc"] == [2, 1, 0]


@pytest.mark.parametrize("bad", [[1], {"a": 1}, None], ids=["list", "object", "null"])
def test_an_id_that_is_none_is_named(tmp_path, bad):
    def spoil(spec):
        spec["annotations"][2]["image_id"] = bad
        spec["images"].append({"id": bad, "file_name": "a.jpg"})

    found, problems = read(change(write_coco(tmp_path), spoil))
    assert set(found) == {"a", "b", "c"}
    assert ["annotations[2]" in p or "images[3]" in p for p in problems] == [True] * 2


def test_an_id_of_two_pictures_is_nobodys(tmp_path):
    def spoil(spec):
        spec["images"][2]["id"] = spec["images"][0]["id"]

    found, problems = read(change(write_coco(tmp_path), spoil))
    assert set(found) == {"b"}
    assert len(problems) == 2
    assert "several pictures" in problems[0]


# three columns of four pixels, the first at (4, 6), in a picture 10 high; the letters
# by hand, as rleToString of cocoapi writes them
RUNS = [46, 4, 6, 4, 6, 4, 530]
LETTERS = r"^146000\`0"


@pytest.mark.parametrize(
    ("segmentation", "corners"),
    [
        ([[4, 6, 30, 6, 30, 40], [2, 8, 5, 9, 3, 9]], (2, 6, 30, 40)),
        ({"counts": RUNS, "size": [10, 60]}, (4, 6, 7, 10)),
        ({"counts": LETTERS, "size": [10, 60]}, (4, 6, 7, 10)),
        ({"counts": [5, 20, 35], "size": [10, 6]}, (0, 0, 3, 10)),
    ],
    ids=["polygons", "runs", "letters", "whole columns"],
)
def test_a_segmentation_gives_the_box_that_is_not_there(
    tmp_path, segmentation, corners
):
    def strip(spec):
        del spec["annotations"][0]["bbox"]
        spec["annotations"][0]["segmentation"] = segmentation

    found, problems = read(change(write_coco(tmp_path), strip))
    assert problems == []
    assert found["a"].boxes[0].corners == corners


@pytest.mark.parametrize(
    "name", ["/home/me/set/images/a.jpg", r"C:\set\images\a.jpg", "file:///x/a.jpg"]
)
def test_a_name_of_another_machine_is_found_by_its_end(tmp_path, name):
    source = change(
        write_coco(tmp_path), lambda spec: spec["images"][0].update(file_name=name)
    )
    problems = []
    found = list(read_coco(source, ClassMap(), problems.append))
    assert problems == []
    assert found[0].picture == tmp_path / "images" / "a.jpg"


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
