"""Temperature scaling: never worse, recovers a known one, and curves that add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.errors import LabelError
from truckcount.training.calibration import (
    fit_temperature,
    log_loss,
    reliability,
    scale_probability,
    to_logit,
)


def draw_frames(n, temperature, seed=0):
    """Logits ``temperature`` times as large as the truth's."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-true))).astype(float)
    return temperature * true, labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5, 6.0])
def test_a_known_temperature_is_recovered(temperature):
    logits, labels = draw_frames(20_000, temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


@given(
    st.lists(
        st.tuples(st.floats(-30, 30), st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=150)
def test_the_likelihood_is_never_worse(rows):
    logits, labels = np.array(rows).T
    temperature = fit_temperature(logits, labels)
    assert temperature > 0
    before = log_loss(logits, labels)
    assert log_loss(logits, labels, temperature=temperature) <= before + 1e-9


def test_no_other_temperature_is_better():
    logits, labels = draw_frames(500, 3.0, seed=1)
    best = fit_temperature(logits, labels)
    others = [
        log_loss(logits, labels, temperature=t) for t in np.geomspace(0.1, 10, 99)
    ]
    assert log_loss(logits, labels, temperature=best) <= min(others)


def test_weights_count_as_copies():
    logits, labels = draw_frames(200, 2.0)
    copies = np.arange(200) % 3
    assert fit_temperature(logits, labels, copies) == pytest.approx(
        fit_temperature(np.repeat(logits, copies), np.repeat(labels, copies)), rel=1e-6
    )


def test_labels_told_apart_without_error_leave_the_temperature_alone():
    assert fit_temperature([3.0, 2.0, -1.0], [1, 1, 0]) == 1.0


def test_logits_that_say_nothing_end_at_the_limit():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 8, 4000)
    assert fit_temperature(logits, rng.integers(0, 2, 4000)) > 15


def test_a_temperature_keeps_the_order_and_the_middle():
    p = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    cooler = scale_probability(p, 2.0)
    assert (np.diff(cooler) > 0).all()
    assert cooler[2] == pytest.approx(0.5)
    assert cooler[3] == pytest.approx(1 / (1 + np.exp(-to_logit(0.9) / 2)))
    assert scale_probability(p, 1.0) == pytest.approx(p, abs=1e-5)


def test_a_reliability_curve_is_that_of_scikit_learn():
    calibration = pytest.importorskip("sklearn.calibration")
    rng = np.random.default_rng(0)
    p = rng.random(300)
    labels = (rng.random(300) < p).astype(int)
    mine = reliability(p, labels, n_bins=10)
    true, said = calibration.calibration_curve(labels, p, n_bins=10)
    assert mine.true == pytest.approx(true)
    assert mine.said == pytest.approx(said)
    assert mine.weight.sum() == 300


@pytest.mark.parametrize(
    ("logits", "labels"),
    [([], []), ([1.0], [0, 1]), ([np.inf], [1]), ([1.0], [2])],
    ids=["none", "shapes", "infinite", "no label"],
)
def test_what_cannot_be_calibrated_is_refused(logits, labels):
    with pytest.raises(LabelError):
        fit_temperature(logits, labels)
