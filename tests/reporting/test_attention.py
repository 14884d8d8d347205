"""What needs attention is found, the worst first, and nothing else."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from tests.store.fill import segment
from tests.store.test_recalibration import WORKED
from truckcount.reporting.attention import ACT, LOOK, find_attention, spell_share
from truckcount.reporting.facts import Change, GateFacts, StoreFacts

NOW = datetime(2026, 3, 30, tzinfo=UTC)
SHAPE = (24, 28)


def gate(**changes):
    busy = np.full(SHAPE, 20.0)
    values = {
        "camera": "cam", "gate": "exit", "tz": "UTC", "trucks": busy,
        "watched": np.ones(SHAPE), "unusable": np.zeros(SHAPE),
        "by_direction": {"out": 100, "in": 90, "unknown": 5}, "config_hash": "c0",
    }  # fmt: skip
    return GateFacts(**values | changes)


def facts(**changes):
    values = {
        "name": "store",
        "days": tuple(date(2026, 3, 2) + timedelta(days=k) for k in range(28)),
        "gates": (gate(),), "files": {"cam": (segment(),)},
        "last_watched": {"cam": NOW}, "causes": {}, "changes": (),
        "calibrations": (), "audits": (),
    }  # fmt: skip
    return StoreFacts(**values | changes)


def with_hours(array, place, value):
    out = array.copy()
    out[place] = value
    return out


def gap(hours, day):
    watched = np.ones(SHAPE)
    watched[:hours, day] = 0
    return gate(watched=watched, trucks=np.where(watched > 0, 20.0, np.nan))


def test_a_store_in_order_has_nothing_to_say():
    assert find_attention(facts()) == []


FAILED = segment(status="corrupt", error="moov atom not found", segment_id="f")
TOO_LATE = segment(status="late", start_us=None, end_us=None, segment_id="l")
LATE = Change(camera="cam", gate="exit", direction="out", hour_start_utc=NOW,
              first=3, latest=9, cause="late_segment", is_after_final=True)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"files": {"cam": (segment(), TOO_LATE)}}, LOOK, "after their hours closed"),
        ({"gates": (gap(5, 27),)}, ACT, "5 h not watched, in 1 gap"),
        ({"gates": (gap(5, 3),)}, LOOK, "5 h not watched, in 1 gap"),
        ({"gates": (gate(watched=np.full(SHAPE, 0.8)),)}, LOOK, "only 80% watched"),
        ({"gates": (gate(unusable=np.full(SHAPE, 0.1)),)}, LOOK, "10.0% of the"),
        ({"files": {"cam": (FAILED, segment())}}, ACT, "1 of 2 files"),
        (
            {"files": {"cam": (segment(time_quality="guess"),)}},
            LOOK,
            "guessed start time",
        ),
        (
            {"gates": (gate(trucks=with_hours(np.full(SHAPE, 20.0), (10, 9), 0)),)},
            LOOK,
            "1 doubtful hour at exit: far fewer",
        ),
        (
            {"gates": (gate(trucks=with_hours(np.full(SHAPE, 20.0), (10, 9), 99)),)},
            LOOK,
            "1 doubtful hour at exit: far more",
        ),
        (
            {"gates": (gate(by_direction={"out": 60, "unknown": 40}),)},
            LOOK,
            "40% of trucks at exit have no direction",
        ),
        (
            {"last_watched": {"cam": NOW, "b": NOW - timedelta(hours=30)},
             "files": {"cam": (segment(),), "b": (segment(),)}},
            ACT,
            "silent for 30 h",
        ),
        ({"files": {"cam": (), "b": ()}}, ACT, "was never watched"),
        ({"changes": (LATE,)}, LOOK, "1 final hours were changed, by 6 trucks"),
    ],
    ids=lambda value: value.split(" at ")[0] if isinstance(value, str) else "",
)  # fmt: skip
def test_one_fault_gives_one_finding(changes, severity, words):
    (found,) = find_attention(facts(**changes))
    assert words in found.title
    assert found.severity == severity
    assert found.detail


def test_the_worst_comes_first():
    found = find_attention(
        facts(
            gates=(gap(5, 3), replace(gap(9, 27), camera="b")),
            files={"cam": (segment(),), "b": (FAILED,)},
            last_watched={"cam": NOW, "b": NOW - timedelta(hours=9)},
        )
    )
    assert [f.severity for f in found] == sorted(f.severity for f in found)
    assert "silent" in found[0].title
    assert found[-1].camera == "cam"


def test_a_short_gap_that_is_over_is_no_news():
    assert find_attention(facts(gates=(gap(1, 3),))) == []


def test_the_hour_that_spring_leaves_out_does_not_cut_a_gap():
    watched = np.ones(SHAPE)
    watched[:6, 6] = 0
    watched[2, 6] = np.nan
    (found,) = find_attention(facts(gates=(gate(watched=watched),)))
    assert found.title == "5 h not watched, in 1 gap"


def test_a_little_is_not_nothing_and_most_is_not_all():
    shares = [0.0, 0.001, 0.004, 0.006, 0.5, 0.994, 0.996, 0.9999, 1.0]
    assert [spell_share(s) for s in shares] == [
        "0%", "<1%", "<1%", "1%", "50%", "99%", ">99%", ">99%", "100%",
    ]  # fmt: skip
    watched = np.zeros(SHAPE)
    watched[0, 0] = 0.5
    (found,) = find_attention(facts(gates=(gate(watched=watched),)))
    assert "<1% of the time was watched" in found.detail


def factor(name, status, known_h, regime="all"):
    return replace(
        WORKED, calibration_id=name, camera="cam", gate="exit", config_hash="c0",
        status=status, regime=regime, known_at_us=known_h * 3_600_000_000,
    )  # fmt: skip


def test_a_drift_is_one_thing_to_act_on_until_a_full_audit_follows():
    drifted = [
        factor(f"late-{regime}", "drifted", 2, regime)
        for regime in ("all", "day", "night")
    ]
    ended = factor("early", "active", 2)
    found = find_attention(facts(calibrations=(ended, *drifted)))
    assert [f.title for f in found if f.severity == ACT] == [
        "the calibration of exit, any has drifted"
    ]
    audited = factor("new", "active", 3)
    found = find_attention(facts(calibrations=(ended, *drifted, audited)))
    assert [f.title for f in found if f.severity == ACT] == []
