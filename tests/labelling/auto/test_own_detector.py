"""A classifier of ours says of a picture that a truck is in it, and draws no box."""

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="onnx, which writes the graphs, is not installed")

from tests.labelling.pieces import make_set
from truckcount.labelling.auto.choose import open_detector
from truckcount.labelling.auto.labels import auto_label
from truckcount.presence.weights import find_weights
from truckcount.presence.zoo.factory import build_network
from truckcount.presence.zoo.runtime import ClassifierRuntime
from truckcount.training.classifier.export import ExportFacts, export_classifier


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder of a small network that was never trained."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(1)
    network = build_network("mobilenet_v3_small", input_px=64)
    torch.nn.init.normal_(network.head.weight, std=0.5)
    facts = ExportFacts(
        name="small", data_fingerprint="none", training="none",
        config={"input_px": 64},
    )  # fmt: skip
    export_classifier(network, folder / "small.safetensors", facts)
    return folder


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)


def test_a_picture_gets_what_the_network_says_of_it(run):
    detector = open_detector(str(run), device="cpu")
    found = detector.detect(picture())
    runtime = ClassifierRuntime(find_weights(str(run)), "cpu")
    assert found.p_truck == pytest.approx(
        float(runtime.score_views(picture()[None]).heat[0, 0, 0]), abs=1e-3
    )
    assert 0 < found.p_truck < 1
    assert len(found) == 0


def test_of_several_tiles_the_surest_counts(run):
    whole = open_detector(str(run), device="cpu")
    tiled = open_detector(str(run), tiles=2, device="cpu")
    assert len(tiled._gates) == 4
    assert tiled.detect(picture()).p_truck != whole.detect(picture()).p_truck


def test_its_labels_stand_in_the_set_without_boxes(run, tmp_path):
    made, _ = make_set(tmp_path / "set", 3)
    done = auto_label(made, open_detector(str(run), device="cpu"))
    assert (done.n_pictures, done.n_boxes) == (3, 0)
    labels = made.labels
    assert set(labels["source"]) == {"model"}
    assert labels["labeller"].str.startswith("small@sha256:").all()
    assert ((labels["p_truck"] >= 0.5) == (labels["label"] == "truck")).all()
