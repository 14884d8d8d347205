"""Tables of predictions: read, sliced, drawn by the right unit, refused."""

import pandas as pd
import pytest

from truckcount.errors import LabelError
from truckcount.evaluation.frames import read_predictions, score_predictions


def table(**columns):
    rows = {
        "image": [f"{k}.jpg" for k in range(6)],
        "p": [0.9, 0.8, 0.3, 0.2, 0.7, 0.1],
        "label": [1, 1, 1, 0, 0, 0],
        "camera": ["a", "a", "b", "a", "b", "b"],
        "light": ["day", "night", None, "day", "day", "night"],
        "split": ["test", "test", "test", "test", "val", "val"],
    }
    return pd.DataFrame(rows | columns)


def test_figures_come_whole_and_by_slice():
    value = score_predictions(table()).to_json()
    assert value["n_frames"] == 6
    assert value["figures"]["accuracy"] == pytest.approx(4 / 6)
    assert value["by_camera"]["a"]["figures"]["accuracy"] == 1
    assert value["by_camera"]["b"]["figures"]["recall"] == 0
    assert {k: v["n_frames"] for k, v in value["by_light"].items()} == {
        "day": 3,
        "night": 2,
        "unknown": 1,
    }


# columns there are -> (column drawn by, units)
UNITS = {
    "cameras": ({}, ("camera", 2)),
    "groups before cameras": ({"group": list("xyzxyz")}, ("group", 3)),
    "days of each camera": ({"day": list("111222")}, ("day", 4)),
    "a gap in the groups": ({"group": ["x", None] * 3}, ("camera", 2)),
}


@pytest.mark.parametrize("name", UNITS)
def test_frames_are_drawn_by_what_keeps_copies_together(name):
    columns, expected = UNITS[name]
    scores = score_predictions(table(**columns))
    assert (scores.unit_column, scores.outcomes.n_units) == expected


def test_without_any_unit_every_frame_stands_alone():
    scores = score_predictions(table().drop(columns="camera"))
    assert (scores.unit_column, scores.outcomes.n_units) == ("image", 6)


def test_a_slice_of_one_camera_has_no_interval():
    value = score_predictions(table()).to_json()
    assert value["intervals_95"]["accuracy"] is not None
    assert value["by_camera"]["a"]["intervals_95"]["accuracy"] is None


def test_weights_and_soft_labels_count():
    scores = score_predictions(table(weight=[1, 0, 0, 0, 0, 0], label=[0.75] * 6))
    assert scores.figures()["accuracy"] == pytest.approx(0.75)


BAD = {
    "no p": (lambda t: t.drop(columns="p"), r"lack the columns \['p'\]"),
    "an image twice": (lambda t: pd.concat([t, t]), "'0.jpg' twice"),
    "nothing": (lambda t: t[:0], "no predictions"),
    "words for labels": (lambda t: t.assign(label="truck"), "label must hold numbers"),
    "negative weights": (lambda t: t.assign(weight=-1.0), "weight must be 0 or more"),
    "a weight missing": (lambda t: t.assign(weight=float("nan")), "weight must be"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_cannot_be_scored_says_why(name):
    change, told = BAD[name]
    with pytest.raises(LabelError, match=told):
        score_predictions(change(table()))


@pytest.mark.parametrize("threshold", [-0.1, 2, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(LabelError, match="--threshold"):
        score_predictions(table(), threshold)


def test_a_damaged_table_is_told_as_one(tmp_path):
    path = tmp_path / "predictions.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(LabelError, match=r"predictions\.parquet is no parquet"):
        read_predictions(path)


def test_a_split_is_read_alone(tmp_path):
    path = tmp_path / "predictions.parquet"
    table().to_parquet(path)
    assert len(read_predictions(path)) == 6
    assert list(read_predictions(path, "val")["image"]) == ["4.jpg", "5.jpg"]
    with pytest.raises(LabelError, match=r"no row of split 'tset'; it has \['test'"):
        read_predictions(path, "tset")
    with pytest.raises(LabelError, match="does not exist"):
        read_predictions(tmp_path / "none.parquet")
