import pytest

from tests.labelling.pieces import label_rows, make_set
from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.review.session import ReviewSession

BOX = {"class": "truck", "x1": 4.0, "y1": 5.0, "x2": 30.5, "y2": 40.0}


@pytest.fixture
def made(tmp_path):
    return make_set(tmp_path / "set", 4)[0]


def mine(made, labeller="ana"):
    labels = made.labels
    rows = labels[(labels["source"] == "person") & (labels["labeller"] == labeller)]
    return {
        i[-7:-4]: label for i, label in zip(rows["image"], rows["label"], strict=True)
    }


def boxes_of(made, k):
    rows = made.boxes[made.boxes["image"] == f"frames/{k:03d}.jpg"]
    return rows[["class", "x1", "y1", "x2", "y2"]].to_dict("records")


def test_an_answer_is_in_the_set_when_it_returns(made):
    session = ReviewSession(made, "ana")
    session.answer(0, {"label": "truck", "boxes": [BOX]})
    session.answer(2, {"label": "skip"})
    again = LabelSet.open(made.root)
    assert mine(again) == {"000": "truck", "002": "skip"}
    assert boxes_of(again, 0) == [BOX]
    assert again.labels["source"].tolist() == ["person", "person"]


def test_a_session_goes_on_where_the_last_one_stopped(made):
    session = ReviewSession(made, "ana")
    session.answer(0, {"label": "truck", "boxes": [BOX]})
    session.answer(1, {"label": "no_truck"})
    later = ReviewSession(LabelSet.open(made.root), "ana")
    assert later.overview()["labels"] == ["truck", "no_truck", None, None]
    assert later.overview()["start"] == 2
    assert later.item(0)["boxes"] == [BOX]
    assert ReviewSession(made, "ben").overview()["start"] == 0


def test_undo_gives_back_what_was_there_before_step_by_step(made):
    made.add_labels(label_rows(["frames/003.jpg"], ["skip"], labeller="ana"))
    session = ReviewSession(made, "ana")
    session.answer(0, {"label": "truck", "boxes": [BOX]})
    session.answer(0, {"label": "no_truck"})
    session.answer(3, {"label": "truck"})
    assert session.undo() == {"index": 3, "label": "skip", "can_undo": True}
    assert mine(made) == {"000": "no_truck", "003": "skip"}
    assert session.undo()["label"] == "truck"
    assert boxes_of(made, 0) == [BOX]
    assert session.undo() == {"index": 0, "label": None, "can_undo": False}
    assert mine(made) == {"003": "skip"}
    assert len(made.boxes) == 0
    assert session.undo()["index"] is None


def test_the_same_answer_twice_is_one_step_of_undo(made):
    session = ReviewSession(made, "ana")
    for _ in range(2):
        session.answer(0, {"label": "truck", "boxes": [BOX]})
    session.undo()
    assert mine(made) == {}


def test_an_answer_is_saved_though_another_review_said_otherwise(made):
    """One page is open since yesterday, another one was used meanwhile."""
    old = ReviewSession(made, "ana")
    old.answer(0, {"label": "truck", "boxes": [BOX]})
    ReviewSession(made, "ana").answer(0, {"label": "no_truck"})
    old.answer(0, {"label": "truck", "boxes": [BOX]})
    assert mine(made) == {"000": "truck"}
    assert boxes_of(made, 0) == [BOX]


def test_an_answer_of_null_takes_the_answer_back(made):
    session = ReviewSession(made, "ana")
    assert session.answer(0, {"label": None})["can_undo"] is False
    session.answer(0, {"label": "truck", "boxes": [BOX]})
    said = session.answer(0, {"label": None, "boxes": [BOX]})
    assert said == {"index": 0, "label": None, "can_undo": True}
    assert mine(made) == {}
    assert boxes_of(made, 0) == []
    session.undo()
    assert mine(made) == {"000": "truck"}
    with pytest.raises(LabelError, match="label None"):
        session.answer(1, {})


