"""A few frames marked truck / no truck teach the shipped map one camera."""

import copy

import numpy as np
import pytest
import torch

from truckcount.domain.camera import Gate
from truckcount.errors import LabelError
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.truckmap import TruckMap
from truckcount.presence.weights import find_weights
from truckcount.training.own_camera import (
    BalancedDraw,
    GateFrame,
    OwnCameraOptions,
    _vary,
    cut_gate_frame,
    finetune_on_labels,
)
from truckcount.training.state_file import read_state

pytestmark = pytest.mark.usefixtures("one_torch_thread")
SIZE = (96, 64)
ROAD = Gate(name="road", polygon=((0.1, 0.2), (0.9, 0.2), (0.9, 0.9), (0.1, 0.9)))
RED, BLUE = (220, 40, 40), (40, 60, 220)
FAST = OwnCameraOptions(n_steps=24, batch_size=4, learning_rate=2e-3, seed=1)


def frame(seed, colour):
    """A grey road with one box; here the red ones are trucks."""
    rng = np.random.default_rng(seed)
    image = rng.integers(80, 110, (SIZE[1], SIZE[0], 3), np.uint8)
    x, y = int(rng.integers(15, 55)), int(rng.integers(18, 36))
    image[y : y + 16, x : x + 26] = colour
    return cut_gate_frame(image, [ROAD], SIZE)


@pytest.fixture(scope="module")
def shipped():
    return load_truckmap(find_weights("truckmap"))


@pytest.fixture(scope="module")
def marked():
    colours = [RED, BLUE] * 6
    return [frame(k, c) for k, c in enumerate(colours)], [1, 0] * 6


@torch.inference_mode()
def scores(network, frames):
    found = []
    for one in frames:
        views = torch.from_numpy(np.stack(one.views)).permute(0, 3, 1, 2)
        heat = torch.sigmoid(network(views).heat[:, 0]).numpy()
        found.append(heat[np.stack(one.masks)].max())
    return np.array(found)


@pytest.fixture(scope="module")
def tuned(shipped, marked):
    return finetune_on_labels(shipped, *marked, FAST)


def test_frames_it_has_not_seen_are_told_better(shipped, tuned):
    reds = [frame(100 + k, RED) for k in range(6)]
    blues = [frame(200 + k, BLUE) for k in range(6)]

    def apart(network):
        return scores(network, reds).min() - scores(network, blues).max()

    assert apart(tuned) > 0.3
    assert apart(shipped) < 0.1


def test_the_network_that_is_given_is_not_changed(shipped, tuned):
    again = load_truckmap(find_weights("truckmap"))
    for name, tensor in shipped.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_first_blocks_and_statistics_stay(shipped, tuned):
    before, after = shipped.state_dict(), tuned.state_dict()
    frozen = ("stem.", *(f"blocks.{k}." for k in range(FAST.count_frozen(shipped))))
    moved = {n for n in before if not torch.equal(before[n], after[n])}
    assert moved
    assert not [n for n in moved if n.startswith(frozen)]
    assert not [n for n in moved if "running" in n]


def test_a_seed_gives_the_same_weights(shipped, marked):
    short = OwnCameraOptions(n_steps=2, batch_size=2, seed=5)
    one, two = (finetune_on_labels(shipped, *marked, short) for _ in range(2))
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name


class Stopped(list):
    """Frames that pull the plug once a checkpoint is there."""

    def __init__(self, frames, folder):
        super().__init__(frames)
        self._folder = folder

    def __getitem__(self, index):
        if (self._folder / "checkpoint.state").exists():
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_an_interrupted_training_ends_as_if_it_had_not_been(shipped, marked, tmp_path):
    frames, labels = marked
    options = OwnCameraOptions(n_steps=4, batch_size=2, checkpoint_every=2)
    whole = finetune_on_labels(shipped, frames, labels, options)
    stopped = Stopped(frames, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        finetune_on_labels(shipped, stopped, labels, options, tmp_path)
    assert read_state(tmp_path / "checkpoint.state")["step"] == 2
    for _ in range(2):  # once finished, it is only read
        again = finetune_on_labels(shipped, frames, labels, options, tmp_path)
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, again.state_dict()[name]), name


def test_where_labels_say_nothing_the_map_stays(shipped, marked):
    """Held by ``keep_share``: boxes outside the gate are seen as before."""
    frames, labels = marked
    held, free = (
        finetune_on_labels(
            shipped,
            frames,
            labels,
            # Adam's first steps are as long for a small gradient as for a large one
            OwnCameraOptions(
                n_steps=24, batch_size=4, learning_rate=2e-3, keep_share=keep
            ),
        )
        for keep in (50.0, 0.0)
    )
    views = torch.from_numpy(np.stack([f.views[0] for f in frames]))
    outside = ~torch.from_numpy(np.stack([f.masks[0] for f in frames]))

    @torch.inference_mode()
    def drift(network):
        batch = views.permute(0, 3, 1, 2)
        apart = torch.sigmoid(network(batch).heat) - torch.sigmoid(shipped(batch).heat)
        return float(((apart**2) * outside[:, None]).sum())

    assert drift(held) < 0.5 * drift(free)


