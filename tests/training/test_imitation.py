"""A slim network that imitates comes to say what the wide one says, and resumes."""

import itertools
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.pictures import picture
from truckcount.presence.truckmap import TruckMap
from truckcount.training.canvas import PictureDraw
from truckcount.training.imitation import (
    HeardViews,
    ImitationOptions,
    agreement,
    compose_views,
    imitate,
    imitation_loss,
    say,
)
from truckcount.training.state_file import read_state

pytestmark = pytest.mark.usefixtures("one_torch_thread")
DRAW = PictureDraw({"a": [picture(0), picture(1)]}, {"a": 1.0})
SIZE = (96, 64)
TRUNK = (
    (16, 8, 3, 1, 16),
    (8, 8, 3, 2, 24),
    (8, 16, 3, 2, 24),
    (16, 24, 3, 2, 48),
)
SPREAD = (torch.ones(1, 16, 1, 1), torch.ones(1, 24, 1, 1))
OPTIONS = ImitationOptions(
    n_steps=60, batch_size=4, learning_rate=3e-3, n_workers=0, checkpoint_every=20
)


def network(seed: int) -> TruckMap:
    torch.manual_seed(seed)
    net = TruckMap(TRUNK, 16, has_refine=True).train()
    views = compose_views(np.random.default_rng(0), DRAW, 4, SIZE)
    with torch.no_grad():
        for _ in range(50):
            net(views)
        # as sure of some cells as a trained network is
        net.out.weight[:3] *= 20
    return net.eval()


@pytest.fixture(scope="module")
def views() -> torch.Tensor:
    return compose_views(np.random.default_rng(7), DRAW, 6, SIZE)


@pytest.fixture(scope="module")
def imitated(tmp_path_factory) -> tuple[TruckMap, TruckMap]:
    folder = tmp_path_factory.mktemp("whole")
    wide = network(0)
    return wide, imitate(network(1), wide, DRAW, SIZE, OPTIONS, folder)


def loss_of(slim: TruckMap, wide: TruckMap, views: torch.Tensor) -> float:
    with torch.no_grad():
        return float(imitation_loss(say(slim, views), say(wide, views), SPREAD))


def test_who_says_the_same_has_nothing_to_learn(views):
    assert loss_of(network(0), network(0), views) == pytest.approx(0, abs=1e-5)


def test_imitation_brings_the_maps_together(imitated, views):
    wide, slim = imitated
    assert loss_of(slim, wide, views) < 0.5 * loss_of(network(1), wide, views)


def test_killed_and_started_again_it_goes_on(tmp_path, caplog):
    def stop(record: logging.LogRecord) -> bool:
        if record.getMessage().startswith("step 20"):
            raise KeyboardInterrupt
        return True

    logger = logging.getLogger("truckcount.training.imitation")
    caplog.set_level(logging.INFO)
    options = replace(OPTIONS, n_steps=30, checkpoint_every=10)
    logger.addFilter(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            imitate(network(1), network(0), DRAW, SIZE, options, tmp_path)
    finally:
        logger.removeFilter(stop)

    def state() -> dict:
        return read_state(tmp_path / "checkpoint.state")

    assert state()["step"] == 10
    average = imitate(network(1), network(0), DRAW, SIZE, options, tmp_path)
    assert "resumed at step 10" in caplog.text
    assert state()["step"] == 30
    for name, tensor in average.state_dict().items():
        assert torch.equal(tensor, state()["average"][name])


def test_a_view_comes_as_often_as_asked():
    heard = HeardViews(DRAW, network(0), SIZE, seed=0, reuse=4)
    n = 2000
    rows = [view.numpy().tobytes() for view, *_ in itertools.islice(heard, n)]
    assert 0.8 < n / len(set(rows)) / 4 < 1.6


def test_agreement_with_oneself_is_whole(views):
    found = agreement(network(0), network(0), views)
    assert found["n"] > 0
    assert found["difference"] == 0
    assert found["correlation"] == pytest.approx(1)
    other = agreement(network(1), network(0), views)
    assert other["difference"] > 0
