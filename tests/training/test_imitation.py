"""A slim network that imitates comes to say what the wide one says, and resumes."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.pictures import picture
from truckcount.errors import ConfigError
from truckcount.presence.truckmap import TruckMap
from truckcount.training.canvas import PictureDraw, compose_view
from truckcount.training.heard import HeardBatch, HeardViews, Said, hear
from truckcount.training.imitation import (
    ImitationOptions,
    agreement,
    imitate,
    imitation_loss,
    say,
    side_with_labels,
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
    n_steps=60, batch_size=4, learning_rate=3e-3, checkpoint_every=20
)


def as_views(images: list[np.ndarray]) -> torch.Tensor:
    stack = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return stack.contiguous(memory_format=torch.channels_last)


def compose_views(seed: int, n: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return as_views([compose_view(rng, DRAW, *SIZE).image for _ in range(n)])


def network(seed: int) -> TruckMap:
    torch.manual_seed(seed)
    net = TruckMap(TRUNK, 16, has_refine=True).train()
    views = compose_views(0, 4)
    with torch.no_grad():
        for _ in range(50):
            net(views)
        # as sure of some cells as a trained network is
        net.out.weight[:3] *= 20
    return net.eval()


@pytest.fixture(scope="module")
def views() -> torch.Tensor:
    return compose_views(7, 6)


@pytest.fixture(scope="module")
def heard(tmp_path_factory) -> HeardViews:
    """Forty views with what `network(0)` says of them."""
    wide, folder = network(0), tmp_path_factory.mktemp("heard")

    def teach(view: np.ndarray) -> Said:
        with torch.no_grad():
            return Said(*(part[0].numpy() for part in say(wide, as_views([view]))))

    hear(folder, DRAW, teach, 40, size=SIZE)
    return HeardViews(folder)


@pytest.fixture(scope="module")
def imitated(heard, tmp_path_factory) -> tuple[TruckMap, TruckMap]:
    folder = tmp_path_factory.mktemp("whole")
    return network(0), imitate(network(1), heard, OPTIONS, folder)


def loss_of(slim: TruckMap, wide: TruckMap, views: torch.Tensor) -> float:
    with torch.no_grad():
        return float(imitation_loss(say(slim, views), say(wide, views), SPREAD))


def test_who_says_the_same_has_nothing_to_learn(views):
    assert loss_of(network(0), network(0), views) == pytest.approx(0, abs=1e-5)


def test_imitation_brings_the_maps_together(imitated, views):
    wide, slim = imitated
    assert loss_of(slim, wide, views) < 0.5 * loss_of(network(1), wide, views)


def test_killed_and_started_again_it_ends_the_same(heard, tmp_path, caplog):
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
            imitate(network(1), heard, options, tmp_path)
    finally:
        logger.removeFilter(stop)

    def state() -> dict:
        return read_state(tmp_path / "checkpoint.state")

    assert state()["step"] == 10
    average = imitate(network(1), heard, options, tmp_path)
    assert "resumed at step 10" in caplog.text
    assert state()["step"] == 30
    whole = imitate(network(1), heard, options, tmp_path / "whole").state_dict()
    for name, tensor in average.state_dict().items():
        assert torch.equal(tensor, state()["average"][name])
        assert torch.equal(tensor, whole[name])


def test_a_run_is_not_gone_on_with_other_options(heard, tmp_path):
    options = replace(OPTIONS, n_steps=2)
    imitate(network(1), heard, options, tmp_path)
    before = (tmp_path / "options.json").read_text()
    with pytest.raises(ConfigError, match=r"label_share 0.0 -> 0.5"):
        imitate(network(1), heard, replace(options, label_share=0.5), tmp_path)
    assert (tmp_path / "options.json").read_text() == before


def told_of(
    probability: float,
    truck: float,
    other: float,
    trust: float,
    other_share: float | None = None,
) -> float:
    """What is told of one cell that a teacher gives a probability."""
    maps = torch.full((1, 7, 1, 1), float(np.log(probability / (1 - probability))))
    truth = torch.tensor([truck, other, 0.0]).view(1, 3, 1, 1)
    none = torch.zeros(0)
    batch = HeardBatch(none, maps, none, none, truth, torch.full((1, 1, 1), trust))
    told = side_with_labels(batch, 0.5, other_share)
    assert torch.equal(told[:, 1:], maps[:, 1:])
    return float(torch.sigmoid(told[0, 0, 0, 0]))


@pytest.mark.parametrize(
    ("probability", "truck", "other", "trust", "told"),
    [
        (0.6, 1.0, 0.0, 1.0, 0.8),  # a labelled truck, half the way to sure
        (0.1, 1.0, 0.0, 1.0, 0.1),  # one that the teacher does not see at all
        (0.6, 0.0, 1.0, 1.0, 0.3),  # a labelled bus
        (0.6, 0.0, 1.0, 0.0, 0.6),  # where labels are not to be trusted
        (0.6, 0.0, 0.0, 1.0, 0.6),  # an empty road: vehicles without a box are many
        (0.6, 1.0, 1.0, 1.0, 0.8),  # a truck in front of a bus
    ],
)
def test_labels_are_believed_half(probability, truck, other, trust, told):
    assert told_of(probability, truck, other, trust) == pytest.approx(told, abs=1e-3)


def test_labels_of_other_vehicles_may_be_believed_more():
    assert told_of(0.6, 0.0, 1.0, 1.0, other_share=0.9) == pytest.approx(0.06, abs=1e-3)
    assert told_of(0.6, 1.0, 0.0, 1.0, other_share=0.9) == pytest.approx(0.8, abs=1e-3)


def test_agreement_with_oneself_is_whole(views):
    found = agreement(network(0), network(0), views)
    assert found["n"] > 0
    assert found["difference"] == 0
    assert found["correlation"] == pytest.approx(1)
    other = agreement(network(1), network(0), views)
    assert other["difference"] > 0
