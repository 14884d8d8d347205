import pytest

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.csv_rows import read_csv_rows


def read(tmp_path, text, *classes, **options):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    problems = []
    names = ClassMap.parse(classes)
    found = list(read_csv_rows(path, names, problems.append, **options))
    return found, [str(p) for p in problems]


@pytest.mark.parametrize(
    "text",
    [
        "image,label,p\na.jpg,truck,0.9\nb.jpg,no_truck,0.2\n",
        "image;label;p\na.jpg;truck;0.9\nb.jpg;0;0.2\n",
        "File\tp_truck\na.jpg\t0.9\nb.jpg\t0.2\n",
        '\ufeffpath,is_truck,p\r\n"a.jpg",Yes,0.9\r\n"b.jpg",NO,0.2\r\n',
    ],
    ids=["comma", "semicolon", "tab", "excel"],
)
def test_labels_are_read_however_they_are_separated(tmp_path, text):
    found, problems = read(tmp_path, text)
    assert problems == []
    assert [(f.name, f.label, f.p_truck) for f in found] == [
        ("a.jpg", "truck", 0.9),
        ("b.jpg", "no_truck", 0.2),
    ]
    assert found[0].picture == tmp_path / "a.jpg"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_the_encoding_does_not_matter(tmp_path, encoding):
    path = tmp_path / "labels.csv"
    path.write_text("image,label\nCamión.jpg,truck\n", encoding=encoding)
    (found,) = read_csv_rows(path, ClassMap(), pytest.fail)
    assert (found.name, found.label) == ("Camión.jpg", "truck")


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("a.jpg,lorri,", "lorri"),
        ("a.jpg,,", "neither"),
        ("a.jpg,truck,1.2", "1.2"),
        ("a.jpg,truck,x", "'x'"),
        ("a.jpg,truck,0.1", "contradicts"),
        (",truck,", "no image"),
        ("a.jpg,,0,9", "4 cells under 3 columns"),
        ("a,b.jpg,truck,0.9", "4 cells under 3 columns"),
    ],
    ids=[
        "label",
        "nothing",
        "range",
        "number",
        "contradiction",
        "image",
        "decimal comma",
        "comma in a name",
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path, row, match):
    found, (problem,) = read(tmp_path, f"image,label,p\nb.jpg,skip,\n{row}\n")
    assert "labels.csv:3" in problem
    assert match in problem
    assert [f.label for f in found] == ["skip"]


def test_a_word_of_one_s_own_can_be_mapped(tmp_path):
    text = "image,label\na.jpg,Lkw\nb.jpg,leer\n"
    found, _ = read(tmp_path, text, "lkw=truck", "leer=no_truck")
    assert [f.label for f in found] == ["truck", "no_truck"]


def test_a_file_without_the_columns_is_an_error(tmp_path):
    with pytest.raises(LabelError, match="header"):
        read(tmp_path, "a.jpg,truck\nb.jpg,no_truck\n")


def test_a_blank_cell_too_many_does_no_harm(tmp_path):
    found, problems = read(tmp_path, "image,label\na.jpg,truck,\n")
    assert ([f.label for f in found], problems) == (["truck"], [])
