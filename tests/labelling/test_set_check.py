import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.labelling.pieces import label_rows, make_set, write_picture
from truckcount.labelling.schema import schema_of
from truckcount.labelling.set_check import check_set
from truckcount.labelling.splits import SplitOptions, split_set


@pytest.fixture
def whole(tmp_path):
    made, images = make_set(tmp_path / "set", n=12)
    made.add_labels(label_rows(images[:6], ["truck", "no_truck"] * 3))
    box = {"class": "truck", "x1": 1.0, "y1": 1.0, "x2": 64.0, "y2": 48.0}
    who = {"source": "person", "labeller": "ana"}
    made.add_boxes(pd.DataFrame([{"image": images[0], **box, **who}]))
    split_set(made, SplitOptions(by="group"))
    return made


def tamper(made, name, change):
    """Write a table behind the label set's back."""
    rows = made.read(name)
    changed = change(rows)
    rows = rows if changed is None else changed
    table = pa.Table.from_pandas(rows, schema=schema_of(name), preserve_index=False)
    pq.write_table(table, made.root / f"{name}.parquet")


def broken(made, **options):
    return " ".join(f.what for f in check_set(made, **options) if f.is_broken)


def test_a_whole_set_has_no_fault(whole):
    assert check_set(whole, is_thorough=True) == []


def put(column, row, value):
    return lambda rows: rows.__setitem__(
        column, [value if k == row else v for k, v in enumerate(rows[column])]
    )


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("labels", put("image", 0, "frames/none.jpg"), "image of labels"),
        ("labels", put("label", 0, "lorry"), "'lorry'"),
        ("labels", put("p_truck", 0, 0.1), "contradicts"),
        ("labels", put("weight", 0, -1.0), "negative weight"),
        ("boxes", put("x2", 0, 500.0), "box outside"),
        ("frames", put("image", 0, "frames/001.jpg"), "stands twice"),
        ("frames", put("image", 0, "../x.jpg"), "outside of frames/"),
        ("splits", put("image", 0, "frames/none.jpg"), "image of splits"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_row_that_was_tampered_with_is_found(whole, name, change, match):
    tamper(whole, name, change)
    assert match in broken(whole)


def test_a_leak_is_broken(whole):
    def cut(rows):
        rows["split"] = ["test", *rows["split"][1:-1], "train"]
        rows["unit"] = [rows["unit"][0], *rows["unit"][1:-1], rows["unit"][0]]

    tamper(whole, "splits", cut)
    assert "the split leaks" in broken(whole)


def test_files_that_are_lost_damaged_or_strange_are_found(whole):
    frames = whole.root / "frames"
    (frames / "000.jpg").unlink()
    (frames / "001.jpg").write_bytes(b"no picture")
    write_picture(frames / "002.jpg", size=(20, 20))
    write_picture(frames / "extra.jpg")
    found = [str(f) for f in check_set(whole, is_thorough=True)]
    assert [f.split(":")[0] for f in found] == ["broken", "note", "broken", "broken"]
    for text, name in zip(found, ("000", "extra", "001", "002"), strict=True):
        assert name in text


def test_a_damaged_table_is_broken_and_named(whole):
    (whole.root / "boxes.parquet").write_bytes(b"x")
    assert "boxes.parquet" in broken(whole)


def test_labellers_who_disagree_are_worth_a_look(whole):
    whole.add_labels(label_rows(["frames/000.jpg"], ["no_truck"], labeller="ben"))
    (fault,) = check_set(whole)
    assert not fault.is_broken
    assert "disagree" in fault.what
