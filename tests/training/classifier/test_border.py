"""A network whose scores moved is brought back to its start's thresholds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.classifier.red_frames import write_red_set
from truckcount.evaluation.score_frames import gates_of
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.weights import find_weights
from truckcount.training.classifier.border import settle_border
from truckcount.training.classifier.frames import read_frames
from truckcount.training.classifier.gate_frames import GateFrames, score_gate_frames
from truckcount.training.score_shift import fit_shift

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def frames(tmp_path):
    # all but one frame of each kind are validation frames
    splits = ["train", "train", *["val"] * 22]
    return read_frames(write_red_set(tmp_path / "set", 24, splits=splits))


def test_what_the_validation_frames_ask_for_is_in_the_weights(frames):
    base = find_weights("truckmap")
    gates = gates_of(None, frames.camera.tolist(), frames.folder)
    network = load_truckmap(base)
    rows = frames.rows_of("val")
    views = GateFrames(frames, rows, gates, base.header.view_size)
    labels = frames.p_truck[rows]
    # whatever it says of drawn frames: half a logit apart, and all far down
    before = score_gate_frames(network, views)
    with torch.no_grad():
        network.out.bias[0] -= before.max() + 6
    fallen = score_gate_frames(network, views)
    border = settle_border(network, frames, gates, base)
    thresholds = dict(base.header.thresholds)
    wanted = base.header.temperature * fit_shift(
        fallen / base.header.temperature, labels, thresholds["on"], thresholds["off"]
    )
    assert border.shift == pytest.approx(wanted)
    assert border.shift > 3
    np.testing.assert_allclose(
        score_gate_frames(network, views), fallen + border.shift, atol=1e-3
    )
    assert (border.n_frames, border.n_truck) == (22, 11)
    assert "(11)" in border.told


def test_frames_of_one_kind_leave_the_weights_alone(frames):
    frames = replace(frames, p_truck=np.zeros_like(frames.p_truck))
    network = load_truckmap(find_weights("truckmap"))
    before = network.out.bias.clone()
    gates = gates_of(None, frames.camera.tolist(), frames.folder)
    border = settle_border(network, frames, gates, find_weights("truckmap"))
    assert border.shift == 0
    assert torch.equal(network.out.bias, before)
    assert "nothing says where its border is" in border.told
