"""Every row gets its logit; figures are what they are called."""

import numpy as np
import pytest
import torch

from tests.training.classifier.red_frames import write_red_set
from truckcount.presence.zoo.factory import build_network
from truckcount.training.classifier.dataset import BatchLoader, plain_set
from truckcount.training.classifier.frames import read_frames
from truckcount.training.classifier.predict import measure_logits, predict_logits


def test_every_row_is_scored_in_order_even_a_last_one_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("truckcount.training.classifier.predict.BATCH_SIZE", 4)
    frames = read_frames(write_red_set(tmp_path / "set"))
    torch.manual_seed(0)
    network = build_network("mobilenet_v3_small", input_px=64)
    torch.nn.init.normal_(network.head.weight)
    loader = BatchLoader(plain_set(frames, None, 64), 0)
    rows = np.array([3, 0, 7, 1, 9], np.int64)  # five: the last batch has one
    together = predict_logits(network, loader, rows)
    alone = [predict_logits(network, loader, rows[k : k + 1])[0] for k in range(5)]
    assert together == pytest.approx(alone, abs=1e-6)
    assert len(set(together.round(5))) == 5
    assert not len(predict_logits(network, loader, rows[:0]))


def test_figures_are_those_of_hand():
    logits = np.array([2.0, 1.0, -1.0, -3.0, 0.5])
    truth = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    found = measure_logits(logits, truth)
    assert (found.n, found.n_truck) == (5, 3)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.true_truck_rate == pytest.approx(2 / 3)
    assert found.true_empty_rate == pytest.approx(1 / 2)
    assert found.balanced_accuracy == pytest.approx(7 / 12)
    p = 1 / (1 + np.exp(-logits))
    want = -np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p))
    assert found.loss == pytest.approx(want)


def test_a_side_without_frames_is_not_right_nor_wrong():
    found = measure_logits(np.array([1.0]), np.array([1.0]))
    assert found.true_truck_rate == 1.0
    assert found.true_empty_rate is None
    assert found.balanced_accuracy is None
