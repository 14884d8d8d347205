"""Training takes steps, goes on where it stopped and ships its average."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from tests.training.pictures import picture
from truckcount.errors import ConfigError
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_torch import TorchRuntime
from truckcount.presence.truckmap import TRUNK, TruckMap
from truckcount.presence.weights import find_weights
from truckcount.training.canvas import PictureDraw
from truckcount.training.loop import TrainingOptions, ViewStream, train
from truckcount.training.state_file import read_state

pytestmark = pytest.mark.usefixtures("one_torch_thread")
OPTIONS = TrainingOptions(
    n_steps=2,
    batch_size=2,
    n_workers=0,
    checkpoint_every=1,
    log_every=1,
    view_size=(96, 64),
)
DRAW = PictureDraw({"a": [picture(0), picture(1)]}, {"a": 1.0})

LAST = f"blocks.{len(TRUNK) - 1}"


def fresh():
    torch.manual_seed(0)
    return TruckMap(head_channels=8)


def state_of(folder):
    return read_state(folder / "checkpoint.state")


def options_of(folder):
    return json.loads((folder / "options.json").read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, train(fresh(), DRAW, OPTIONS, folder)


def is_moved(folder, name):
    return not torch.equal(
        fresh().state_dict()[name], state_of(folder)["network"][name]
    )


def test_two_steps_change_the_head_and_leave_the_frozen_trunk(trained):
    folder, average = trained
    assert state_of(folder)["step"] == 2
    assert is_moved(folder, "out.weight")
    assert is_moved(folder, f"{LAST}.project.conv.weight")
    assert not is_moved(folder, "stem.conv.weight")
    assert not is_moved(folder, "blocks.2.project.conv.weight")
    assert not average.training


def test_the_trunk_keeps_the_statistics_of_imagenet(trained):
    folder, _ = trained
    assert is_moved(folder, "fuse.norm.running_mean")
    assert not is_moved(folder, f"{LAST}.project.norm.running_mean")


def test_everything_moves_where_nothing_is_held(tmp_path):
    options = dataclasses.replace(
        OPTIONS, n_frozen_blocks=0, is_trunk_norm_frozen=False, reuse=3
    )
    train(fresh(), DRAW, options, tmp_path)
    assert is_moved(tmp_path, "stem.conv.weight")
    assert is_moved(tmp_path, f"{LAST}.project.norm.running_mean")


def test_what_is_returned_is_the_average_that_is_stored(trained):
    folder, average = trained
    stored = state_of(folder)["average"]
    assert all(torch.equal(v, stored[k]) for k, v in average.state_dict().items())
    assert not torch.equal(
        stored["out.weight"], state_of(folder)["network"]["out.weight"]
    )


def test_the_options_and_the_curve_are_kept_beside_the_weights(trained):
    folder, _ = trained
    assert options_of(folder) == json.loads(json.dumps(dataclasses.asdict(OPTIONS)))
    steps = [row.split(",")[0] for row in (folder / "curve.csv").read_text().split()]
    assert steps == ["1", "2"]
    assert not list(folder.glob("*.tmp"))


def test_an_interrupted_training_goes_on_where_it_stopped(trained, tmp_path):
    whole, _ = trained

    class Stopped(PictureDraw):
        """Pulls the plug once a checkpoint is there: after one step."""

        def __call__(self, rng):
            if (tmp_path / "checkpoint.state").exists():
                raise KeyboardInterrupt
            return super().__call__(rng)

    pools = {"a": [picture(0), picture(1)]}
    with pytest.raises(KeyboardInterrupt):
        train(fresh(), Stopped(pools, {"a": 1.0}), OPTIONS, tmp_path)
    assert state_of(tmp_path)["step"] == 1
    kept = options_of(tmp_path)
    train(TruckMap(head_channels=8), DRAW, OPTIONS, tmp_path)
    state = state_of(tmp_path)
    assert state["step"] == 2
    assert options_of(tmp_path) == kept == options_of(whole)
    assert state["scheduler"]["last_epoch"] == 2
    # Adam counts its steps: the second was not taken for a first
    assert {int(s["step"]) for s in state["optimizer"]["state"].values()} == {2}
    # and it saw what the second step sees, so that it ends as if never stopped
    for part in ("network", "average"):
        for name, tensor in state_of(whole)[part].items():
            assert torch.equal(tensor, state[part][name]), (part, name)


def test_views_are_the_same_for_any_number_of_workers_and_wherever_one_begins():
    def batches(n_workers, first_step):
        stream = ViewStream(DRAW, 7, (96, 64), batch_size=2, first_step=first_step)
        loader = DataLoader(stream, batch_size=2, num_workers=n_workers)
        return [b[0] for b in itertools.islice(loader, 5 - first_step)]

    whole = batches(0, 0)
    assert len({view.numpy().tobytes() for view in torch.cat(whole)}) == 10
    for n_workers, first in ((2, 0), (0, 2), (2, 3)):
        for expected, got in zip(whole[first:], batches(n_workers, first), strict=True):
            assert torch.equal(expected, got)


def test_a_folder_of_another_run_is_refused(tmp_path):
    train(fresh(), DRAW, OPTIONS, tmp_path, facts={"data": "a"})
    with pytest.raises(ConfigError, match=r"other options \(data 'a' -> 'b'\)"):
        train(fresh(), DRAW, OPTIONS, tmp_path, facts={"data": "b"})


def test_a_finished_training_is_not_done_again(trained, tmp_path):
    folder, _ = trained
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    again = train(TruckMap(head_channels=8), DRAW, OPTIONS, tmp_path)
    stored = state_of(folder)["average"]
    assert all(torch.equal(v, stored[k]) for k, v in again.state_dict().items())


def test_reused_views_are_disturbed_anew(monkeypatch):
    monkeypatch.setattr("truckcount.training.loop.BUFFERED_VIEWS", 4)
    stream = iter(ViewStream(DRAW, 0, (96, 64), reuse=10**9))
    views = [next(stream) for _ in range(40)][8:]
    heats = {heat.tobytes() for _, heat, *_ in views}
    assert len(heats) <= 8  # four views and their mirror images
    assert len({view.tobytes() for view, *_ in views}) == len(views)


SHAPES = [(32, 32), (96, 160), (192, 320), (160, 224)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s[1]}x{s[0]}")
def test_what_was_trained_is_what_runs(shape):
    """The torch network and the exported graph of the same weights agree."""
    weights = find_weights("truckmap")
    rng = np.random.default_rng(1)
    views = rng.integers(0, 256, (2, *shape, 3), np.uint8)
    graph = OnnxRuntime(weights).score_views(views)
    network = TorchRuntime(weights, "cpu").score_views(views)
    assert graph.heat.shape == (2, shape[0] // 8, shape[1] // 8)
    assert graph.heat == pytest.approx(network.heat, abs=1e-3)
    assert graph.box == pytest.approx(network.box, abs=1e-3)
