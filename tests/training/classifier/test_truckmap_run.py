"""A label set, with boxes or without, to truckmap weights for its cameras."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tests.training.classifier.red_frames import write_red_set
from truckcount.cli.train import train
from truckcount.errors import ConfigError, LabelError
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.weights import find_weights
from truckcount.training.classifier.frames import read_frames
from truckcount.training.classifier.truckmap_run import (
    TruckMapOptions,
    read_pictures,
    train_truckmap_run,
)

pytest.importorskip("matplotlib")
pytest.importorskip("onnx")
pytestmark = pytest.mark.usefixtures("one_torch_thread")
REST = ["--steps", "2", "--batch", "2", "--workers", "0", "--json"]


def run_train(*arguments):
    return CliRunner().invoke(train, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A run on frames that somebody marked truck / no truck, without any box."""
    root = tmp_path_factory.mktemp("own")
    folder = write_red_set(root / "set", 36, has_boxes=False)
    result = run_train(
        folder, "--from", "truckmap", "--run", root / "run", "--json",
        "--steps", "16", "--batch", "4", "--learning-rate", "0.002",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return root / "run", json.loads(result.stdout)


def test_frames_without_boxes_teach_the_map(taught):
    _, told = taught
    assert told["taught_by"] == "frames"
    after, before = told["splits"]["test"], told["splits_before"]["test"]
    assert after["balanced_accuracy"] == 1.0
    assert before["balanced_accuracy"] < 0.8


def test_the_header_says_what_the_thresholds_were_chosen_by(taught):
    folder, told = taught
    header = find_weights(str(folder)).header  # `run --model RUNFOLDER`
    assert header.thresholds == find_weights("truckmap").header.thresholds
    assert "of 6 validation frames those with a truck (3)" in header.thresholds_by
    assert "no count error" in header.thresholds_by
    assert told["thresholds_by"] == header.thresholds_by
    assert told["border"]["n_validation_frames"] == 6
    shift = told["border"]["shift"]
    assert f"truck logits plus {shift:.3f}" in header.thresholds_by
    assert header.size_gain == find_weights("truckmap").header.size_gain


def test_what_the_run_measured_is_what_its_weights_say(taught):
    folder, told = taught
    table = pd.read_parquet(folder / "predictions.parquet")
    test = table[table["split"] == "test"]
    on_score = dict(find_weights(str(folder)).header.thresholds)["on"]
    right = (test["p"] >= on_score) == (test["label"] >= 0.5)
    assert right.mean() == told["splits"]["test"]["accuracy"]
    assert set(table["group"]) == {"g"}


def test_a_run_with_other_options_wants_a_folder_of_its_own(taught):
    folder, _ = taught
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    result = run_train(
        folder.parent / "set", "--from", "truckmap", "--run", folder, *REST
    )
    assert isinstance(result.exception, ConfigError)
    assert "n_steps 16 -> 2" in str(result.exception)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_labels_of_a_gate_are_taught_within_it(tmp_path):
    folder = write_red_set(tmp_path / "set", 24, has_boxes=False)
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(
        '[cameras.north]\nmatch = ["*"]\n[[cameras.north.gates]]\nname = "g"\n'
        "polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]\n"
    )
    result = run_train(
        folder, "--from", "truckmap", "--run", tmp_path / "run", "--cameras", cameras,
        *REST,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["taught_by"] == "frames"


def test_boxes_teach_where_there_are_any(tmp_path):
    folder = write_red_set(tmp_path / "set")
    result = run_train(
        folder, "--network", "truckmap", "--run", tmp_path / "run", *REST
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["taught_by"] == "boxes"
    assert told["splits"].keys() == told["splits_before"].keys()
    weights = find_weights(told["weights"])
    assert weights.has_peaks
    assert "2 steps on 16 frames from truckmap@sha256:" in weights.header.training
    maps = OnnxRuntime(weights).score_views(np.zeros((1, 64, 96, 3), np.uint8))
    assert maps.heat.shape == (1, 8, 12)
    assert len(pd.read_parquet(tmp_path / "run" / "predictions.parquet")) == 24


def test_boxes_asked_for_and_not_there_say_what_to_do(tmp_path):
    folder = write_red_set(tmp_path / "set", has_boxes=False)
    options = TruckMapOptions(teach_by="boxes")
    with pytest.raises(LabelError, match="no training frame has a truck box"):
        train_truckmap_run(folder, options, tmp_path / "run")


MAP, SEED = ["--network", "truckmap"], ["--network", "seed"]
REFUSED = {
    "of the zoo": ([*MAP, "--dropout", "0.5"], "is of the zoo"),
    "a yes of the zoo": ([*MAP, "--amp"], "--amp is of the zoo"),
    "a choice of the zoo": ([*MAP, "--augment", "none"], "--augment is of the zoo"),
    "a device": ([*MAP, "--device", "cuda"], "learns on the CPU"),
    "steps": ([*SEED, "--steps", "9"], "--steps is of truckmap; seed takes --epochs"),
    "teach": ([*SEED, "--teach", "boxes"], "--teach is of truckmap"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_of_the_other_kind_of_network_are_refused(tmp_path, name):
    arguments, told = REFUSED[name]
    result = run_train(tmp_path, "--run", "r", *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())


def test_boxes_are_those_of_the_most_trusted_labeller(tmp_path):
    folder = write_red_set(tmp_path / "set")
    path = folder / "boxes.parquet"
    mine = pd.read_parquet(path).assign(score=np.nan, source="person", labeller="ana")
    others = mine.assign(x1=0.0, y1=0.0)
    tables = [
        mine,
        others.assign(labeller="bob"),
        others.assign(score=0.9, source="model", labeller="m"),
    ]
    pd.concat(tables).to_parquet(path)
    frames = read_frames(folder)
    expected = mine.set_index("image")[["x1", "y1", "x2", "y2"]]
    for image, boxes in frames.boxes.items():
        assert boxes.tolist() == [expected.loc[image].tolist()]
    for picture in read_pictures(frames):
        assert picture.boxes.tolist() == [expected.loc[picture.name].tolist()]
    tables[2].assign(score=0.3).to_parquet(path)
    assert not read_frames(folder).has_boxes
