import pytest

from tests.labelling.importers.sources import SCENE, write_pictures, write_yolo
from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.yolo import read_yolo


def read(source, *classes):
    problems = []
    found = list(read_yolo(source, ClassMap.parse(classes), problems.append))
    return {f.name.rsplit("/", 1)[-1][0]: f for f in found}, problems


@pytest.mark.parametrize(
    "yaml",
    ["names: [car, lorry]", "names:\n  0: car\n  1: lorry", "names:\n- car\n- lorry"],
    ids=["list", "mapping", "lines"],
)
def test_class_names_come_from_the_yaml(tmp_path, yaml):
    source = write_yolo(tmp_path)
    source.write_text(yaml + "\n")
    found, _ = read(source)
    assert [b.name for b in found["a"].boxes] == ["lorry", "car"]


def test_class_names_come_from_a_text_file(tmp_path):
    found, problems = read(write_yolo(tmp_path, is_yaml=False))
    assert [b.name for b in found["a"].boxes] == ["lorry", "car"]
    assert problems == []


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_texts_are_read_in_the_encoding_they_have(tmp_path, encoding):
    source = write_yolo(tmp_path, is_yaml=False)
    (tmp_path / "classes.txt").write_text("coche\ncamión\n", encoding=encoding)
    text = tmp_path / "labels/train/b.txt"
    text.write_text("1.0 0.5 0.5 0.2 0.2\n", encoding=encoding)
    found, problems = read(source, "camión=truck")
    assert problems == []
    assert [b.name for b in found["b"].boxes] == ["camión"]


def test_labels_may_lie_beside_the_pictures(tmp_path):
    write_pictures(tmp_path)
    (tmp_path / "classes.txt").write_text("car\nlorry\n")
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    found, _ = read(tmp_path)
    assert found["a"].boxes[0].name == "lorry"


def test_a_picture_without_a_text_was_not_looked_at(tmp_path):
    source = write_yolo(tmp_path)
    (tmp_path / "labels/train/b.txt").unlink()
    found, _ = read(source)
    assert [found[name].is_annotated for name in SCENE] == [True, False, True]


def test_a_polygon_becomes_its_bounding_box_and_a_score_is_kept(tmp_path):
    source = write_yolo(tmp_path)
    text = tmp_path / "labels/train/a.txt"
    text.write_text("1 0.1 0.2 0.5 0.1 0.4 0.6\n0 0.5 0.5 0.1 0.1 0.75\n")
    found, _ = read(source)
    polygon, box = found["a"].boxes
    assert polygon.corners == (0.1, 0.1, 0.5, 0.6)
    assert box.score == 0.75


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("7 0.5 0.5 0.1 0.1", "class 7"),
        ("0 0.5 0.5", "2 numbers"),
        ("0 320 240 100 50", "no fractions"),
        ("0 0.5 nan 0.1 0.1", "no fractions"),
        ("lorry 0.5 0.5 0.1 0.1", "no line of numbers"),
    ],
    ids=["class", "short", "pixels", "nan", "word"],
)
def test_a_wrong_line_is_named_and_the_others_read(tmp_path, line, match):
    source = write_yolo(tmp_path)
    text = tmp_path / "labels/train/a.txt"
    text.write_text(f"1 0.5 0.5 0.2 0.2\n{line}\n")
    found, (problem,) = read(source)
    assert match in problem.what
    assert problem.where.endswith("a.txt:2")
    assert len(found["a"].boxes) == 1
    assert not found["a"].is_annotated


def test_a_data_set_without_names_says_what_is_wanted(tmp_path):
    write_pictures(tmp_path)
    with pytest.raises(LabelError, match=r"classes\.txt"):
        read(tmp_path)


def test_a_yaml_that_makes_objects_is_refused(tmp_path):
    source = write_yolo(tmp_path)
    source.write_text("names: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(LabelError, match="cannot be read"):
        read(source)


def test_a_class_that_may_be_a_truck_is_asked_for(tmp_path):
    source = write_yolo(tmp_path)
    source.write_text("names: [single_unit_truck, lorry]\n")
    with pytest.raises(LabelError, match='--class "single_unit_truck=truck"'):
        read(source)
    assert len(read(source, "single_unit_truck=truck")[0]) == 3
    source.write_text("names: [no_truck, lorry]\n")
    assert len(read(source)[0]) == 3


def move_yaml(tmp_path, text):
    """Write a data set, and its yaml in a folder of its own with other pictures."""
    write_yolo(tmp_path / "sets/dock").unlink()
    write_pictures(tmp_path / "config/plots", ".png")
    source = tmp_path / "config/dock.yaml"
    source.write_text(f"{text}\nnames: [car, lorry]\n")
    return source


@pytest.mark.parametrize("is_absolute", [False, True], ids=["relative", "absolute"])
def test_the_yaml_says_where_its_pictures_are(tmp_path, is_absolute):
    said = (tmp_path / "sets/dock").as_posix() if is_absolute else "../sets/dock"
    source = move_yaml(tmp_path, f"path: {said}\ntrain: images/train")
    problems = []
    found = list(read_yolo(source, ClassMap.parse(()), problems.append))
    assert [f.name for f in found] == [f"images/train/{n}.jpg" for n in SCENE]
    assert all(f.is_annotated for f in found)
    assert [b.name for b in found[0].boxes] == ["lorry", "car"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("path: /content/dock", r"`path: /content/dock` leads to .*no folder"),
        ("path: sets/dock", r"config/sets/dock, which is no folder"),
        ("path: [a, b]", "no folder's name"),
        ("path: ../sets/dock\nval: ../../config/plots", "`val: .*lies outside"),
        ("train: ../sets/dock/images/train", "`train: .*lies outside"),
    ],
    ids=["of another machine", "not relative to the yaml", "list", "val", "no path"],
)
def test_a_yaml_that_leads_nowhere_is_refused(tmp_path, text, match):
    with pytest.raises(LabelError, match=match):
        read(move_yaml(tmp_path, text))


def test_a_part_one_folder_up_is_meant_in_the_folder_as_roboflow_writes(tmp_path):
    source = write_yolo(tmp_path / "dock")
    write_pictures(tmp_path / "images/train")
    source.write_text("train: ../images/train\nnames: [car, lorry]\n")
    assert len(read(source)[0]) == len(SCENE)


def test_a_folder_is_read_whatever_its_yaml_says_of_another_machine(tmp_path):
    source = write_yolo(tmp_path)
    source.write_text("path: /content/dock\nnames: [car, lorry]\n")
    assert len(read(tmp_path)[0]) == len(SCENE)
