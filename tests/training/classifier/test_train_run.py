"""From a label set to a counted clip, by the commands a user types."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tests.conftest import write_clip
from tests.training.classifier.red_frames import SIDE_PX, write_red_set
from truckcount.cli.train import NETWORKS as CLI_NETWORKS
from truckcount.cli.train import train
from truckcount.errors import ConfigError, LabelError
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.weights import find_weights
from truckcount.presence.zoo import NETWORKS
from truckcount.presence.zoo.runtime import ClassifierRuntime
from truckcount.training.classifier.frames import fingerprint, read_frames
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.run_folder import train_run
from truckcount.training.classifier.truckmap_run import (
    TruckMapOptions,
    train_truckmap_run,
)

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("one_torch_thread")
SIZE = (96, 72)
ARGUMENTS = [
    "--network",
    "seed",
    "--batch-norm",
    "--dropout",
    "0.1",
    "--epochs",
    "5",
    "--batch",
    "4",
    "--learning-rate",
    "0.003",
    "--augment",
    "none",
    "--workers",
    "0",
    "--device",
    "cpu",
    "--json",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder of the seed network and what the command printed."""
    pytest.importorskip("onnx")
    root = tmp_path_factory.mktemp("train")
    folder = write_red_set(root / "set", 36)
    result = CliRunner().invoke(
        train, [str(folder), "--run", str(root / "run"), *ARGUMENTS]
    )
    assert result.exit_code == 0, result.output
    return root / "run", json.loads(result.stdout)


@pytest.fixture(scope="module")
def weights(run):
    return find_weights(str(run[0] / "seed.safetensors"))


def test_a_run_folder_holds_what_a_reader_asks_for(run):
    folder, told = run
    for name in ("config.json", "curves.csv", "curves.png", "metrics.json"):
        assert (folder / name).stat().st_size > 0, name
    config = json.loads((folder / "config.json").read_text())
    assert config["options"]["dropout"] == 0.1
    assert config["frames"] == {"train": 24, "val": 6, "test": 6}
    assert len((folder / "curves.csv").read_text().splitlines()) == 6
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["splits"]["test"]["n"] == 6
    assert metrics["images_per_s"]["loader"] > 0
    assert metrics["images_per_s"]["step"] > 0
    assert {k: told[k] for k in metrics} == metrics
    assert told["weights"].endswith("seed.safetensors")


def test_predictions_are_of_every_frame_with_its_split(run):
    table = pd.read_parquet(run[0] / "predictions.parquet")
    assert list(table) == [
        "image", "split", "camera", "light", "group", "day", "label", "weight", "p",
    ]  # fmt: skip
    assert set(table["day"]) == {"2026-03-02"}
    assert table["split"].value_counts().to_dict() == {"train": 24, "val": 6, "test": 6}
    assert set(table["label"]) == {0.0, 1.0}
    assert table["p"].between(0, 1).all()
    right = ((table["p"] >= 0.5) == (table["label"] >= 0.5)).mean()
    metrics = json.loads((run[0] / "metrics.json").read_text())
    n = sum(s["n"] for s in metrics["splits"].values())
    told = sum(s["n"] * s["accuracy"] for s in metrics["splits"].values()) / n
    assert right == pytest.approx(told)


def test_weights_say_what_they_are(run, weights):
    header = weights.header
    assert header.network == header.name == "seed"
    assert not weights.has_peaks
    assert header.view_size == (352, 352)
    assert header.classes == ("truck",)
    assert header.licence
    assert "24 frames" in header.training
    config = json.loads((run[0] / "config.json").read_text())
    assert header.data_fingerprint == config["data_fingerprint"]
    # one file holds the numbers: the graph points into it
    assert weights.graph_path.stat().st_size < 0.1 * weights.path.stat().st_size


@pytest.mark.parametrize("shape", [(352, 352), (96, 160)], ids=str)
def test_graph_and_torch_give_the_same_scores(weights, shape):
    rng = np.random.default_rng(0)
    views = rng.integers(0, 256, (3, *shape, 3), np.uint8)
    graph = OnnxRuntime(weights).score_views(views)
    network = ClassifierRuntime(weights, "cpu").score_views(views)
    assert graph.is_whole_view
    assert network.is_whole_view
    assert graph.heat == pytest.approx(network.heat, abs=1e-4)


def test_a_clip_is_counted_by_presence_alone(weights, tmp_path):
    """A red box stays from second 2 to second 5: one truck, no path, no direction."""
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.run import run_paths

    rng = np.random.default_rng(3)

    def image(k):
        road = rng.integers(70, 110, (SIZE[1], SIZE[0], 3), np.uint8)
        is_truck = 20 <= k < 50
        road[20:44, 30:66] = (220, 40, 40) if is_truck else (150, 150, 150)
        return road

    clip = write_clip(tmp_path / "gate.mp4", 80, fps=10, size=SIZE, image=image)
    options = RunOptions(
        model=str(weights.path), store=tmp_path / "store", start="2026-03-02T08:00:00Z"
    )
    result = run_paths([str(clip)], options)
    assert result.exit_code == 0
    (passage,) = [p for p in result.to_json()["passages"] if p["is_counted"]]
    assert passage["onset_utc"].startswith("2026-03-02T08:00:02")
    assert passage["offset_utc"].startswith(
        ("2026-03-02T08:00:04", "2026-03-02T08:00:05")
    )
    assert passage["direction"] == "any"
    assert not passage["path"]
    assert result.totals["n_trucks"] == 1


