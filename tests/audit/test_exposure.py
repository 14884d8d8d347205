"""How much more than Poisson a camera's partly seen hours stray."""

import numpy as np
import pytest

from tests.audit.stores import CAMERA, S_US, add_partly_seen
from tests.store.fill import HOUR_US, T0_US
from truckcount.audit.exposure import Pattern, measure_phi
from truckcount.store import Store

N_FULL, N_PARTLY = 60, 4
END_US = T0_US + (N_FULL + N_PARTLY) * HOUR_US


def write(root, onsets_s, **how):
    return add_partly_seen(Store.open(root), onsets_s, **how)


def test_what_an_hour_saw_is_told_to_the_second():
    pattern = Pattern(np.array([0, 30 * S_US]), np.array([10 * S_US, 40 * S_US]))
    assert pattern.share == pytest.approx(20 / 3600)
    moments = np.array([-1, 0, 9, 10, 29, 30, 39, 40]) * S_US
    assert pattern.holds(moments).tolist() == [
        False, True, True, False, False, True, True, False
    ]  # fmt: skip


def test_trucks_that_come_by_chance_stray_as_poisson_says(tmp_path):
    onsets = np.random.default_rng(1).uniform(0, N_FULL * 3600, N_FULL * 12)
    phi = measure_phi(write(tmp_path / "s", onsets), CAMERA, END_US)
    assert 1.0 <= phi < 1.5


def test_trucks_that_leave_in_fives_stray_five_times_as_much(tmp_path):
    rng = np.random.default_rng(2)
    leaders = rng.uniform(0, N_FULL * 3600 - 60, N_FULL * 6)
    onsets = (leaders[:, None] + 8.0 * np.arange(5)).ravel()
    phi = measure_phi(write(tmp_path / "s", onsets), CAMERA, END_US)
    assert 3.5 < phi < 6.5


@pytest.mark.parametrize(
    ("n_full", "n_partly"), [(20, 4), (60, 0)], ids=["few whole", "none partly"]
)
def test_with_too_little_to_go_by_it_is_not_known(tmp_path, n_full, n_partly):
    onsets = np.repeat(np.arange(20) * 3600.0 + 60, 5) + np.tile(np.arange(5) * 9, 20)
    store = write(tmp_path / "s", onsets, n_full=n_full, n_partly=n_partly)
    assert measure_phi(store, CAMERA, END_US) is None


def test_only_the_ninety_days_before_count(tmp_path):
    leaders = np.arange(N_FULL) * 3600.0 + 600
    onsets = (leaders[:, None] + 8.0 * np.arange(5)).ravel()
    store = write(tmp_path / "s", onsets)
    assert measure_phi(store, CAMERA, END_US) > 1.0
    assert measure_phi(store, CAMERA, END_US + 91 * 24 * HOUR_US) is None
    assert measure_phi(store, CAMERA, T0_US) is None, "nor what comes after"
