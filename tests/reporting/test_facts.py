"""What a report is made of: local days, zero and null apart, revisions."""

from dataclasses import replace

import numpy as np
import pytest

from tests.store.fill import HOUR_US, STAMP, T0_US, UNSEEN, hour, segment
from truckcount.errors import StoreError
from truckcount.reporting.attention import find_attention
from truckcount.reporting.facts import read_facts
from truckcount.reporting.page import build_page
from truckcount.store import Store

BERLIN = replace(STAMP, timezone="Europe/Berlin")


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def write(store, *rows, now_us=T0_US + 100 * HOUR_US, stamp=BERLIN):
    with store.lock(stamp.camera):
        store.write_hours(stamp, rows, now_us)
        store.write_segment(stamp.camera, segment())


def full(k, n):
    return hour(k, n, coverage_s=3600.0, max_gap_s=0.0)


def test_zero_null_and_absent_are_three_things(store):
    unseen = replace(UNSEEN, bin_start_us=T0_US + HOUR_US)
    write(store, full(0, 0), unseen, full(2, 4))
    (gate,) = read_facts(store.root, 7).gates
    # 2026-01-01T00Z is one o'clock in Berlin
    assert gate.trucks[1, 0] == 0
    assert np.isnan(gate.trucks[2, 0])
    assert gate.watched[2, 0] == 0
    assert gate.trucks[3, 0] == 4
    assert np.isnan(gate.watched[4, 0])
    assert gate.daily_trucks[0] == 4
    assert gate.daily_watched[0] == pytest.approx(2 / 24)


def test_only_the_newest_days_are_shown(store):
    write(store, *(full(24 * k, 1) for k in range(10)))
    facts = read_facts(store.root, 3)
    assert [d.day for d in facts.days] == [8, 9, 10]
    assert facts.gates[0].trucks.shape == (24, 3)
    assert read_facts(store.root, 90).days[0].day == 1


@pytest.mark.parametrize(("n_days", "last"), [(7, 3), (2, 2), (1, 1)])
def test_an_outage_that_lasts_till_now_is_shown(store, n_days, last):
    """A gate with an `active_from` has rows of null up to now, days after the last."""
    nulls = [replace(UNSEEN, bin_start_us=T0_US + k * HOUR_US) for k in range(10, 60)]
    write(store, *(full(k, 1) for k in range(10)), *nulls)
    facts = read_facts(store.root, n_days)
    (gate,) = facts.gates
    assert [facts.days[0].day, facts.days[-1].day] == [1, last]
    assert (gate.watched[:, -1] == 0).any()
    assert gate.daily_trucks[0] == 10
    (gap,) = find_attention(facts)
    assert "not watched, in 1 gap" in gap.title
    assert "10 trucks seen" in build_page(facts).replace("<b>", "")


def test_a_count_that_was_revised_is_a_change(store):
    write(store, full(0, 3), full(1, 2))
    write(store, full(0, 5), now_us=T0_US + 200 * HOUR_US)
    facts = read_facts(store.root, 7)
    (change,) = facts.changes
    assert (change.first, change.latest, change.is_after_final) == (3, 5, True)
    assert facts.causes["first"] == 2
    assert sum(facts.causes.values()) == 3


def test_a_file_that_was_read_too_early_and_is_counted_now_did_not_fail(store):
    write(store, full(0, 3))
    (whole,) = store.segments("cam")
    lost = {"start_us": None, "end_us": None, "duration_s": None, "status": "corrupt"}
    half = replace(whole, **lost, segment_id="half", error="moov atom not found")
    with store.lock("cam"):
        for record in (half, replace(half, segment_id="bad", path="bad.mp4")):
            store.write_segment("cam", replace(record, known_at_us=T0_US - HOUR_US))
        store.write_segment("cam", replace(whole, known_at_us=T0_US))
    files = read_facts(store.root, 7).files["cam"]
    assert sorted(r.segment_id for r in files) == sorted(["bad", whole.segment_id])
    with store.lock("cam"):  # it was overwritten, by something worse
        worse = replace(half, segment_id="worse", known_at_us=T0_US + HOUR_US)
        store.write_segment("cam", worse)
    assert len(read_facts(store.root, 7).files["cam"]) == 3