def test_the_same_command_again_changes_nothing(run, weights):
    folder, told = run
    before = (folder / "seed.safetensors").read_bytes()
    set_folder = folder.parent / "set"
    result = CliRunner().invoke(
        train, [str(set_folder), "--run", str(folder), *ARGUMENTS]
    )
    assert result.exit_code == 0, result.output
    assert (folder / "seed.safetensors").read_bytes() == before
    assert json.loads(result.stdout)["weights_sha256"] == told["weights_sha256"]


def test_a_run_of_other_options_is_refused_and_keeps_what_it_says(run):
    folder, _ = run
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    arguments = [str(folder.parent / "set"), "--run", str(folder), *ARGUMENTS]
    result = CliRunner().invoke(train, [*arguments, "--l1", "0.5"])
    assert isinstance(result.exception, ConfigError)
    assert "l1 0.0 -> 0.5" in str(result.exception)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_the_command_offers_every_network():
    assert (*NETWORKS, "truckmap") == CLI_NETWORKS


def test_labels_of_gates_train_a_classifier_on_its_views(tmp_path):
    folder = write_red_set(tmp_path / "set", 24)
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(
        '[cameras.north]\nmatch = ["*"]\n[[cameras.north.gates]]\nname = "g"\n'
        "polygon = [[0, 0], [1, 0], [1, 0.6], [0, 0.6]]\n"
    )
    result = CliRunner().invoke(
        train,
        [
            str(folder), "--run", str(tmp_path / "run"), "--cameras", str(cameras),
            "--network", "mobilenet_v3_small", "--input-px", "64", "--epochs", "1",
            "--batch", "4", "--workers", "0", "--device", "cpu", "--json",
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data_fingerprint"] != fingerprint(read_frames(folder))
    assert config["cameras"] == str(cameras)
    (pack,) = (folder / ".packed").glob("*.json")
    assert {height for _, height in json.loads(pack.read_text())["sizes"]} != {SIDE_PX}


@pytest.mark.parametrize("network", ["seed", "truckmap"])
def test_clips_that_are_not_there_are_missed_before_training(tmp_path, network):
    frames = write_red_set(tmp_path / "set")
    clips, folder = tmp_path / "clips", tmp_path / "run"
    clips.mkdir()
    (clips / "passages.csv").write_text("clip,direction,onset_s,offset_s,scored\n")
    (clips / "clips.csv").write_text(
        "clip,file,camera,group,role,light,annotated_until_s\na,a.mp4,c,g,val,day,9\n"
    )
    attempt = {
        "seed": lambda: train_run(frames, ClassifierOptions(), folder, clips=clips),
        "truckmap": lambda: train_truckmap_run(
            frames, TruckMapOptions(clips=clips), folder
        ),
    }[network]
    with pytest.raises(LabelError, match=r"a\.mp4 does not exist"):
        attempt()
    assert not folder.exists()


def test_figures_of_a_run_are_of_the_threshold_that_its_clips_gave(
    tmp_path, monkeypatch
):
    """As in the report and in `evaluate frames`, which read it from the weights."""
    from truckcount.training.classifier import run_folder
    from truckcount.training.clip_thresholds import ClipThresholds
    from truckcount.training.thresholds import Thresholds

    chosen = ClipThresholds(
        thresholds=Thresholds(0.97, None, 0.6),
        n_clips=1,
        n_truth=1,
        mean_count_error=0.0,
        folder=tmp_path,
    )
    monkeypatch.setattr(run_folder, "check_clips", lambda *_: None)
    monkeypatch.setattr(run_folder, "choose_on_clips", lambda *_: chosen)
    options = ClassifierOptions(
        network="seed", batch_norm=True, n_epochs=2, batch_size=4,
        learning_rate=0.003, augmentation="none",
    )  # fmt: skip
    folder = tmp_path / "run"
    result = train_run(
        write_red_set(tmp_path / "set", 36), options, folder, clips=tmp_path
    )
    table = pd.read_parquet(folder / "predictions.parquet")
    table = table[table["split"] == "test"]
    assert (table["p"] >= 0.5).sum() != (table["p"] >= 0.97).sum()
    right = ((table["p"] >= 0.97) == (table["label"] >= 0.5)).mean()
    assert result.metrics["splits"]["test"]["accuracy"] == pytest.approx(right)


def test_a_network_that_tells_nothing_is_called_so(tmp_path):
    folder = write_red_set(tmp_path / "set")
    result = CliRunner().invoke(
        train,
        [
            str(folder), "--run", str(tmp_path / "run"), "--network",
            "mobilenet_v3_small", "--input-px", "64", "--epochs", "1", "--batch", "8",
            "--learning-rate", "1e-9", "--workers", "0", "--device", "cpu",
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    is_chance = metrics["splits"]["val"]["balanced_accuracy"] <= 0.5
    assert is_chance
    assert "no better than chance" in result.stderr


@pytest.mark.parametrize("network", ["seed", "truckmap"])
def test_gates_of_cameras_that_the_labels_do_not_have_are_refused(tmp_path, network):
    folder = write_red_set(tmp_path / "set")
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(
        '[cameras.south]\n[[cameras.south.gates]]\nname = "g"\n'
        "polygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n"
    )
    arguments = [folder, "--run", tmp_path / "run", "--cameras", cameras]
    result = CliRunner().invoke(
        train, [*map(str, arguments), "--network", network, "--workers", "0"]
    )
    assert isinstance(result.exception, LabelError)
    assert "has the cameras south, but the frames are of north" in str(result.exception)
    assert not (tmp_path / "run").exists()
