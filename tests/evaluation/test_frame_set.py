"""A label set on disk to one table."""

import pandas as pd
import pytest

from tests.evaluation.label_folder import relabel, write_label_set
from tests.labelling.pieces import label_rows, make_set
from truckcount.errors import LabelError
from truckcount.evaluation.frame_set import read_labelled_frames


@pytest.fixture
def folder(tmp_path):
    return write_label_set(tmp_path / "set")


def test_a_split_is_read_with_labels_and_paths(folder):
    table = read_labelled_frames(folder, "test")
    assert list(table["image"]) == [f"frames/{k:03d}.png" for k in range(8, 12)]
    assert list(table["label"]) == [1, 0, 1, 0]
    assert table["path"].map(lambda p: pd.io.common.file_exists(p)).all()
    assert {"camera", "group", "day", "light", "weight"} <= set(table.columns)


def test_votes_on_a_frame_become_one_soft_label(folder):
    relabel(
        folder,
        [
            (0, "truck", None, 1.0),
            (0, "truck", None, 2.0),
            (0, "no_truck", None, 1.0),
            (1, "truck", 0.6, 0.5),
            (2, "skip", None, 1.0),
            (3, "truck", None, 1.0),
            (3, "skip", None, 1.0),
        ],
    )
    table = read_labelled_frames(folder)
    assert dict(zip(table["image"].str[7:10], table["label"], strict=True)) == {
        "000": 0.75,
        "001": 0.6,
        "003": 1.0,
    }
    # as the label set says: the labellers' mean, so that a weight of 3 is one
    assert list(table["weight"]) == pytest.approx([4 / 3, 0.5, 1.0])


def test_weights_are_those_of_the_label_set_itself(tmp_path):
    """A weight above 1 had no effect on training, two halves made a whole."""
    made, images = make_set(tmp_path / "set", 4)
    made.add_labels(label_rows(images, ["truck"] * 4, weight=[3.0, 1.0, 0.5, 0.0]))
    made.add_labels(
        label_rows(images[2:], ["truck"] * 2, labeller="bob", weight=[0.5, 2.0])
    )
    table = read_labelled_frames(made.root).set_index("image")["weight"]
    merged = made.merged_labels().set_index("image")["weight"]
    assert dict(table) == dict(merged) == dict(zip(images, (3, 1, 0.5, 2), strict=True))


def test_what_is_missing_is_named(folder):
    with pytest.raises(LabelError, match=r"split 'tset'; it has \['test'"):
        read_labelled_frames(folder, "tset")
    relabel(folder, [(0, "skip", None, 1.0)])
    with pytest.raises(LabelError, match="no labelled frame"):
        read_labelled_frames(folder)
    (folder / "splits.parquet").unlink()
    with pytest.raises(LabelError, match=r"no splits\.parquet"):
        read_labelled_frames(folder, "test")
    (folder / "labels.parquet").unlink()
    with pytest.raises(LabelError, match=r"labels\.parquet does not exist"):
        read_labelled_frames(folder)


def test_a_missing_column_is_named(folder):
    pd.DataFrame({"picture": ["a"]}).to_parquet(folder / "frames.parquet")
    with pytest.raises(LabelError, match=r"columns \['image'\] are missing"):
        read_labelled_frames(folder)


def test_the_most_trusted_source_is_believed_as_the_label_set_itself_does(tmp_path):
    """`label auto` beside people's labels changed what was trained and measured."""
    made, images = make_set(tmp_path / "set", 5)
    people = ["truck", "no_truck", "skip", "no_truck"]
    made.add_labels(label_rows(images[:4], people))
    model = [0.1, 0.9, 0.9, 0.2, 0.8]
    words = ["truck" if p >= 0.5 else "no_truck" for p in model]
    made.add_labels(
        label_rows(images, words, source="model", labeller="m", p_truck=model)
    )
    table = read_labelled_frames(made.root)
    expected = {images[0]: 1.0, images[1]: 0.0, images[3]: 0.0, images[4]: 0.8}
    assert dict(zip(table["image"], table["label"], strict=True)) == pytest.approx(
        expected
    )
    merged = made.merged_labels().set_index("image")["p_truck"]
    assert merged.to_dict() == pytest.approx(expected)
