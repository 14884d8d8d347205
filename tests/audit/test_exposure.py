"""How much more than Poisson a camera's partly seen hours stray."""

import numpy as np
import pytest

from tests.audit.stores import CAMERA, GATE, S_US, quiet_scores
from tests.store.fill import HOUR_US, STAMP, T0_US, hour, passage, segment
from truckcount.audit.exposure import Pattern, measure_phi
from truckcount.store import Store

N_FULL, N_PARTLY = 60, 4
N_HOURS = N_FULL + N_PARTLY
END_US = T0_US + N_HOURS * HOUR_US


def write(root, onsets_s, *, n_full=N_FULL, n_partly=N_PARTLY):
    """Whole hours, then some that saw their first half and a quarter of the rest."""
    store = Store.open(root)
    onsets = np.sort(np.asarray(onsets_s))
    passages = [passage(float(t), path=((T0_US, t % 1, 0.5),)) for t in onsets]
    window = (T0_US, END_US)
    store.write_passages(
        CAMERA, GATE, passages, window,
        model_id=STAMP.model_id, config_hash=STAMP.config_hash,
    )  # fmt: skip
    counts = np.bincount((onsets // 3600).astype(int), minlength=N_HOURS)
    rows = [hour(k, int(counts[k]), coverage_s=3600.0) for k in range(n_full)]
    for k in range(n_full, n_full + n_partly):
        rows.append(hour(k, 0, coverage_s=2250.0))
        start = T0_US + k * HOUR_US
        for low, seconds in ((0, 1800), (2700, 450)):
            begin, name = start + low * S_US, f"s{k}-{low}"
            end = begin + seconds * S_US
            part = quiet_scores(begin, seconds, step_s=2.0, name=name)
            store.write_scores(CAMERA, {GATE: part}, "s0")
            file = segment(
                segment_id=name, start_us=begin, end_us=end,
                winner_intervals=((begin, end),),
            )  # fmt: skip
            store.write_segment(CAMERA, file)
    store.write_hours(STAMP, rows, END_US + HOUR_US)
    return store


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
def test_with_too_little_to_go_by_it_is_one(tmp_path, n_full, n_partly):
    onsets = np.repeat(np.arange(20) * 3600.0 + 60, 5) + np.tile(np.arange(5) * 9, 20)
    store = write(tmp_path / "s", onsets, n_full=n_full, n_partly=n_partly)
    assert measure_phi(store, CAMERA, END_US) == 1.0


def test_only_the_ninety_days_before_count(tmp_path):
    leaders = np.arange(N_FULL) * 3600.0 + 600
    onsets = (leaders[:, None] + 8.0 * np.arange(5)).ravel()
    store = write(tmp_path / "s", onsets)
    assert measure_phi(store, CAMERA, END_US) > 1.0
    assert measure_phi(store, CAMERA, END_US + 91 * 24 * HOUR_US) == 1.0
    assert measure_phi(store, CAMERA, T0_US) == 1.0, "nor what comes after"
