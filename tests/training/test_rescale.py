"""Scores are brought back to the thresholds that were there before fine-tuning."""

import copy

import numpy as np
import pytest
import torch

from truckcount.errors import LabelError
from truckcount.presence.truckmap import TruckMap
from truckcount.training.rescale import (
    Rescaling,
    apply_rescaling,
    cap_share,
    fit_rescaling,
)

RNG = np.random.default_rng(3)
TRUCKS, EMPTY = RNG.normal(-1.0, 0.5, 30), RNG.normal(-5.0, 0.5, 60)
LOGITS, LABELS = np.concatenate([TRUCKS, EMPTY]), np.repeat([1, 0], [30, 60])


def right(rescaling, on_score, logits=LOGITS, labels=LABELS):
    z = rescaling.slope * logits + rescaling.shift
    return float(((1 / (1 + np.exp(-z)) >= on_score) == (labels == 1)).mean())


@pytest.mark.parametrize("on_score", [0.3, 0.53, 0.8])
def test_scores_that_all_fell_are_lifted_over_the_threshold(on_score):
    assert right(Rescaling(), on_score) < 0.8
    found = fit_rescaling(LOGITS, LABELS, on_score)
    assert right(found, on_score) == 1.0
    assert found.slope > 0  # the order of frames stays


def test_the_border_lies_between_the_labels_not_at_one_of_them():
    found = fit_rescaling(LOGITS, LABELS, 0.5)
    border = -found.shift / found.slope
    assert EMPTY.max() + 0.3 < border < TRUCKS.min() - 0.3


def test_scores_that_fit_hardly_move():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 4000)
    labels = rng.random(4000) < 1 / (1 + np.exp(-logits))
    found = fit_rescaling(logits, labels, 0.5)
    assert found.slope == pytest.approx(1, abs=0.1)
    assert found.shift == pytest.approx(0, abs=0.15)


def test_few_frames_move_scores_less_than_many():
    few = fit_rescaling([-1.0, -5.0], [1, 0], 0.5)
    many = fit_rescaling(np.tile([-1.0, -5.0], 50), np.tile([1, 0], 50), 0.5)
    assert 0 < few.shift < many.shift


def test_a_frame_without_weight_has_no_say():
    weights = np.ones(len(LOGITS) + 1)
    weights[-1] = 0
    found = fit_rescaling([*LOGITS, 9.0], [*LABELS, 0], 0.5, weights)
    assert found == fit_rescaling(LOGITS, LABELS, 0.5)


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_alone_says_nothing_of_the_border(label):
    assert fit_rescaling([-4.0, 2.0], [label, label], 0.5).is_identity
    assert fit_rescaling([], [], 0.5).is_identity


BAD = {
    "fewer labels": ([1.0, 2.0], [1], 0.5),
    "no threshold": ([1.0], [1], 1.0),
}


@pytest.mark.parametrize("name", BAD)
def test_arrays_that_do_not_fit_are_refused(name):
    with pytest.raises(LabelError, match="of one shape"):
        fit_rescaling(*BAD[name])


@pytest.mark.parametrize("size_gain", [0.0, 0.8])
def test_the_truck_logit_carries_the_rescaling_and_nothing_else_moves(size_gain):
    torch.manual_seed(0)
    network = TruckMap(size_gain=size_gain).eval()
    with torch.no_grad():
        network.out.bias.normal_()
    changed = copy.deepcopy(network)
    apply_rescaling(changed, Rescaling(1.5, -2.0))
    views = torch.randint(0, 255, (2, 3, 64, 96), dtype=torch.uint8)
    with torch.inference_mode():
        before, after = network(views), changed(views)
    torch.testing.assert_close(
        after.heat[:, 0], 1.5 * before.heat[:, 0] - 2.0, atol=1e-4, rtol=1e-4
    )
    for name in ("size", "offset"):
        assert torch.equal(getattr(before, name), getattr(after, name))
    assert torch.equal(before.heat[:, 1:], after.heat[:, 1:])


def test_frames_of_a_busy_road_do_not_draw_the_border_to_the_cars():
    """Nine of ten frames show a truck; the border stays between the two kinds."""
    rng = np.random.default_rng(0)
    labels = np.repeat([1.0, 0.0], [180, 20])
    logits = np.where(labels == 1, 1.0, -1.0) + rng.normal(size=200)
    ones = np.ones(200)

    def border(weights):
        found = fit_rescaling(logits, labels, 0.5, weights)
        return -found.shift / found.slope

    assert border(ones) < -0.6
    assert abs(border(cap_share(labels, ones))) < 0.3


def test_rare_trucks_weigh_what_they_are():
    labels, weights = np.repeat([1.0, 0.0], [5, 35]), np.linspace(0.5, 1.5, 40)
    assert cap_share(labels, weights).tolist() == weights.tolist()
    assert cap_share([1.0, 1.0], [1.0, 2.0]).tolist() == [1.0, 2.0]


def test_soft_labels_are_shared_out():
    weights = cap_share([1.0, 1.0, 0.5], [1.0, 1.0, 1.0])
    labels = np.array([1.0, 1.0, 0.5])
    assert (weights * labels)[:2].sum() < 0.75
