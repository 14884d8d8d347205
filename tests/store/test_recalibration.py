"""Factors of audits are carried into hours, and what they change leaves a trace."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.store.fill import HOUR_US, STAMP, T0_US, UNSEEN, hour
from truckcount.domain.calibration import Calibration
from truckcount.store import Store
from truckcount.store.calibrations_table import write_calibrations
from truckcount.store.check import check_store

DAY_US = 24 * HOUR_US
# features.md 5.3 and 5.4: n = 14 in 2700 s are 21.4, se 3.76, of it 3.66 its own
WORKED = Calibration(
    calibration_id="worked",
    camera=STAMP.camera,
    gate="exit",
    direction="any",
    regime="all",
    method="ratio",
    factor=1.1485,
    factor_se=0.0444,
    factor_cv=0.0387,
    tau2=0.264,
    phi=1.0,
    n_windows=210,
    audit_ids=("a",),
    model_id=STAMP.model_id,
    config_hash=STAMP.config_hash,
    valid_from_us=T0_US,
    valid_to_us=None,
    known_at_us=T0_US + DAY_US,
    status="active",
)
LATER = replace(
    WORKED, calibration_id="later", factor=1.3, factor_se=0.05, tau2=0.1,
    known_at_us=T0_US + 2 * DAY_US,
)  # fmt: skip
ESTIMATES = ["n_trucks_est", "n_trucks_se", "n_trucks_se_indep"]


def seen(k=0, n=14, coverage_s=2700.0, **changes):
    """An hour as `count_hours` estimates it, without a factor."""
    f = coverage_s / 3600
    se = ((n + 0.5) * (1 - f)) ** 0.5 / f
    values = {"n_trucks_est": n / f, "n_trucks_se": se, "n_trucks_se_indep": se}
    return (
        hour(k, n, coverage_s=coverage_s, max_gap_s=3600 - coverage_s, **values)
        if (not changes)
        else replace(seen(k, n, coverage_s), **changes)
    )


def table(store, name="hours"):
    return pd.read_parquet(store.root / name)


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def publish(store, *rows, at_us, stamp=STAMP):
    return store.write_hours(stamp, rows, at_us)


def carry(store, *calibrations, at_us, is_published=True):
    """What `truckcount calibrate --publish` does under the camera's lock."""
    if is_published:
        write_calibrations(store.root, STAMP.camera, calibrations)
    return store.recalibrate_hours(
        STAMP.camera, calibrations, at_us, is_published=is_published
    )


def test_a_new_hour_carries_the_factor_that_is_known(store):
    write_calibrations(store.root, STAMP.camera, [WORKED])
    publish(store, seen(), at_us=T0_US + 3 * DAY_US)
    (row,) = table(store).to_dict("records")
    assert row["calibration_id"] == "worked"
    assert [round(row[name], 2) for name in ESTIMATES] == [21.44, 3.76, 3.66]
    assert row["n_trucks"] == 14, "as seen: a factor changes no count"
    assert [b.invariant for b in check_store(store.root)] == ["F6"]  # no passages here


