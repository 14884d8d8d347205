"""What a labeller is shown, by round; nothing of what the machine counted."""

import json

import pytest

from tests.audit.stores import filmed_store, plan_small
from truckcount.audit.answers import Answer, save_answers
from truckcount.audit.clips import cut_clips
from truckcount.audit.review_session import ReviewSession
from truckcount.domain.camera import Camera, Gate
from truckcount.errors import CalibrationError
from truckcount.store.audits_table import read_audits

GATE = Gate(name="exit", polygon=((0.1, 0.2), (0.9, 0.2), (0.9, 0.9)))


@pytest.fixture
def store(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    cut_clips(
        store, plan_small(store, per_stratum=(9,) * 3, window_s=5), tmp_path / "c"
    )
    return store


@pytest.fixture
def opened(store, tmp_path):
    def call(labeller="ann", label_round=1):
        return ReviewSession(
            store, tmp_path / "c", labeller=labeller, label_round=label_round,
            cameras=[Camera(name="cam", gates=(GATE,))],
        )  # fmt: skip

    return call


def label_rest(store, labeller="ann"):
    save_answers(
        store,
        [
            Answer(clip=w.clip, count=w.x_machine, labeller=labeller)
            for w in read_audits(store.root)
            if w.label_round == 0
        ],
    )


def test_the_state_is_blind(opened):
    state = opened().state()
    assert {*state["items"][0]} == {
        "clip", "direction", "lead_s", "length_s", "polygon", "arrow", "count"
    }  # fmt: skip
    text = json.dumps(state)
    for word in ("x_machine", "stratum", "pi", "cam", "window_start", "audit_id"):
        assert f'"{word}"' not in text
    assert state["items"][0]["polygon"] == GATE.polygon


def test_an_answer_is_on_disk_when_the_call_returns(opened, store):
    session = opened()
    clip = session.state()["items"][0]["clip"]
    session.answer(clip, 4)
    assert [w.y_human for w in read_audits(store.root) if w.clip == clip] == [4]
    assert session.state()["items"][0]["count"] == 4


def test_a_new_session_goes_on_where_the_last_one_was(opened):
    first = opened()
    clips = [i["clip"] for i in first.state()["items"]]
    first.answer(clips[1], 0)
    state = opened().state()
    assert [i["clip"] for i in state["items"]] == clips
    assert [i["count"] for i in state["items"]] == [None, 0, None, None]
    assert not state["can_undo"]


def test_undo_takes_back_only_what_this_session_said(opened):
    session = opened()
    clips = [i["clip"] for i in session.state()["items"]]
    session.answer(clips[0], 1)
    session.answer(clips[1], 2)
    assert session.undo() == clips[1]
    assert session.undo() == clips[0]
    assert session.undo() is None
    session.answer(clips[0], 5)
    assert opened().undo() is None


def test_a_second_round_shows_a_part_to_another_person(opened, store):
    label_rest(store)
    with pytest.raises(CalibrationError, match="nothing to label in round 2"):
        opened("ann", 2)
    state = opened("bob", 2).state()
    assert len(state["items"]) == 1
    assert state["items"][0]["count"] is None
    assert opened("bob", 2).state()["items"] == state["items"]


def test_a_third_round_shows_what_two_people_differ_on(opened, store):
    label_rest(store)
    session = opened("bob", 2)
    (item,) = session.state()["items"]
    session.answer(item["clip"], 7)
    (again,) = opened("eve", 3).state()["items"]
    assert (again["clip"], again["count"]) == (item["clip"], None)


def test_clips_of_other_rounds_are_not_given(opened, store):
    session = opened()
    assert session.clip_path("../../etc/passwd") is None
    with pytest.raises(CalibrationError, match="not of this round"):
        session.answer("nowhere", 1)


def test_without_clips_there_is_nothing_to_show(store, tmp_path):
    with pytest.raises(CalibrationError, match="none of them has a clip"):
        ReviewSession(store, tmp_path / "empty", labeller="ann")
