"""Training learns, stops early, and a killed run ends as if it had not been."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from tests.conftest import ROOT
from tests.training.classifier.red_frames import write_red_set
from truckcount.errors import ConfigError
from truckcount.training.classifier.dataset import BatchLoader, training_set
from truckcount.training.classifier.frames import read_frames
from truckcount.training.classifier.loop import (
    average_weights,
    classifier_loss,
    train_classifier,
)
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.order import batch_keys
from truckcount.training.state_file import read_state

pytestmark = pytest.mark.usefixtures("one_torch_thread")
TINY = ClassifierOptions(
    network="mobilenet_v3_small",
    input_px=64,
    dropout=0.3,
    n_epochs=2,
    batch_size=4,
    checkpoint_every=1,
    warmup_steps=2,
)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return read_frames(write_red_set(tmp_path_factory.mktemp("data") / "set"))


def state_of(folder):
    return read_state(folder / "checkpoint.state")


def is_same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def whole(frames, tmp_path_factory):
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, train_classifier(frames, TINY, folder)


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.training.classifier.test_loop import TINY
from truckcount.training.classifier.frames import read_frames
from truckcount.training.classifier.loop import train_classifier
from truckcount.training.state_file import read_state

def die(step):
    if step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

frames = read_frames(Path(sys.argv[1]))
train_classifier(frames, TINY, Path(sys.argv[2]), on_checkpoint=die)
"""


def is_as_undisturbed(resumed, folder, whole):
    whole_folder, trained = whole
    assert resumed.history == trained.history
    assert is_same(resumed.network.state_dict(), trained.network.state_dict())
    for part in ("network", "average"):
        assert is_same(state_of(folder)[part], state_of(whole_folder)[part])


def test_a_run_killed_inside_an_epoch_ends_with_the_same_weights(
    frames, whole, tmp_path
):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(frames.folder), str(tmp_path), "3"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert state_of(tmp_path)["step"] == 3
    is_as_undisturbed(train_classifier(frames, TINY, tmp_path), tmp_path, whole)


def test_a_run_stopped_between_epochs_ends_with_the_same_weights(
    frames, whole, tmp_path
):
    def stop(step):
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_classifier(frames, TINY, tmp_path, on_checkpoint=stop)
    is_as_undisturbed(train_classifier(frames, TINY, tmp_path), tmp_path, whole)


def test_another_seed_gives_other_weights(frames, whole, tmp_path):
    options = dataclasses.replace(TINY, seed=1, n_epochs=1)
    other = train_classifier(frames, options, tmp_path)
    assert not is_same(other.network.state_dict(), whole[1].network.state_dict())


def test_a_finished_run_is_not_trained_on(frames, whole, tmp_path):
    folder, trained = whole
    shutil.copy(folder / "checkpoint.state", tmp_path)
    again = train_classifier(frames, TINY, tmp_path)
    assert again.images_per_s == {}
    assert is_same(again.network.state_dict(), trained.network.state_dict())


def test_a_folder_of_another_run_is_refused(frames, whole):
    options = dataclasses.replace(TINY, l1=0.5)
    with pytest.raises(ConfigError, match=r"other options \(l1 0.0 -> 0.5\)"):
        train_classifier(frames, options, whole[0])


def test_history_and_speed_are_told(whole):
    _, trained = whole
    assert [row["epoch"] for row in trained.history] == [1.0, 2.0]
    assert [row["step"] for row in trained.history] == [4.0, 8.0]
    assert trained.images_per_s.keys() == {"step", "loader_and_step"}
    assert min(trained.images_per_s.values()) > 0
    assert not trained.network.training


def test_the_head_learns_first_then_all(frames, tmp_path):
    options = dataclasses.replace(TINY, head_epochs=1, checkpoint_every=99, dropout=0.0)
    states = {}

    def keep(step):
        states[step] = state_of(tmp_path)["network"]

    train_classifier(frames, options, tmp_path, on_checkpoint=keep)
    torch.manual_seed(options.seed)
    from truckcount.training.classifier.loop import open_network

    start = open_network(options).state_dict()
    moved = {n for n in start if not torch.equal(start[n], states[4][n])}
    assert moved == {"body.classifier.2.weight", "body.classifier.2.bias"}
    moved = {n for n in start if not torch.equal(start[n], states[8][n])}
    assert len(moved) > 100


def test_seed_learns_what_a_red_box_is(tmp_path):
    frames = read_frames(write_red_set(tmp_path / "set", 48))
    options = ClassifierOptions(
        batch_norm=True,
        n_epochs=5,
        batch_size=8,
        learning_rate=3e-3,
        augmentation="light",
        warmup_steps=2,
        ema_decay=0.6,
    )
    trained = train_classifier(frames, options, tmp_path / "run")
    assert trained.history[-1]["train_loss"] < 0.5 * trained.history[0]["train_loss"]
    assert trained.history[-1]["val_balanced_accuracy"] == 1.0


def test_training_stops_when_validation_no_longer_falls(frames, tmp_path):
    options = dataclasses.replace(
        TINY,
        n_epochs=40,
        patience=1,
        learning_rate=1e-12,  # nothing is learned; norms' statistics alone wander
        augmentation="none",
        checkpoint_every=99,
    )
    trained = train_classifier(frames, options, tmp_path)
    assert len(trained.history) < 40
    losses = [row["val_loss"] for row in trained.history]
    assert trained.best_epoch == losses.index(min(losses)) + 1
    assert len(losses) == trained.best_epoch + 1


def test_workers_make_the_same_batches_as_this_process(frames):
    dataset = training_set(frames, None, 48, TINY)
    keys = batch_keys(frames.rows_of("train"), 3, 4)
    here = list(BatchLoader(dataset, 0).load(keys))
    loader = BatchLoader(dataset, 2)
    there = list(loader.load(keys))
    assert len(here) == len(there) == 4
    for a, b in zip(here, there, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert len(list(loader.load(keys[2:]))) == 2


def test_the_loss_is_weighted_soft_and_shared_with_auxiliary_heads():
    logits = torch.tensor([0.3, -1.2, 2.0])
    target, weight = torch.tensor([1.0, 0.25, 0.0]), torch.tensor([1.0, 2.0, 0.0])
    p = torch.sigmoid(logits)
    each = -(target * p.log() + (1 - target) * (1 - p).log())
    want = (each[0] + 2 * each[1]) / 3
    assert classifier_loss((logits,), target, weight) == pytest.approx(float(want))
    three = classifier_loss((logits, logits, logits), target, weight)
    assert three == pytest.approx(1.6 * float(want))


def test_the_average_follows_the_weights():
    average, network = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    average.weight.data.fill_(0.0)
    network.weight.data.fill_(1.0)
    average_weights(average, network, decay=0.9, step=10_000)
    assert float(average.weight.detach()) == pytest.approx(0.1)
    average_weights(average, network, decay=0.0, step=0)
    assert float(average.weight.detach()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd"},
        {"n_epochs": 0},
        {"l1": -1.0},
        {"learning_rate": 0.0},
        {"ema_decay": 1.0},
        {"augmentation": "wild"},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        ClassifierOptions(**options)