def test_forward_in_two_parts_is_forward(shipped):
    views = torch.randint(0, 255, (2, 3, 64, 96), dtype=torch.uint8)
    with torch.inference_mode():
        whole = shipped(views)
        for n in (0, 3, shipped.stride8_block + 1):
            parts = shipped.forward_from(shipped.forward_to(views, n), n)
            assert torch.equal(parts.heat, whole.heat), n


@pytest.mark.parametrize("seed", range(6))
def test_the_gate_moves_with_its_picture(seed):
    mask = np.zeros((24, 40), np.bool_)
    mask[6:18, 10:28] = True
    view = np.repeat(np.repeat(mask, 8, 0), 8, 1).astype(np.uint8) * 255
    plain = GateFrame(views=(np.stack([view] * 3, axis=2),), masks=(mask,))
    moved = _vary(np.random.default_rng(seed), plain, share=0.0)
    seen = moved.views[0][4::8, 4::8, 0] > 127
    assert (seen == moved.masks[0]).mean() > 0.96
    assert not np.array_equal(moved.masks[0], mask)


def test_several_views_of_a_wide_gate_are_one_frame(shipped):
    """A truck seen in one tile of a wide gate makes the whole frame's score."""
    wide = Gate(name="w", polygon=((0, 0.3), (1, 0.3), (1, 0.7), (0, 0.7)))
    image = np.full((60, 320, 3), 90, np.uint8)
    frames = [cut_gate_frame(image, [wide], SIZE) for _ in range(2)]
    assert len(frames[0].views) > 1
    options = OwnCameraOptions(n_steps=1, batch_size=2)
    assert isinstance(finetune_on_labels(shipped, frames, [1, 0], options), TruckMap)


def test_one_class_alone_can_be_taught(shipped, marked):
    """Most cameras' first labels are empty roads."""
    frames = copy.copy(marked[0])[1::2]
    options = OwnCameraOptions(n_steps=6, batch_size=4, learning_rate=1e-3)
    tuned = finetune_on_labels(shipped, frames, [0] * len(frames), options)
    assert scores(tuned, frames).max() <= scores(shipped, frames).max() + 1e-3


BAD = {
    "no frames": ([], [], "one label a frame"),
    "fewer labels": ([0, 1], [1], "one label a frame"),
    "no label": ([0], [2], r"in \[0, 1\]"),
}


@pytest.mark.parametrize("name", BAD)
def test_labels_that_do_not_fit_are_refused(shipped, marked, name):
    rows, labels, told = BAD[name]
    with pytest.raises(LabelError, match=told):
        finetune_on_labels(shipped, [marked[0][k] for k in rows], labels)


@pytest.mark.parametrize(
    "change", [{"n_steps": 0}, {"batch_size": 1}, {"learning_rate": 0.0}]
)
def test_options_that_cannot_be_are_refused(change):
    with pytest.raises(LabelError):
        OwnCameraOptions(**change)


SHIPPED = {"truckmap": 4, "truckmap-m": 5, "truckmap-l": 5}


@pytest.mark.parametrize("model", SHIPPED)
def test_all_weights_learn_from_where_their_own_trunk_leaves_stride_8(marked, model):
    """Where it does was read off another trunk: that of the newest code."""
    network, n = load_truckmap(find_weights(model)), SHIPPED[model]
    options = OwnCameraOptions(n_steps=1, batch_size=2)
    tuned = finetune_on_labels(network, *marked, options).state_dict()
    before = network.state_dict()
    moved = {
        name.split(".")[1]
        for name in before
        if name.startswith("blocks.") and not torch.equal(before[name], tuned[name])
    }
    assert moved == {str(k) for k in range(n, len(network.trunk))}
    with pytest.raises(LabelError, match=f"0 to {n}, where stride 8"):
        finetune_on_labels(network, *marked, OwnCameraOptions(n_frozen_blocks=n + 1))


def test_frames_are_drawn_by_their_weight_among_their_kind():
    """A label set's weight had no say in what its camera's map was taught."""
    truth = np.array([1, 1, 0, 0, 0], np.float32)
    weights = np.array([3.0, 1.0, 1.0, 1.0, 0.0])
    drawn = BalancedDraw(truth, weights)(np.random.default_rng(0), 4000)
    shares = np.bincount(drawn, minlength=5) / 4000
    assert shares == pytest.approx([0.375, 0.125, 0.25, 0.25, 0], abs=0.02)
    even = [
        BalancedDraw(truth, np.full(shape, 2.0))(np.random.default_rng(1), 50)
        for shape in ((), 5)
    ]
    assert np.array_equal(*even)
    assert set(even[0]) == set(range(5))
