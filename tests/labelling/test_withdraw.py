import pandas as pd
import pytest

from tests.labelling.pieces import label_rows, make_set
from truckcount.labelling.withdraw import (
    exchange_answer,
    replace_labeller,
    withdraw_labels,
)

BOX = {"class": "truck", "x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0}


@pytest.fixture
def made(tmp_path):
    return make_set(tmp_path / "set", 3)[0]


def said(made):
    rows = made.labels.sort_values(["image", "source", "labeller"])
    columns = ["source", "labeller", "label"]
    return [(r.image[-7:-4], *(r[c] for c in columns)) for _, r in rows.iterrows()]


@pytest.mark.parametrize("label", ["truck", "no_truck", "skip"])
def test_an_exchanged_answer_is_what_adding_it_gives(tmp_path, label):
    quick, images = make_set(tmp_path / "quick", 2)
    slow, _ = make_set(tmp_path / "slow", 2)
    for made in (quick, slow):
        made.add_labels(label_rows(images, ["truck", "skip"]))
        made.add_labels(label_rows(images, ["truck", "truck"], "model", "ana"))
    exchange_answer(quick, (images[0], "person", "ana"), label, [BOX])
    slow.add_labels(label_rows(images[:1], [label]))
    rows = pd.DataFrame([{"image": images[0], **BOX}])
    slow.add_boxes(rows.assign(source="person", labeller="ana"))
    for name in ("labels", "boxes"):
        ours, theirs = (
            m.read(name).drop(columns="labelled_at_utc", errors="ignore")
            for m in (quick, slow)
        )
        pd.testing.assert_frame_equal(ours, theirs)


def test_withdrawing_takes_only_the_key_that_is_named(made):
    images = list(made.frames["image"])
    made.add_labels(label_rows(images, ["truck"] * 3))
    made.add_labels(label_rows(images[:1], ["truck"], labeller="ben"))
    key = (images[0], "person", "ana")
    exchange_answer(made, key, "truck", [BOX])
    assert withdraw_labels(made, [key, (images[1], "model", "ana")]) == 1
    assert [row[:1] + row[2:3] for row in said(made)] == [
        ("000", "ben"), ("001", "ana"), ("002", "ana")
    ]  # fmt: skip
    assert len(made.boxes) == 0
    assert withdraw_labels(made, [key]) == 0


def test_replacing_a_labeller_drops_what_it_no_longer_says(made):
    images = list(made.frames["image"])
    made.add_labels(label_rows(images, ["truck"] * 3, "crowd", "crowd"))
    made.add_labels(label_rows(images[:1], ["truck"]))
    rows = pd.DataFrame({"image": images[1:2], "label": ["no_truck"]})
    assert replace_labeller(made, rows, source="crowd", labeller="crowd") == 1
    assert said(made) == [
        ("000", "person", "ana", "truck"), ("001", "crowd", "crowd", "no_truck")
    ]  # fmt: skip
    none = rows.iloc[:0]
    replace_labeller(made, none, source="crowd", labeller="crowd")
    assert len(made.labels) == 1