def test_a_factor_is_not_carried_before_it_is_known(store):
    write_calibrations(store.root, STAMP.camera, [WORKED])
    publish(store, seen(), at_us=WORKED.known_at_us - DAY_US // 2)
    (row,) = table(store).to_dict("records")
    assert pd.isna(row["calibration_id"])
    assert row["n_trucks_est"] == pytest.approx(14 / 0.75)


@pytest.mark.parametrize(
    ("changes", "stamp"),
    [
        ({"direction": "in"}, {}),
        ({"gate": "yard"}, {}),
        ({}, {"config_hash": "c1"}),
    ],
    ids=["direction", "gate", "configuration"],
)
def test_a_factor_is_for_what_was_audited_alone(store, changes, stamp):
    write_calibrations(store.root, STAMP.camera, [WORKED])
    stamp = replace(STAMP, **stamp)
    publish(store, seen(**changes), at_us=T0_US + 3 * DAY_US, stamp=stamp)
    assert table(store)["calibration_id"].isna().all()


def test_what_nobody_watched_carries_none_and_too_little_names_its_factor(store):
    write_calibrations(store.root, STAMP.camera, [WORKED])
    short = seen(2, coverage_s=360.0, **dict.fromkeys(ESTIMATES))
    publish(store, UNSEEN, short, at_us=T0_US + 3 * DAY_US)
    null, little = table(store).sort_values("hour_start_utc").to_dict("records")
    assert pd.isna(null["calibration_id"])
    assert little["calibration_id"] == "worked"
    assert pd.isna(little["n_trucks_est"])


def test_a_published_hour_gets_the_factor_as_a_revision(store):
    publish(store, seen(0), UNSEEN, seen(2, n=3), at_us=T0_US + DAY_US // 2)
    before = table(store)
    looked = carry(store, WORKED, at_us=T0_US + DAY_US, is_published=False)
    pd.testing.assert_frame_equal(table(store), before)
    assert looked.n_revisions == 0
    done = carry(store, WORKED, at_us=T0_US + DAY_US)
    assert done.n_revisions == 2
    assert [r["n_trucks_est"] for r in looked.new] == [
        r["n_trucks_est"] for r in done.new
    ]
    history = table(store, "history").sort_values(["hour_start_utc", "revision"])
    assert history["cause"].tolist() == [
        "first", "recalibrate", "first", "first", "recalibrate"
    ]  # fmt: skip
    revised = history[history["cause"] == "recalibrate"]
    known = pd.Timestamp(WORKED.known_at_us, unit="us", tz="UTC")
    assert (revised["known_at_utc"] >= known).all()
    assert table(store)["calibration_id"].notna().sum() == 2
    again = carry(store, WORKED, at_us=T0_US + 2 * DAY_US)
    assert again.n_revisions == 0


def test_a_newer_factor_gives_what_counting_with_it_would(store, tmp_path):
    publish(store, seen(0), seen(1, n=0), at_us=T0_US + DAY_US // 2)
    carry(store, WORKED, at_us=T0_US + DAY_US)
    assert carry(store, LATER, at_us=T0_US + 2 * DAY_US).n_revisions == 2
    fresh = Store.open(tmp_path / "fresh")
    write_calibrations(fresh.root, STAMP.camera, [WORKED, LATER])
    publish(fresh, seen(0), seen(1, n=0), at_us=T0_US + 3 * DAY_US)
    for name in ESTIMATES:
        assert table(store)[name].tolist() == pytest.approx(table(fresh)[name].tolist())
    assert set(table(store)["calibration_id"]) == {"later"}
    assert publish(store, seen(0), seen(1, n=0), at_us=T0_US + 3 * DAY_US) == 0, (
        "counted again it says the same: rounding errors are no revision"
    )


def test_a_withdrawn_factor_is_taken_out_again(store):
    publish(store, seen(), at_us=T0_US + DAY_US // 2)
    before = table(store)
    carry(store, WORKED, at_us=T0_US + DAY_US)
    carry(store, replace(WORKED, status="withdrawn"), at_us=T0_US + 2 * DAY_US)
    after = table(store)
    assert after["calibration_id"].isna().all()
    for name in ESTIMATES:
        assert after[name].tolist() == pytest.approx(before[name].tolist())


def test_a_late_file_says_so_though_the_factor_changed_nothing(store):
    write_calibrations(store.root, STAMP.camera, [WORKED])
    publish(store, UNSEEN, at_us=T0_US + 2 * DAY_US)
    publish(store, seen(1), at_us=T0_US + 3 * DAY_US)
    history = table(store, "history").sort_values("revision")
    assert history["cause"].tolist() == ["first", "late_segment"]


def test_a_run_that_meets_a_factor_for_the_first_time_says_recalibrate(store):
    publish(store, seen(), at_us=T0_US + DAY_US // 2)
    write_calibrations(store.root, STAMP.camera, [WORKED])  # killed before the hours
    publish(store, seen(), at_us=T0_US + 3 * DAY_US)
    assert table(store, "history")["cause"].tolist() == ["first", "recalibrate"]


def test_day_and_night_have_their_own_factors(store):
    day = replace(LATER, calibration_id="day", regime="day")
    write_calibrations(store.root, STAMP.camera, [WORKED, day])
    publish(store, *(seen(k) for k in range(24)), at_us=T0_US + 3 * DAY_US)
    hours = table(store)
    is_day = hours["local_start"].dt.hour.between(7, 18)  # of Chicago
    assert set(hours.loc[is_day, "calibration_id"]) == {"day"}
    assert set(hours.loc[~is_day, "calibration_id"]) == {"worked"}


def test_bins_are_recalibrated_with_their_hours(store):
    rows = [
        replace(seen(), bin_minutes=15, bin_start_us=T0_US + k * HOUR_US // 4)
        for k in range(4)
    ]
    publish(store, seen(), at_us=T0_US + DAY_US // 2)
    publish(store, *rows, at_us=T0_US + DAY_US // 2)
    carry(store, WORKED, at_us=T0_US + DAY_US)
    bins = table(store, "bins_15")
    assert set(bins["calibration_id"]) == {"worked"}
    assert bins["n_trucks_est"].round(2).tolist() == [21.44] * 4
    assert bins["revision"].tolist() == [2] * 4
    publish(store, *rows, at_us=T0_US + 3 * DAY_US)
    assert table(store, "bins_15")["revision"].tolist() == [2] * 4


@pytest.mark.parametrize(("kind", "times"), [("video", 4.0), ("duty", 1.0)])
def test_over_dispersion_widens_what_video_did_not_see(store, kind, times):
    stamp = replace(STAMP, source_kind=kind)
    plain = replace(WORKED, factor=1.0, factor_se=0.0, tau2=0.0, phi=4.0)
    write_calibrations(store.root, STAMP.camera, [plain])
    publish(store, seen(), at_us=T0_US + 3 * DAY_US, stamp=stamp)
    (row,) = table(store).to_dict("records")
    assert row["n_trucks_se_indep"] ** 2 == pytest.approx(
        times * seen().n_trucks_se_indep ** 2
    )


STILLS = replace(STAMP, source_kind="stills")


def still(k=0, **changes):
    """The hour of stills of features.md 4.4: 15.9 trucks, se 6.7, dwell cv 0.08."""
    est, indep = 3600 * 0.42 / 95, 6.58
    values = {
        "n_trucks": None, "onsets": None, "n_censored": None, "coverage_s": 0.0,
        "max_gap_s": 3600.0, "busy_s": None, "n_trucks_est": est,
        "n_trucks_se": (indep**2 + (0.08 * est) ** 2) ** 0.5,
        "n_trucks_se_indep": indep,
    }  # fmt: skip
    return hour(k, **(values | {"n": values.pop("n_trucks")} | changes))


def test_stills_carry_the_factor_and_its_error(store):
    write_calibrations(store.root, STAMP.camera, [replace(WORKED, phi=4.0)])
    publish(store, still(), at_us=T0_US + 3 * DAY_US, stamp=STILLS)
    (row,) = table(store).to_dict("records")
    bare = still()
    assert row["calibration_id"] == "worked"
    assert pd.isna(row["n_trucks"])
    assert row["n_trucks_est"] == pytest.approx(1.1485 * bare.n_trucks_est)
    indep = 1.1485**2 * bare.n_trucks_se_indep**2 + 0.264 * bare.n_trucks_est
    assert row["n_trucks_se_indep"] ** 2 == pytest.approx(indep)
    of_factor, of_dwell = 0.0444 * bare.n_trucks_est, 0.08 * row["n_trucks_est"]
    assert row["n_trucks_se"] ** 2 == pytest.approx(indep + of_factor**2 + of_dwell**2)
    assert check_store(store.root) == []


def test_stills_without_a_dwell_or_of_a_directional_gate_carry_none(store):
    """They have no estimate, or none whose direction a person could audit."""
    write_calibrations(store.root, STAMP.camera, [WORKED])
    nothing = dict.fromkeys(ESTIMATES)
    rows = [still(direction="unknown")]
    rows += [still(direction=d, **nothing) for d in ("in", "out")]
    rows.append(still(gate="yard", **nothing))
    publish(store, *rows, at_us=T0_US + 3 * DAY_US, stamp=STILLS)
    assert table(store)["calibration_id"].isna().all()


def test_a_factor_of_stills_is_replaced_and_taken_out_again(store):
    publish(store, still(0), still(1), at_us=T0_US + DAY_US // 2, stamp=STILLS)
    before = table(store)
    assert carry(store, WORKED, at_us=T0_US + DAY_US).n_revisions == 2
    assert carry(store, LATER, at_us=T0_US + 2 * DAY_US).n_revisions == 2
    now = T0_US + 3 * DAY_US
    assert publish(store, still(0), still(1), at_us=now, stamp=STILLS) == 0, (
        "counted again it says the same: rounding errors are no revision"
    )
    gone = [replace(c, status="withdrawn", known_at_us=now) for c in (WORKED, LATER)]
    carry(store, *gone, at_us=now)
    after = table(store)
    assert after["calibration_id"].isna().all()
    for name in ESTIMATES:
        assert after[name].tolist() == pytest.approx(before[name].tolist())


def test_an_over_dispersion_measured_again_revises_what_it_prices(store):
    full = seen(1, coverage_s=3600.0)
    publish(store, seen(0), full, at_us=T0_US + DAY_US // 2)
    carry(store, WORKED, at_us=T0_US + DAY_US)
    now = T0_US + 2 * DAY_US
    wider = replace(WORKED, phi=4.0, known_at_us=now)
    assert carry(store, wider, at_us=now, is_published=False).n_revisions == 0
    assert carry(store, wider, at_us=now).n_revisions == 1
    partly, whole = table(store).sort_values("hour_start_utc").to_dict("records")
    own = partly["n_trucks_se_indep"] ** 2 - 0.264 * 14 / 0.75
    assert own == pytest.approx(4 * (1.1485 * seen().n_trucks_se_indep) ** 2)
    assert (partly["revision"], whole["revision"]) == (3, 2)
    assert partly["calibration_id"] == whole["calibration_id"] == "worked"
    assert publish(store, seen(0), full, at_us=now + DAY_US) == 0


def test_a_run_that_meets_a_new_over_dispersion_first_says_recalibrate(store):
    write_calibrations(store.root, STAMP.camera, [WORKED])
    publish(store, seen(), at_us=T0_US + 2 * DAY_US)
    wider = replace(WORKED, phi=4.0, known_at_us=T0_US + 3 * DAY_US)
    write_calibrations(store.root, STAMP.camera, [wider])  # killed before the hours
    publish(store, seen(), at_us=T0_US + 3 * DAY_US)
    assert table(store, "history")["cause"].tolist() == ["first", "recalibrate"]
