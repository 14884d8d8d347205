import pytest

from tests.labelling.importers.sources import voc_xml, write_voc
from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.voc import read_voc

pytest.importorskip("defusedxml", reason="XML needs the extra `train`")

LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">'
        for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><annotation><filename>&j;</filename></annotation>"
)
READS_A_FILE = (
    '<!DOCTYPE x [<!ENTITY xxe SYSTEM "file:///etc/hostname">]>'
    "<annotation><filename>&xxe;</filename></annotation>"
)
READS_A_DTD = (
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><annotation>&gone;</annotation>'
)


def read(source, **options):
    problems = []
    found = list(read_voc(source, ClassMap(), problems.append, **options))
    return {f.name: f for f in found}, [str(p) for p in problems]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (LAUGHS, "is refused: it declares entities"),
        (READS_A_FILE, "is refused: it declares entities"),
        (READS_A_DTD, "no well-formed"),  # the DTD is not fetched
    ],
    ids=["laughs", "file", "dtd"],
)
def test_entities_are_refused(tmp_path, text, match):
    path = tmp_path / "evil.xml"
    path.write_text(text)
    with pytest.raises(LabelError, match=rf"evil\.xml .*{match}"):
        read(path)


def test_a_file_with_entities_does_not_stop_the_others(tmp_path):
    folder = write_voc(tmp_path)
    (folder / "evil.xml").write_text(LAUGHS)
    found, (problem,) = read(folder)
    assert set(found) == {"a", "b", "c"}
    assert "is refused" in problem
    assert "lollol" not in problem


def test_a_wrong_object_is_named_by_its_line(tmp_path):
    folder = write_voc(tmp_path)
    text = voc_xml("a", [("lorry", 1, 1, 9, 9), ("car", "left", 1, 9, 9)])
    (folder / "a.xml").write_text(text)
    found, (problem,) = read(folder)
    assert "a.xml:3" in problem
    assert "'left'" in problem
    assert len(found["a"].boxes) == 1
    assert not found["a"].is_annotated


def test_an_object_without_box_or_name_is_named(tmp_path):
    folder = write_voc(tmp_path)
    extra = "<object><name>lorry</name></object>\n<object><bndbox/></object>"
    (folder / "a.xml").write_text(voc_xml("a", [], extra))
    _, problems = read(folder)
    assert ["no <bndbox>" in problems[0], "no <name>" in problems[1]] == [True, True]


def test_a_difficult_truck_is_ambiguous_and_a_car_still_none(tmp_path):
    folder = write_voc(tmp_path)
    text = voc_xml("a", [("lorry", 1, 1, 9, 9), ("car", 2, 2, 9, 9)])
    text = text.replace("</object>", "<difficult>1</difficult></object>")
    (folder / "a.xml").write_text(text)
    found, _ = read(folder)
    assert [b.name for b in found["a"].boxes] == ["ambiguous", "car"]


def test_a_file_that_is_cut_off_is_reported(tmp_path):
    folder = write_voc(tmp_path)
    (folder / "b.xml").write_text("<annotation><filename>b.jpg")
    found, (problem,) = read(folder)
    assert set(found) == {"a", "c"}
    assert "well-formed" in problem


def test_a_picture_that_is_missing_is_reported(tmp_path):
    folder = write_voc(tmp_path)
    (tmp_path / "JPEGImages" / "b.jpg").unlink()
    found, (problem,) = read(folder)
    assert set(found) == {"a", "c"}
    assert "b.jpg" in problem


def test_a_folder_without_annotations_is_an_error(tmp_path):
    with pytest.raises(LabelError, match=r"no \.xml"):
        read(tmp_path)
    (tmp_path / "x.xml").write_text("<html/>")
    with pytest.raises(LabelError, match="<html>"):
        read(tmp_path)
