import json
import threading

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.labelling.pieces import frame_rows, label_rows, make_set
from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.schema import TABLES, schema_of


def test_a_new_set_has_a_header_and_empty_tables(tmp_path):
    made = LabelSet.create(tmp_path / "set")
    assert made.header["version"] == 1
    for name, columns in TABLES.items():
        assert list(made.read(name).columns) == [c.name for c in columns]
        assert len(made.read(name)) == 0


def test_what_was_written_is_read_with_its_types(tmp_path):
    made, images = make_set(tmp_path / "set")
    made.add_labels(label_rows(images, ["truck", "no_truck", "skip"] * 2))
    for name in ("frames", "labels"):
        read = pq.read_table(tmp_path / "set" / f"{name}.parquet")
        assert read.schema.equals(schema_of(name))
    labels = LabelSet.open(tmp_path / "set").labels
    assert labels["p_truck"].tolist()[:2] == [1.0, 0.0]
    assert labels["p_truck"].isna().tolist()[:3] == [False, False, True]


def test_opening_what_is_no_set_says_what_to_do(tmp_path):
    with pytest.raises(LabelError, match="label sample"):
        LabelSet.open(tmp_path)


def test_a_set_of_a_newer_version_is_refused(tmp_path):
    made = LabelSet.create(tmp_path)
    header = made.header | {"version": 99}
    (tmp_path / "label_set.json").write_text(json.dumps(header))
    with pytest.raises(LabelError, match="version 99"):
        LabelSet.open(tmp_path)


def test_a_set_is_not_made_twice(tmp_path):
    LabelSet.create(tmp_path)
    with pytest.raises(LabelError, match="already"):
        LabelSet.create(tmp_path)
    assert LabelSet.open_or_create(tmp_path).root == tmp_path


def test_frames_are_not_overwritten_unasked(tmp_path):
    made, images = make_set(tmp_path)
    again = frame_rows(images[:2], camera=["other", "other"])
    with pytest.raises(LabelError, match="2 such rows"):
        made.add_frames(again)
    assert made.add_frames(again, if_exists="keep") == 0
    assert set(made.frames["camera"]) == {"cam"}
    assert made.add_frames(again, if_exists="replace") == 2
    assert len(made.frames) == len(images)


def test_a_labeller_who_says_again_replaces_the_former_word(tmp_path):
    made, images = make_set(tmp_path)
    made.add_labels(label_rows(images[:1], ["truck"]))
    made.add_labels(label_rows(images[:1], ["no_truck"], labeller="ben"))
    made.add_labels(label_rows(images[:1], ["skip"]))
    labels = made.labels.set_index("labeller")["label"]
    assert labels.to_dict() == {"ana": "skip", "ben": "no_truck"}


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (label_rows(["frames/none.jpg"], ["truck"]), "no frame of the set"),
        (label_rows(["frames/000.jpg"], ["lorry"]), "lorry"),
        (label_rows(["frames/000.jpg"], ["truck"], source="guess"), "guess"),
        (label_rows(["frames/000.jpg"], ["truck"], p_truck=[1.5]), "1.5"),
        (label_rows(["frames/000.jpg"], ["truck"], p_truck=[0.2]), "0.2"),
        (label_rows(["frames/000.jpg"] * 2, ["truck"] * 2), "twice"),
        (label_rows(["frames/000.jpg"], ["truck"], mood=["bad"]), "mood"),
    ],
    ids=["image", "label", "source", "range", "side", "twice", "column"],
)
def test_a_wrong_label_is_refused_and_changes_nothing(tmp_path, rows, match):
    made, images = make_set(tmp_path)
    made.add_labels(label_rows(images[1:], ["truck"] * 5))
    with pytest.raises(LabelError, match=match):
        made.add_labels(rows)
    assert len(made.labels) == 5


def box(image, class_="truck", x1=1.0, x2=9.0, labeller="ana"):
    corners = {"x1": x1, "y1": 1.0, "x2": x2, "y2": 9.0}
    who = {"source": "person", "labeller": labeller}
    return {"image": image, "class": class_} | corners | who


def test_boxes_of_a_labeller_are_replaced_as_a_whole(tmp_path):
    made, images = make_set(tmp_path)
    made.add_boxes(pd.DataFrame([box(images[0]), box(images[0], "bus")]))
    made.add_boxes(pd.DataFrame([box(images[0], labeller="ben"), box(images[1])]))
    made.add_boxes(pd.DataFrame([box(images[0], "van")]))
    mine = made.boxes[made.boxes.labeller == "ana"]
    assert sorted(mine["class"]) == ["truck", "van"]
    none = made.boxes.iloc[:0]
    made.add_boxes(none, replaces=[(images[0], "person", "ana")])
    assert made.boxes["image"].tolist() == [images[0], images[1]]
    assert made.boxes["score"].isna().all()


def test_a_box_without_area_is_refused(tmp_path):
    made, images = make_set(tmp_path)
    with pytest.raises(LabelError, match="no area"):
        made.add_boxes(pd.DataFrame([box(images[0], x1=9.0, x2=1.0)]))


def test_every_command_that_wrote_leaves_a_note(tmp_path):
    made = LabelSet.create(tmp_path)
    made.note("label import csv", {"source": "a.csv"}, 7)
    (entry,) = made.header["provenance"]
    assert entry["what"] == "label import csv"
    assert entry["n"] == 7
    assert entry["args"] == {"source": "a.csv"}


def test_a_damaged_table_is_named(tmp_path):
    made, _ = make_set(tmp_path)
    (tmp_path / "frames.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(LabelError, match=r"frames\.parquet"):
        _ = made.frames


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    made, images = make_set(tmp_path)

    def say(labeller):
        own = LabelSet.open(tmp_path)
        for image in images:
            own.add_labels(label_rows([image], ["truck"], labeller=labeller))

    threads = [threading.Thread(target=say, args=(f"w{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made.labels) == 4 * len(images)
    assert not list(tmp_path.glob(".*.tmp"))
