"""Answers are kept as given; a changed mind is a new round."""

import pytest

from tests.audit.stores import DRAWN_US, label_all, month_store, plan_small
from truckcount.audit.answers import (
    Answer,
    read_answers,
    retract_answer,
    save_answers,
)
from truckcount.domain.audit import latest_labels
from truckcount.errors import CalibrationError
from truckcount.features.audit_scope import disagreement
from truckcount.store.audits_table import read_audits


@pytest.fixture
def store(tmp_path):
    store = month_store(tmp_path / "store", hours=2)
    plan_small(store, per_stratum=(4, 4, 4))
    return store


def first_clip(store):
    return read_audits(store.root)[0].clip


def rows_of(store, clip):
    return [w for w in read_audits(store.root) if w.clip == clip]


def test_an_answer_takes_the_place_of_the_blank(store):
    clip = first_clip(store)
    n = len(read_audits(store.root))
    assert save_answers(store, [Answer(clip=clip, count=3, labeller="ann")]) == 1
    (row,) = rows_of(store, clip)
    assert (row.y_human, row.labeller, row.label_round) == (3, "ann", 1)
    assert row.known_at_us > row.drawn_at_us
    assert len(read_audits(store.root)) == n


def test_zero_is_an_answer_and_null_is_none(store):
    clip = first_clip(store)
    save_answers(store, [Answer(clip=clip, count=0, labeller="ann")])
    assert rows_of(store, clip)[0].y_human == 0
    assert sum(w.y_human is None for w in read_audits(store.root)) == 11


def test_a_changed_count_is_refused_unless_the_round_increases(store):
    clip = first_clip(store)
    save_answers(store, [Answer(clip=clip, count=3, labeller="ann")])
    with pytest.raises(CalibrationError, match=r"says 3 .*give round 2"):
        save_answers(store, [Answer(clip=clip, count=4, labeller="ann")])
    assert save_answers(store, [Answer(clip=clip, count=3, labeller="ann")]) == 0
    save_answers(store, [Answer(clip=clip, count=4, labeller="bob", label_round=2)])
    assert [w.y_human for w in rows_of(store, clip)] == [3, 4]
    assert latest_labels(rows_of(store, clip))[0].y_human == 4


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"count": -1}, "counts go from 0"),
        ({"count": 20_000}, "counts go from 0"),
        ({"label_round": 2, "labeller": "bob"}, "without round 1"),
        ({"clip": "nowhere"}, "not of an audit"),
    ],
)
def test_what_is_no_answer_is_refused(store, answer, why):
    values = {"clip": first_clip(store), "count": 1, "labeller": "ann"} | answer
    before = read_audits(store.root)
    with pytest.raises(CalibrationError, match=why):
        save_answers(store, [Answer(**values)])
    assert read_audits(store.root) == before


def test_a_second_label_comes_from_another_person(store):
    clip = first_clip(store)
    save_answers(store, [Answer(clip=clip, count=3, labeller="ann")])
    with pytest.raises(CalibrationError, match="gave the first label"):
        save_answers(store, [Answer(clip=clip, count=3, labeller="ann", label_round=2)])


def test_one_bad_answer_leaves_none_of_its_sheet(store):
    clips = sorted(w.clip for w in read_audits(store.root))
    good = Answer(clip=clips[0], count=1, labeller="ann")
    bad = Answer(clip=clips[1], count=-1, labeller="ann")
    with pytest.raises(CalibrationError):
        save_answers(store, [good, bad])
    assert all(w.y_human is None for w in read_audits(store.root))


def test_taking_back_leaves_what_was_before(store):
    before = read_audits(store.root)
    answer = Answer(clip=first_clip(store), count=3, labeller="ann")
    save_answers(store, [answer], DRAWN_US)
    retract_answer(store, answer)
    after = read_audits(store.root)
    assert [(w.key, w.y_human, w.label_round) for w in after] == [
        (w.key, w.y_human, w.label_round) for w in before
    ]


def test_disagreement_is_in_trucks_and_ends_when_settled(store):
    answers = label_all(store, miss=0.0)
    assert disagreement(read_audits(store.root)) == (0, 0.0)
    seen = max(answers, key=lambda a: a.count)
    twice = Answer(clip=seen.clip, count=seen.count + 1, labeller="bob", label_round=2)
    save_answers(store, [twice])
    n, apart = disagreement(read_audits(store.root))
    assert (n, apart) == (1, pytest.approx(1 / (seen.count + 1)))
    settled = Answer(clip=seen.clip, count=seen.count, labeller="eve", label_round=3)
    save_answers(store, [settled])
    assert disagreement(read_audits(store.root)) == (1, 0.0)


def test_a_sheet_is_read_and_blank_counts_are_not_zero(tmp_path):
    sheet = tmp_path / "a.csv"
    sheet.write_text(
        "clip,count,labeller,round,fp,camera\n"
        "a,3,ann,1,1,cam\nb,,ann,1,,cam\nc, 0 ,ann,,,cam\n"
    )
    assert read_answers(sheet) == [
        Answer(clip="a", count=3, labeller="ann", fp=1),
        Answer(clip="c", count=0, labeller="ann"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("clip,labeller\na,ann\n", "columns count are missing"),
        ("clip,count,labeller\na,three,ann\n", "line 2: 'three' is no whole number"),
        ("clip,count,labeller\na,3,\n", "line 2: a count without a labeller"),
    ],
)
def test_a_bad_sheet_is_named_with_its_line(tmp_path, text, why):
    sheet = tmp_path / "a.csv"
    sheet.write_text(text)
    with pytest.raises(CalibrationError, match=why):
        read_answers(sheet)


def test_a_sheet_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CalibrationError, match="cannot be read"):
        read_answers(tmp_path / "gone.csv")
