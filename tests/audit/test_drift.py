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


def test_drift_windows_are_not_part_of_a_factor(store):
    (before,) = read_calibrations(store.root)
    label_all(store, miss=1.0, seed=9)
    (result,) = calibrate(store)
    assert result.calibration_id == before.calibration_id