def test_what_comes_after_a_change_is_not_its_cause(store):
    """The count was revised within hours; then it became final, then something else."""
    unseen = replace(UNSEEN, bin_start_us=T0_US + HOUR_US)
    write(store, hour(0, 3), hour(1, 0), now_us=T0_US + 2 * HOUR_US)
    write(store, hour(0, 5), unseen, now_us=T0_US + 3 * HOUR_US)
    first = read_facts(store.root, 7).changes
    write(store, hour(0, 5), unseen, now_us=T0_US + 90 * HOUR_US)
    write(store, hour(0, 5, onsets=9), unseen, now_us=T0_US + 900 * HOUR_US)
    facts = read_facts(store.root, 7)
    assert facts.causes["finalise"] == 2
    assert [(c.first, c.latest) for c in first] == [(3, 5), (0, None)]
    assert not any(c.is_after_final for c in first)
    assert facts.changes == first


def kept(kind, k, n=None, **changes):
    """An hour of clips or stills with an estimate of twelve trucks."""
    row = hour(k, n, n_trucks_est=12.0, n_trucks_se=4.0, n_trucks_se_indep=4.0)
    return replace(row, **changes), replace(BERLIN, source_kind=kind)


def test_stills_are_watched_and_their_estimate_is_shown(store):
    bare = {"coverage_s": 0.0, "max_gap_s": 3600.0, "onsets": None, "n_censored": None,
            "busy_s": None, "n_samples": 60}  # fmt: skip
    rows = [kept("stills", k, **bare) for k in range(24)]
    write(store, *(row for row, _ in rows), stamp=rows[0][1])
    facts = read_facts(store.root, 7)
    (gate,) = facts.gates
    assert gate.trucks[1, 0] == 12
    assert gate.watched[1, 0] == 1
    assert gate.by_direction == {"any": None}  # it sees none come: not 0
    assert gate.band.total[0] == pytest.approx(23 * 12)
    assert not gate.band.is_calibrated
    assert find_attention(facts) == []
    page = build_page(facts)
    assert "0 trucks seen" not in page
    assert "stills; estimated <b>288 &plusmn;" in page


def test_stills_of_a_gate_with_directions_have_a_total(store):
    """Only their row of no direction has an estimate; the others are no outage."""
    bare = {"coverage_s": 0.0, "max_gap_s": 3600.0, "onsets": None, "n_censored": None,
            "busy_s": None, "n_samples": 60}  # fmt: skip
    told = [kept("stills", k, direction="unknown", **bare)[0] for k in range(24)]
    nothing = {"n_trucks_est": None, "n_trucks_se": None, "n_trucks_se_indep": None}
    untold = [
        replace(row, direction=direction, **nothing)
        for row in told
        for direction in ("in", "out")
    ]
    write(store, *told, *untold, stamp=kept("stills", 0)[1])
    facts = read_facts(store.root, 7)
    (gate,) = facts.gates
    assert gate.band.total[0] == pytest.approx(23 * 12)
    assert gate.band.n_days == 2
    assert "stills; estimated <b>288 &plusmn;" in build_page(facts)


def test_clips_on_a_cycle_are_no_camera_that_misses_most(store):
    rows = [kept("duty", k, 2, coverage_s=600.0) for k in range(48)]
    write(store, *(row for row, _ in rows), stamp=rows[0][1])
    facts = read_facts(store.root, 7)
    assert np.nanmax(facts.gates[0].watched) == pytest.approx(1 / 6)
    assert facts.gates[0].band.total[1] == pytest.approx(24 * 12)
    assert find_attention(facts) == []


def test_a_gate_that_nobody_watched_has_no_count(store):
    write(store, full(0, 3), replace(UNSEEN, gate="second"))
    facts = read_facts(store.root, 7)
    assert [gate.by_direction for gate in facts.gates] == [{"any": 3}, {"any": None}]
    assert "second<small>not watched</small>" in build_page(facts)


def test_an_autumn_hour_adds_its_counts_and_averages_its_shares(store):
    # 2026-10-25T00Z and 01Z are both two o'clock in Berlin
    base = (1_792_886_400_000_000 - T0_US) // HOUR_US
    write(store, full(base, 3), replace(full(base + 1, 4), coverage_s=1800.0))
    (gate,) = read_facts(store.root, 7).gates
    assert gate.trucks[2, 0] == 7
    assert gate.watched[2, 0] == pytest.approx(0.75)


def test_a_store_that_saw_nothing_says_so(store):
    write(store, UNSEEN)
    with pytest.raises(StoreError, match="no watched hour"):
        read_facts(store.root, 7)
