import pytest

from tests.labelling.pieces import write_picture
from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.folders import read_folders


def read(source, *classes):
    problems = []
    names = ClassMap.parse(classes)
    found = list(read_folders(source, names, problems.append))
    return {f.name: f.label for f in found}, [str(p) for p in problems]


def test_folders_are_labels_however_deep_the_pictures_lie(tmp_path):
    for name in ("truck/a.jpg", "truck/day/b.png", "no_truck/c.jpg", "skip/d.jpg"):
        write_picture(tmp_path / name)
    found, problems = read(tmp_path)
    assert problems == []
    assert found == {
        "truck/a.jpg": "truck",
        "truck/day/b.png": "truck",
        "no_truck/c.jpg": "no_truck",
        "skip/d.jpg": "skip",
    }


def test_folders_of_vehicles_hold_no_trucks_but_for_those_mapped(tmp_path):
    for name in ("Lastwagen/a.jpg", "Bus/b.jpg", "van/c.jpg"):
        write_picture(tmp_path / name)
    with pytest.raises(LabelError, match="Lastwagen"):
        read(tmp_path)
    found, _ = read(tmp_path, "lastwagen=truck")
    assert list(found.values()) == ["no_truck", "truck", "no_truck"]


@pytest.mark.parametrize("name", ["unsorted", "articulated_truck", "Tram"])
def test_a_folder_whose_name_says_nothing_is_refused(tmp_path, name):
    for folder in ("truck", "no_truck", name):
        write_picture(tmp_path / folder / "a.jpg")
    with pytest.raises(LabelError, match=f'--class "{name}='):
        read(tmp_path)
    for kind, label in (("other", "no_truck"), ("skip", "skip"), ("truck", "truck")):
        found, _ = read(tmp_path, f"{name}={kind}")
        assert found[f"{name}/a.jpg"] == label


def test_what_cannot_be_told_is_skipped(tmp_path):
    for folder in ("truck", "unknown"):
        write_picture(tmp_path / folder / "a.jpg")
    assert read(tmp_path)[0]["unknown/a.jpg"] == "skip"


def test_files_that_are_no_pictures_are_reported(tmp_path):
    write_picture(tmp_path / "truck/a.jpg")
    (tmp_path / "truck/Thumbs.db").write_bytes(b"x")
    (tmp_path / "truck/.DS_Store").write_bytes(b"x")
    found, (problem,) = read(tmp_path)
    assert list(found) == ["truck/a.jpg"]
    assert "Thumbs.db" in problem


def test_a_folder_without_class_folders_is_an_error(tmp_path):
    with pytest.raises(LabelError, match="class folders"):
        read(tmp_path)
