"""A factor's own error is in every hour that uses it."""

from dataclasses import replace

import pytest

from truckcount.domain.calibration import Calibration, pick_calibration, regime_of

FACTOR = Calibration(
    calibration_id="c", camera="dc", gate="exit", direction="out", regime="all",
    method="ratio", factor=1.1485, factor_se=0.0444, factor_cv=0.0387, tau2=0.264,
    phi=1.0, n_windows=210, audit_ids=("a",), model_id="m", config_hash="0",
    valid_from_us=100, valid_to_us=None, known_at_us=0, status="active",
)  # fmt: skip


def test_the_worked_hour_has_its_estimate_and_errors():
    est, se, indep = FACTOR.estimate_hour(14, 2700 / 3600)
    assert est == pytest.approx(21.4, abs=0.05)
    assert indep == pytest.approx(3.66, abs=0.005)
    assert (se**2 - indep**2) ** 0.5 == pytest.approx(0.83, abs=0.005)
    assert se == pytest.approx(3.76, abs=0.005)


def test_a_quarter_of_full_hours_keeps_the_shared_error():
    # 91 days x 330 machine counts; features.md 5.5
    n_hours = 91 * 24
    n = 330 / 24
    est, se, indep = FACTOR.estimate_hour(1, 1.0)
    shared = (se**2 - indep**2) ** 0.5
    total = n_hours * n * est
    assert total == pytest.approx(34_490, rel=1e-3)
    all_indep = (n_hours * n) ** 0.5 * indep
    all_shared = n_hours * n * shared
    assert all_indep == pytest.approx(89, abs=0.5)
    assert all_shared == pytest.approx(1334, abs=2)
    assert (all_indep**2 + all_shared**2) ** 0.5 == pytest.approx(1337, abs=2)


def test_a_fully_watched_hour_has_no_exposure_error():
    exact = replace(FACTOR, tau2=0.0, factor_se=0.0)
    assert exact.estimate_hour(9, 1.0) == (pytest.approx(9 * 1.1485), 0.0, 0.0)


@pytest.mark.parametrize(
    ("hour_us", "is_for"), [(99, False), (100, True), (199, True), (200, False)]
)
def test_it_holds_from_its_start_to_its_end(hour_us, is_for):
    ended = replace(FACTOR, valid_to_us=200)
    assert ended.is_for(hour_us, 12) is is_for


def test_a_regime_goes_by_the_clock():
    assert [regime_of(h) for h in (0, 6, 7, 18, 19)] == [
        "night", "night", "day", "day", "night",
    ]  # fmt: skip
    assert replace(FACTOR, regime="day").is_for(100, 12)
    assert not replace(FACTOR, regime="night").is_for(100, 12)


HOUR = {"gate": "exit", "direction": "out", "config_hash": "0", "hour_us": 150,
        "local_hour": 12, "known_by_us": 1000}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "hour", "wanted"),
    [
        ([{}], {}, 0),
        ([{"config_hash": "1"}], {}, None),
        ([{"gate": "entry"}, {"direction": "in"}], {}, None),
        ([{"status": "withdrawn"}], {}, None),
        ([{"known_at_us": 2000}], {}, None),
        ([{"known_at_us": 5}, {"known_at_us": 9}], {}, 1),
        ([{"regime": "day"}, {"known_at_us": 9}], {}, 0),
        ([{"regime": "day"}, {"known_at_us": 9}], {"local_hour": 3}, 1),
        ([{"valid_to_us": 150}, {"valid_from_us": 150, "status": "drifted"}], {}, 1),
        ([{"valid_to_us": 150}, {"valid_from_us": 150}], {"hour_us": 149}, 0),
    ],
)
def test_an_hour_has_the_newest_calibration_of_its_configuration(changes, hour, wanted):
    rows = [replace(FACTOR, calibration_id=str(k), **c) for k, c in enumerate(changes)]
    found = pick_calibration(rows, **HOUR | hour)
    assert (found and found.calibration_id) == (None if wanted is None else str(wanted))


@pytest.mark.parametrize("status", ["active", "drifted"])
@pytest.mark.parametrize("revised", ["older", "both"])
def test_a_revision_makes_no_factor_newer_than_a_later_audit(status, revised):
    """`calibrate --publish` gives all that stand another `phi`, known from then on."""
    older = replace(FACTOR, calibration_id="z", known_at_us=5, status=status)
    newer = replace(FACTOR, calibration_id="b", known_at_us=9)
    rows = [older, newer, replace(older, phi=2.0, known_at_us=20)]
    if revised == "both":
        rows.append(replace(newer, phi=2.0, known_at_us=20))
    found = pick_calibration(rows, **HOUR)
    assert found.calibration_id == "b"
    assert found.phi == (2.0 if revised == "both" else 1.0)
