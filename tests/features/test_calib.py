"""Audits as frames say what `audit plan`, `calibrate` and `--drift` say of a store."""

import numpy as np
import pandas as pd
import pytest

from tests.audit.stores import (
    CAMERA,
    DRAWN_US,
    label_all,
    month_store,
    plan_small,
)
from truckcount.audit.calibrate import calibrate
from truckcount.audit.drift import check_drift
from truckcount.features import CalibrationError, calib
from truckcount.store.audits_table import read_audits
from truckcount.store.layout import from_us

SIZES = (20, 20, 20)


@pytest.fixture
def store(tmp_path):
    return month_store(tmp_path / "store")


def audits_of(store):
    """The table as a reader gets it."""
    return pd.read_parquet(store.root / "audits")


@pytest.fixture
def frame(store):
    return calib.frame(store.root, CAMERA, window_s=60)


def test_a_frame_has_every_watched_window(frame):
    assert len(frame) == 600
    assert frame["x_machine"].sum() > 100
    length = frame["window_end_utc"] - frame["window_start_utc"]
    assert set(length) == {pd.Timedelta(minutes=1)}


def test_a_draw_is_that_of_audit_plan(store, frame):
    drawn = calib.draw(frame, 1, per_stratum=SIZES, now=from_us(DRAWN_US))
    plan_small(store)
    planned = audits_of(store)
    same = ["audit_id", "stratum", "window_start_utc", "pi", "x_machine", "frame_sha"]
    order = ["audit_id", "window_start_utc"]
    left = drawn.sort_values(order, ignore_index=True)[same]
    right = planned.sort_values(order, ignore_index=True)[same]
    pd.testing.assert_frame_equal(left, right, check_dtype=False)
    assert drawn["y_human"].isna().all()
    assert (drawn["pi"] == drawn["n_drawn"] / drawn["n_stratum"]).all()


def test_the_order_of_a_frames_rows_changes_nothing(frame):
    now = from_us(DRAWN_US)
    once = calib.draw(frame, 1, per_stratum=SIZES, now=now)
    again = calib.draw(frame.sample(frac=1, random_state=3), 1, per_stratum=SIZES,
                       now=now)  # fmt: skip
    pd.testing.assert_frame_equal(once, again)
    other = calib.draw(frame, 2, per_stratum=SIZES, now=now)
    assert set(other["window_start_utc"]) != set(once["window_start_utc"])


def test_windows_without_trucks_are_never_skipped(frame):
    with pytest.raises(CalibrationError, match="only place where misses are seen"):
        calib.draw(frame, 1, per_stratum=(0, 20, 20))
    with pytest.raises(CalibrationError, match="regime"):
        calib.draw(frame.drop(columns="regime"), 1)


@pytest.mark.parametrize("method", ["ratio", "difference", "ppi"])
def test_an_estimate_is_that_of_calibrate(store, method):
    plan_small(store)
    label_all(store)
    (found,) = calib.estimate(audits_of(store), method).to_dict("records")
    (told,) = calibrate(store, method=method)
    total = told.total
    got = found["total"], found["se"], found["low"], found["high"]
    assert got == (total.total, total.se, total.low, total.high)
    assert (found["factor"], found["factor_se"]) == (told.factor.factor, told.factor.se)
    assert (found["n_windows"], found["x_total"]) == (told.n_windows, told.x_total)
    assert (found["refusal"] or None) == told.refusal


def test_counts_filled_into_a_drawn_frame_are_an_audit(frame):
    audit = calib.draw(frame, 1, per_stratum=(200, 200, 200))
    rng = np.random.default_rng(0)
    missed = rng.binomial(audit["x_machine"].to_numpy(), 0.2)
    audit["y_human"] = audit["x_machine"] + missed
    audit["label_round"] = 1
    (found,) = calib.estimate(audit).to_dict("records")
    assert found["factor"] == pytest.approx(1.2, abs=0.05)
    assert found["refusal"] is None
    audit.loc[audit.index[0], "y_human"] = None
    with pytest.raises(CalibrationError, match="not labelled"):
        calib.estimate(audit)
    assert len(calib.estimate(audit, is_partial=True)) == 1


def test_a_count_that_is_no_number_of_trucks_is_refused(frame):
    audit = calib.draw(frame, 1, per_stratum=SIZES)
    audit["y_human"] = 1.5
    with pytest.raises(CalibrationError, match="cannot"):
        calib.estimate(audit)


def test_two_people_who_differ_stop_the_estimate(store):
    plan_small(store)
    label_all(store)
    audit = audits_of(store)
    second = audit[audit["label_round"] == 1].assign(label_round=2, labeller="bob")
    second["y_human"] += 1
    with pytest.raises(CalibrationError, match="two people differ"):
        calib.estimate(pd.concat([audit, second], ignore_index=True))


def test_an_audit_of_fresh_windows_alone_is_refused(store):
    plan_small(store, purpose="drift")
    label_all(store)
    with pytest.raises(CalibrationError, match=r"calib\.draw"):
        calib.estimate(audits_of(store))
    with pytest.raises(CalibrationError, match="to hold them against"):
        calib.drift(audits_of(store))


@pytest.mark.parametrize(
    ("miss", "seed", "is_drifted"), [(0.1, 11, False), (1.0, 9, True)]
)
def test_drift_is_that_of_calibrate_drift(store, miss, seed, is_drifted):
    plan_small(store, per_stratum=(40, 40, 40))
    label_all(store)
    assert calib.drift(audits_of(store)).empty
    calibrate(store, now_us=DRAWN_US, is_published=True)
    plan_small(store, per_stratum=(20, 20, 10), purpose="drift", seed=77)
    label_all(store, miss=miss, seed=seed)
    (found,) = calib.drift(audits_of(store)).to_dict("records")
    (told,) = check_drift(store, DRAWN_US)
    assert found["is_drifted"] == is_drifted == (told.cusum.alarm is not None)
    assert (found["up"], found["down"]) == (told.cusum.up, told.cusum.down)
    assert found["n_windows"] == told.n_windows
    starts = sorted(
        from_us(w.window_start_us)
        for w in read_audits(store.root)
        if w.purpose == "drift" and w.y_human is not None
    )
    if is_drifted:
        assert found["alarm_utc"] == starts[told.cusum.alarm]
        assert found["change_utc"] == starts[told.cusum.change]
    else:
        assert pd.isna(found["alarm_utc"])
        assert pd.isna(found["change_utc"])