def test_undo_leaves_other_labellers_and_models_alone(made):
    image = "frames/000.jpg"
    made.add_labels(label_rows([image], ["truck"], labeller="ben"))
    made.add_labels(label_rows([image], ["truck"], "model", "ana"))
    session = ReviewSession(made, "ana")
    session.answer(0, {"label": "no_truck"})
    session.undo()
    assert mine(made, "ben") == {"000": "truck"}
    assert len(made.labels) == 2


def test_the_last_box_can_be_removed(made):
    session = ReviewSession(made, "ana")
    session.answer(0, {"label": "truck", "boxes": [BOX]})
    session.answer(0, {"label": "truck", "boxes": []})
    assert len(made.boxes) == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "label None"),
        ({"label": "lorry"}, "label 'lorry'"),
        ({"label": "truck", "boxes": "all"}, "must be a list"),
        ({"label": "truck", "boxes": [BOX] * 501}, "at most 500"),
        ({"label": "truck", "boxes": [{"class": "truck"}]}, "needs class, x1"),
        ({"label": "truck", "boxes": [7]}, "needs class, x1"),
        ({"label": "truck", "boxes": [BOX | {"class": "tram"}]}, "'tram'"),
        ({"label": "truck", "boxes": [BOX | {"x2": 4.5}]}, "no area"),
        ({"label": "truck", "boxes": [BOX | {"x1": float("nan")}]}, "no area"),
        ({"label": "truck", "boxes": [BOX | {"x1": 900, "x2": 990}]}, "no area"),
        ({"label": "no_truck", "boxes": [BOX]}, "cannot hold a box"),
    ],
)
def test_what_is_no_answer_changes_nothing(made, value, reason):
    session = ReviewSession(made, "ana")
    with pytest.raises(LabelError, match=reason):
        session.answer(0, value)
    assert mine(made) == {}
    assert not session.overview()["can_undo"]


def test_a_box_is_cut_to_the_picture(made):
    session = ReviewSession(made, "ana")
    wide = BOX | {"x1": -20, "x2": 1e6}
    session.answer(0, {"label": "truck", "boxes": [wide]})
    assert boxes_of(made, 0) == [BOX | {"x1": 0, "x2": 64}]


def test_the_most_uncertain_come_first_and_the_unscored_last(made):
    said = ["truck", "no_truck", "truck"]
    images = [f"frames/{k:03d}.jpg" for k in (3, 1, 2)]
    made.add_labels(label_rows(images, said, "model", "m", p_truck=[0.9, 0.45, 0.7]))
    session = ReviewSession(made, "ana", order="uncertain")
    assert [i[-7:-4] for i in session.images] == ["001", "002", "003", "000"]
    assert [i[-7:-4] for i in ReviewSession(made, "ana").images] == [
        "000", "001", "002", "003"
    ]  # fmt: skip
    drawn = ReviewSession(made, "ana", order="random").images
    assert drawn == ReviewSession(made, "ben", order="random").images
    with pytest.raises(LabelError, match="'best' is not one of"):
        ReviewSession(made, "ana", order="best")


def test_a_blind_session_tells_nothing_of_others(made):
    image = "frames/000.jpg"
    who = {"source": "model", "labeller": "m"}
    made.add_labels(label_rows([image], ["truck"], **who, p_truck=[0.8]))
    import pandas as pd

    box = pd.DataFrame([{"image": image, **BOX, "score": 0.8, **who}])
    made.add_boxes(box)
    hint = ReviewSession(made, "ana").item(0)["hint"]
    assert hint["said"][0]["p_truck"] == pytest.approx(0.8)
    assert hint["boxes"] == [BOX | {"score": 0.8}]
    assert ReviewSession(made, "ana", is_blind=True).item(0)["hint"] is None
    assert ReviewSession(made, "ana").item(1)["hint"] is None


def test_only_new_leaves_out_what_other_people_did(made):
    made.add_labels(label_rows(["frames/001.jpg"], ["truck"], labeller="ben"))
    made.add_labels(label_rows(["frames/002.jpg"], ["truck"], labeller="ana"))
    assert len(ReviewSession(made, "ana", only_new=True)) == 3
    assert len(ReviewSession(made, "ana")) == 4


def test_an_empty_set_is_refused(tmp_path):
    with pytest.raises(LabelError, match="no picture to label"):
        ReviewSession(LabelSet.create(tmp_path / "set"), "ana")
