"""Factors come only from whole, agreed audits, and are written once."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.audit.stores import (
    CAMERA,
    DRAWN_US,
    add_partly_seen,
    counted_store,
    label_all,
    month_store,
    plan_small,
)
from tests.store.fill import HOUR_US
from truckcount.audit.answers import Answer, save_answers
from truckcount.audit.calibrate import calibrate
from truckcount.errors import CalibrationError
from truckcount.features import load_calibrations, load_hours
from truckcount.store.audits_table import change_audits, read_audits
from truckcount.store.calibrations_table import read_calibrations
from truckcount.store.check import check_store
from truckcount.store.layout import from_us
from truckcount.store.read import read_hours


@pytest.fixture
def store(tmp_path):
    store = month_store(tmp_path / "store")
    plan_small(store, per_stratum=(40, 40, 40))
    return store


def test_a_factor_is_written_with_what_it_holds_for(store):
    label_all(store)
    (result,) = calibrate(store, now_us=DRAWN_US, is_published=True)
    (row,) = read_calibrations(store.root)
    assert row.calibration_id == result.calibration_id
    assert row.factor == result.factor.factor
    assert 1.0 < row.factor < 1.4
    assert (row.camera, row.gate, row.direction) == (CAMERA, "exit", "any")
    assert (row.status, row.regime, row.config_hash) == ("active", "all", "c0")
    assert row.audit_ids == result.audit_ids
    assert row.known_at_us > DRAWN_US
    assert row.n_windows == 120


def test_the_same_labels_write_nothing_new(store):
    label_all(store)
    calibrate(store, now_us=DRAWN_US, is_published=True)
    before = read_calibrations(store.root)
    (again,) = calibrate(store, now_us=DRAWN_US + 10**10, is_published=True)
    assert read_calibrations(store.root) == before
    assert again.n_revisions == 0


def test_an_audit_that_is_not_there_is_told_with_those_that_are(store):
    label_all(store)
    (there,) = {w.audit_id for w in read_audits(store.root)}
    for asked in (["typo"], [there, "typo"]):
        with pytest.raises(CalibrationError, match=f"no audit 'typo'.*it has {there}"):
            calibrate(store, audits=asked)


def test_looking_shows_what_publishing_then_does(store):
    label_all(store)
    (looked,) = calibrate(store, now_us=DRAWN_US)
    before = read_hours(store.root).to_pandas()
    assert read_calibrations(store.root) == []
    assert before["calibration_id"].isna().all()
    (done,) = calibrate(store, now_us=DRAWN_US, is_published=True)
    assert done.hours == looked.hours
    assert done.calibration_id == looked.calibration_id
    after = read_hours(store.root).to_pandas()
    assert done.n_revisions == len(after) == 10
    assert set(after["calibration_id"]) == {done.calibration_id}
    ratio = after["n_trucks_est"] / before["n_trucks_est"]
    assert ratio.tolist() == pytest.approx([done.factor.factor] * 10)
    assert done.hours.sum_new == pytest.approx(after["n_trucks_est"].sum())
    assert (after["n_trucks"] == before["n_trucks"]).all()


def test_a_later_publish_measures_over_dispersion_again(store):
    """Ten hours say nothing of it; then sixty in which trucks leave in fives."""
    label_all(store)
    (first,) = calibrate(store, now_us=DRAWN_US, is_published=True)
    leaders = np.random.default_rng(2).uniform(0, 60 * 3600 - 60, 360)
    fives = (leaders[:, None] + 8.0 * np.arange(5)).ravel()
    add_partly_seen(store, fives, first=10, at_us=DRAWN_US + HOUR_US)
    then = from_us(DRAWN_US + 2 * HOUR_US)
    before = (load_hours(store.root, then, direction="any"), factors_at(store, then))

    later_us = DRAWN_US + 3 * HOUR_US
    (looked,) = calibrate(store, now_us=later_us)
    assert len(read_calibrations(store.root)) == 1, "looking writes nothing"
    (done,) = calibrate(store, now_us=later_us, is_published=True)
    assert (done.phi, done.phi_before) == (looked.phi, looked.phi_before)
    assert done.phi_before == 1.0
    assert 3.5 < done.phi < 6.5
    old, new = read_calibrations(store.root)
    assert (old.phi, new.phi) == (1.0, done.phi)
    assert new == replace(old, phi=new.phi, known_at_us=new.known_at_us)
    assert new.known_at_us > later_us > old.known_at_us
    assert done.calibration_id == first.calibration_id, "one factor, one shared error"

    assert done.n_revisions == 4, "only hours that missed something have its error"
    now = load_hours(store.root, direction="any").tail(4)
    exposure = new.factor * 0.5**0.5 * 0.375**0.5 / 0.625
    assert now["n_trucks_se_indep"].tolist() == pytest.approx(
        [exposure * done.phi**0.5] * 4
    )
    after = (load_hours(store.root, then, direction="any"), factors_at(store, then))
    for ours, theirs in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    (again,) = calibrate(store, now_us=later_us + HOUR_US, is_published=True)
    assert (again.n_revisions, len(read_calibrations(store.root))) == (0, 2)
    assert [b for b in check_store(store.root) if b.invariant != "F6"] == []


def factors_at(store, moment):
    return load_calibrations(store.root, moment)


@pytest.mark.parametrize("method", ["difference", "ppi"])
def test_other_methods_report_and_are_not_carried_forward(store, method):
    label_all(store)
    (result,) = calibrate(store, method=method)
    assert result.total.method == method
    assert result.total.low < result.total.total < result.total.high
    assert read_calibrations(store.root) == []


def test_a_factor_that_says_little_is_refused_and_not_written(tmp_path):
    store = counted_store(tmp_path / "s", [5, 65, 125], 1)
    plan_small(store, per_stratum=(20, 20, 20))
    label_all(store)
    (result,) = calibrate(store)
    assert "needs 50" in result.refusal
    assert result.calibration_id is None
    assert read_calibrations(store.root) == []


def test_an_unfinished_audit_is_refused_unless_asked_for(store):
    answers = label_all(store)
    blank = {a.clip for a in sorted(answers, key=lambda a: a.clip)[:30]}

    def forget(rows):
        return [
            replace(r, y_human=None, labeller=None, label_round=0)
            if r.clip in blank
            else r
            for r in rows
        ]

    change_audits(store.root, CAMERA, forget)
    with pytest.raises(CalibrationError, match="30 of 120 windows are not labelled"):
        calibrate(store)
    (part,) = calibrate(store, is_partial=True)
    assert (part.n_windows, part.n_unlabelled) == (90, 30)
    assert part.x_total == sum(
        {r.stratum: r.x_stratum for r in read_audits(store.root)}.values()
    )


def test_an_audit_without_its_zero_stratum_is_refused(store):
    label_all(store)
    change_audits(store.root, CAMERA, lambda rows: [r for r in rows if r.x_machine])
    with pytest.raises(CalibrationError, match="without stratum 0 no miss"):
        calibrate(store)


def test_a_lost_row_is_refused(store):
    label_all(store)
    change_audits(store.root, CAMERA, lambda rows: rows[1:])
    with pytest.raises(CalibrationError, match="rows were lost"):
        calibrate(store)


def test_no_probability_may_be_zero(store):
    label_all(store)
    change_audits(store.root, CAMERA, lambda rows: [replace(r, pi=0.0) for r in rows])
    with pytest.raises(CalibrationError, match=r"pi must lie in \(0, 1\]"):
        calibrate(store)


def test_people_who_disagree_stop_the_estimate(store):
    answers = label_all(store)
    for a in [a for a in answers if a.count >= 4][:4]:
        second = Answer(clip=a.clip, count=a.count - 2, labeller="bob", label_round=2)
        save_answers(store, [second])
    with pytest.raises(CalibrationError, match="two people differ by"):
        calibrate(store)


def test_a_redrawn_month_replaces_the_older_draw(store):
    label_all(store)
    plan_small(store, per_stratum=(30, 30, 30), seed=8, now_us=DRAWN_US + 10**9)
    label_all(store, seed=6)
    (result,) = calibrate(store)
    assert result.n_windows == 90
    older = min(read_audits(store.root), key=lambda r: r.drawn_at_us).audit_id
    assert calibrate(store, audits=[older])[0].n_windows == 120


def test_a_store_without_audits_says_what_to_do(tmp_path):
    store = counted_store(tmp_path / "s", [], 1)
    with pytest.raises(CalibrationError, match="audit plan"):
        calibrate(store)


def test_the_store_stays_whole(store):
    label_all(store)
    calibrate(store, is_published=True)
    broken = [b for b in check_store(store.root) if b.invariant != "F6"]
    assert broken == []
