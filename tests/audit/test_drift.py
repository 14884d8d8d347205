"""A factor that no longer holds is told by its fresh windows."""

import pytest

from tests.audit.stores import DRAWN_US, label_all, month_store, plan_small
from tests.store.fill import HOUR_US
from truckcount.audit.calibrate import calibrate
from truckcount.audit.drift import check_drift
from truckcount.features import load_calibrations
from truckcount.store.calibrations_table import read_calibrations
from truckcount.store.layout import from_us
from truckcount.store.read import read_hours

LATER_US = DRAWN_US + 24 * HOUR_US


@pytest.fixture
def store(tmp_path):
    store = month_store(tmp_path / "store")
    plan_small(store, per_stratum=(40, 40, 40))
    label_all(store)
    calibrate(store, now_us=DRAWN_US, is_published=True)
    plan_small(store, per_stratum=(20, 20, 10), purpose="drift", seed=77)
    return store


def test_a_factor_that_holds_is_left_alone(store):
    label_all(store, seed=11)
    before = read_calibrations(store.root)
    (found,) = check_drift(store, DRAWN_US, is_published=True)
    assert found.cusum.alarm is None
    assert found.n_windows == 50
    assert read_calibrations(store.root) == before


def test_drift_ends_the_factor_and_doubles_its_error(store):
    (before,) = read_calibrations(store.root)
    label_all(store, miss=1.0, seed=9)  # half of the trucks are missed from now on
    (looked,) = check_drift(store, LATER_US)
    assert read_calibrations(store.root) == [before], "looking writes nothing"
    assert set(read_hours(store.root).to_pandas()["revision"]) == {2}
    assert looked.n_revisions == 0
    then = from_us(before.known_at_us)
    (found,) = check_drift(store, LATER_US, is_published=True)
    assert looked.successor_id == found.successor_id
    assert looked.hours == found.hours, "looking shows what publishing then does"
    assert found.cusum.alarm is not None
    *past, old, new = sorted(read_calibrations(store.root), key=lambda c: c.status)
    assert (old.status, new.status) == ("active", "drifted")
    assert past == [before], "what was known of the factor stays as it was"
    assert load_calibrations(store.root, then)["valid_to_utc"].isna().all()
    assert old.valid_to_us == new.valid_from_us > old.valid_from_us - 1
    assert new.factor == before.factor
    assert new.factor_se == 2 * before.factor_se
    assert new.calibration_id == found.successor_id
    hours = read_hours(store.root).to_pandas()
    starts = hours["hour_start_utc"].astype("int64")
    carried = hours["calibration_id"] == new.calibration_id
    assert (carried == (starts >= new.valid_from_us)).all()
    assert found.n_revisions == found.hours.n_hours == carried.sum() > 0
    mine = hours[carried]
    assert found.hours.first_utc == mine["hour_start_utc"].min()
    assert found.hours.last_utc == mine["hour_start_utc"].max()
    assert found.hours.n_trucks_est == pytest.approx(mine["n_trucks_est"].sum())
    assert found.hours.se_old < found.hours.se_new < 2 * found.hours.se_old
    again = check_drift(store, LATER_US, is_published=True)
    assert [r.successor_id for r in again] == [None]
    assert len(read_calibrations(store.root)) == 3


def test_drift_doubles_the_errors_of_day_and_night_that_hours_carry(tmp_path):
    """A month is drawn by day and by night: its hours carry no factor of all."""
    store = month_store(tmp_path / "store", hours=24)
    plan_small(store, per_stratum=(80, 80, 80))
    label_all(store)
    calibrate(store, now_us=DRAWN_US, is_published=True)
    regimes = {c.calibration_id: c.regime for c in read_calibrations(store.root)}
    assert sorted(regimes.values()) == ["all", "day", "night"]
    before = read_hours(store.root).to_pandas()
    assert set(before["calibration_id"].map(regimes)) == {"day", "night"}
    plan_small(store, per_stratum=(20, 20, 10), purpose="drift", seed=77)
    label_all(store, miss=1.0, seed=9)
    (found,) = check_drift(store, LATER_US, is_published=True)
    drifted = [c for c in read_calibrations(store.root) if c.status == "drifted"]
    assert sorted(c.regime for c in drifted) == ["all", "day", "night"]
    (of_all,) = (c for c in drifted if c.regime == "all")
    assert found.successor_id == of_all.calibration_id
    after = read_hours(store.root).to_pandas()
    names = {c.calibration_id for c in drifted}
    carried = after["calibration_id"].isin(names)
    assert found.hours.n_hours == found.n_revisions == carried.sum() > 0

    def shared(hours):
        return (hours["n_trucks_se"] ** 2 - hours["n_trucks_se_indep"] ** 2) ** 0.5

    assert shared(after)[carried].tolist() == pytest.approx(
        (2 * shared(before)[carried]).tolist()
    )
    one_by_one = after[carried].assign(shared=shared(after))
    by_factor = one_by_one.groupby("calibration_id")["shared"].sum()
    variance = (one_by_one["n_trucks_se_indep"] ** 2).sum() + (by_factor**2).sum()
    assert found.hours.se_new == pytest.approx(variance**0.5)
    assert check_drift(store, LATER_US, is_published=True)[0].successor_id is None


def test_drift_windows_are_not_part_of_a_factor(store):
    (before,) = read_calibrations(store.root)
    label_all(store, miss=1.0, seed=9)
    (result,) = calibrate(store)
    assert result.calibration_id == before.calibration_id
