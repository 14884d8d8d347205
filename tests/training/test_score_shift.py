"""Scores are brought back to the thresholds that were there before fine-tuning."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from truckcount.errors import LabelError
from truckcount.presence.truckmap import TruckMap
from truckcount.training.score_shift import apply_shift, fit_shift

RNG = np.random.default_rng(3)
TRUCKS, EMPTY = RNG.normal(-1.0, 0.5, 300), RNG.normal(-6.0, 0.5, 600)
LOGITS, LABELS = np.concatenate([TRUCKS, EMPTY]), np.repeat([1, 0], [300, 600])


def logit(p):
    return np.log(p / (1 - p))


def over(logits, shift, score):
    return float((np.asarray(logits) + shift >= logit(score)).mean())


@pytest.mark.parametrize("on_score", [0.3, 0.53, 0.8])
def test_scores_that_all_fell_are_lifted_over_the_threshold(on_score):
    off_score = on_score / 2
    assert over(TRUCKS, 0, on_score) < 0.6
    shift = fit_shift(LOGITS, LABELS, on_score, off_score)
    assert over(TRUCKS, shift, on_score) == pytest.approx(0.9, abs=0.03)
    assert over(EMPTY, shift, off_score) == 0.0


def test_empty_roads_stay_under_off_score_while_half_of_the_trucks_are_over():
    """Cars that look like trucks: what a lift to every truck would count."""
    trucks, cars = np.linspace(-3, 3, 101), np.linspace(-4, -2, 101)
    shift = fit_shift([*trucks, *cars], [1] * 101 + [0] * 101, 0.6, 0.24)
    assert over(trucks, shift, 0.6) > 0.5
    assert over(cars, shift, 0.24) == pytest.approx(0.05, abs=0.02)
    assert 0 < shift < 3  # not all the way to the least of the trucks


def test_half_of_the_trucks_count_for_more_than_quiet_roads_do():
    """Trucks all under `on_score` would be counted as none."""
    trucks, cars = np.linspace(-2, 0, 101), np.linspace(-3, -1.2, 101)
    shift = fit_shift([*trucks, *cars], [1] * 101 + [0] * 101, 0.6, 0.24)
    assert over(trucks, shift, 0.6) == pytest.approx(0.5, abs=0.02)
    assert over(cars, shift, 0.6) < 0.05


def test_cars_over_the_threshold_are_lowered_as_long_as_half_of_the_trucks_stay():
    trucks, cars = np.linspace(2, 4, 101), np.linspace(-1, 1, 101)
    labels = [1] * 101 + [0] * 101
    shift = fit_shift([*trucks, *cars], labels, 0.5, 0.3)
    assert over(cars, shift, 0.5) == pytest.approx(0.05, abs=0.02)
    assert over(trucks, shift, 0.5) == 1.0
    among = fit_shift([*trucks, *(cars + 3)], labels, 0.5, 0.3)
    assert over(trucks, among, 0.5) == pytest.approx(0.5, abs=0.02)
    hopeless = fit_shift([*(trucks - 3), *(cars + 3)], labels, 0.5, 0.3)
    assert hopeless == 0.0


def test_scores_that_fit_do_not_move():
    assert fit_shift([2.0, 3.0, -3.0, -4.0], [1, 1, 0, 0], 0.5, 0.3) == 0.0


@given(
    z=st.lists(st.floats(-9, 9), min_size=2, max_size=30),
    n=st.integers(1, 29),
    by=st.floats(-3, 3),
)
def test_where_the_frames_were_before_does_not_matter_above_what_is_there(z, n, by):
    """Lifted scores that are lifted again move no farther; order never changes."""
    labels = (np.arange(len(z)) < n).astype(float)
    once = fit_shift(np.add(z, by), labels, 0.6, 0.24)
    assert np.isfinite(once)
    if once > 0 and (labels == 0).any():
        rest = fit_shift(np.add(z, by + once), labels, 0.6, 0.24)
        assert -1e-9 <= rest <= once + 1e-9


def test_few_frames_move_scores_less_than_many():
    few = fit_shift([-1.0, -5.0], [1, 0], 0.5, 0.3)
    many = fit_shift(np.tile([-1.0, -5.0], 50), np.tile([1, 0], 50), 0.5, 0.3)
    assert 0 < few < many


def test_a_frame_without_weight_has_no_say():
    weights = np.ones(len(LOGITS) + 1)
    weights[-1] = 0
    found = fit_shift([*LOGITS, 9.0], [*LABELS, 0], 0.5, 0.3, weights)
    assert found == fit_shift(LOGITS, LABELS, 0.5, 0.3)
    nobody = fit_shift([-1.0, -5.0], [1, 0], 0.5, 0.3, [1, 0])
    assert nobody == 0.0


def test_how_many_trucks_a_road_has_does_not_matter():
    """Nine of ten frames of a busy road show a truck; cars are in these, too."""
    often = fit_shift(
        np.concatenate([np.tile(TRUCKS, 9), EMPTY]),
        np.repeat([1, 0], [9 * len(TRUCKS), len(EMPTY)]),
        0.6,
        0.24,
    )
    assert often == pytest.approx(fit_shift(LOGITS, LABELS, 0.6, 0.24), abs=0.02)


def test_a_soft_label_is_a_truck_by_that_share():
    z, y = np.tile([-1.0, -2.0, -5.0], 200), np.tile([1.0, 0.3, 0.0], 200)
    soft = fit_shift(z, y, 0.5, 0.3)
    twice = np.concatenate([z, np.full(200, -2.0)])
    labels = np.concatenate([np.tile([1, 1, 0], 200), np.zeros(200)])
    weights = np.concatenate([np.tile([1, 0.3, 1], 200), np.full(200, 0.7)])
    assert soft == pytest.approx(fit_shift(twice, labels, 0.5, 0.3, weights), abs=0.01)
    assert soft != pytest.approx(fit_shift(z, y >= 0.5, 0.5, 0.3), abs=0.1)


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_alone_says_nothing_of_the_border(label):
    assert fit_shift([-4.0, 2.0], [label, label], 0.5, 0.3) == 0.0
    assert fit_shift([], [], 0.5, 0.3) == 0.0


BAD = {
    "fewer labels": ([1.0, 2.0], [1], 0.5, 0.3),
    "no threshold": ([1.0], [1], 1.0, 0.3),
    "off above on": ([1.0], [1], 0.5, 0.6),
}


@pytest.mark.parametrize("name", BAD)
def test_arrays_that_do_not_fit_are_refused(name):
    with pytest.raises(LabelError, match="of one shape"):
        fit_shift(*BAD[name])


@pytest.mark.parametrize("size_gain", [0.0, 0.8])
def test_the_truck_logit_carries_the_shift_and_nothing_else_moves(size_gain):
    torch.manual_seed(0)
    network = TruckMap(size_gain=size_gain).eval()
    with torch.no_grad():
        network.out.bias.normal_()
    changed = copy.deepcopy(network)
    apply_shift(changed, -2.0)
    views = torch.randint(0, 255, (2, 3, 64, 96), dtype=torch.uint8)
    with torch.inference_mode():
        before, after = network(views), changed(views)
    torch.testing.assert_close(
        after.heat[:, 0], before.heat[:, 0] - 2.0, atol=1e-4, rtol=1e-4
    )
    for name in ("size", "offset"):
        assert torch.equal(getattr(before, name), getattr(after, name))
    assert torch.equal(before.heat[:, 1:], after.heat[:, 1:])
