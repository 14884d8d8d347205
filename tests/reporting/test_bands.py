"""Calibrated days: the factor's error is shared, and days without a total are gaps."""

from dataclasses import replace

import numpy as np
import pytest

from tests.store.fill import HOUR_US, STAMP, T0_US, UNSEEN, hour
from tests.store.test_recalibration import WORKED
from truckcount.reporting.bands import Z95
from truckcount.reporting.facts import read_facts
from truckcount.reporting.page import build_page
from truckcount.store import Store
from truckcount.store.calibrations_table import write_calibrations

UTC = replace(STAMP, timezone="UTC")
PLAIN = replace(WORKED, factor=1.2, factor_se=0.1, tau2=0.5, known_at_us=T0_US)


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "store")
    whole = {"coverage_s": 3600.0, "max_gap_s": 0.0}
    rows = [hour(k, 10, **whole) for k in range(48)]
    rows += [replace(UNSEEN, bin_start_us=T0_US + k * HOUR_US) for k in range(48, 72)]
    rows += [hour(k, 10, **whole) for k in range(72, 96)]
    write_calibrations(store.root, STAMP.camera, [PLAIN])
    store.write_hours(UTC, rows, T0_US + 200 * HOUR_US)
    return store


def test_days_carry_the_factor_and_an_unwatched_day_is_a_gap(store):
    (gate,) = read_facts(store.root, 7).gates
    assert gate.daily_trucks[[0, 1, 3]].tolist() == [240, 240, 240]
    assert gate.band.total[[0, 1, 3]] == pytest.approx(288.0)
    assert np.isnan(gate.band.total[2])
    assert np.isnan(gate.band.half[2])
    one_day = (0.5 * 240 + (0.1 * 240) ** 2) ** 0.5
    assert gate.band.half[[0, 1, 3]] == pytest.approx(Z95 * one_day)


def test_the_factors_own_error_does_not_average_away(store):
    (gate,) = read_facts(store.root, 7).gates
    assert gate.band.n_days == 3
    assert gate.band.period_total == pytest.approx(3 * 288)
    together = (0.5 * 720 + (0.1 * 720) ** 2) ** 0.5
    assert gate.band.period_half == pytest.approx(Z95 * together)


def test_without_a_factor_there_is_no_band(tmp_path):
    store = Store.open(tmp_path / "store")
    store.write_hours(UTC, [hour()], T0_US + 9 * HOUR_US)
    (gate,) = read_facts(store.root, 7).gates
    assert gate.band is None


def test_directions_without_a_factor_are_named(store):
    whole = {"coverage_s": 3600.0, "max_gap_s": 0.0, "gate": "two"}
    rows = [
        hour(k, 10, direction=direction, **whole)
        for k in range(24)
        for direction in ("in", "out", "unknown")
    ]
    out = replace(PLAIN, calibration_id="f" * 12, gate="two", direction="out")
    write_calibrations(store.root, STAMP.camera, [out])
    store.write_hours(UTC, rows, T0_US + 200 * HOUR_US)
    facts = read_facts(store.root, 7)
    assert [gate.band.as_seen for gate in facts.gates] == [(), ("in", "unknown")]
    assert facts.gates[1].band.total[0] == pytest.approx(240 * 3.2)
    assert "in, unknown without a factor" in build_page(facts)
