"""A classifier learns on from weights of an earlier run of the same network."""

import json
import re
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from tests.training.classifier.red_frames import write_red_set
from truckcount.cli.train import train
from truckcount.errors import ConfigError, WeightsError
from truckcount.presence.weights import find_weights
from truckcount.presence.zoo.factory import build_network
from truckcount.training.classifier.export import ExportFacts, export_classifier
from truckcount.training.classifier.frames import frame_table, read_frames
from truckcount.training.classifier.loop import open_network
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.run_folder import train_run
from truckcount.training.classifier.start import warn_of_overlap
from truckcount.training.classifier.truckmap_run import (
    TruckMapOptions,
    train_truckmap_run,
)

FACTS = ExportFacts(name="before", data_fingerprint="0", training="a test")


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Random weights of a small network that sees 96 px, as a run leaves them."""
    folder = tmp_path_factory.mktemp("before")
    torch.manual_seed(5)
    network = build_network("mobilenet_v3_small", input_px=96)
    with torch.no_grad():
        for buffer in network.buffers():
            if buffer.dtype.is_floating_point and buffer.dim() == 1:
                buffer.add_(torch.rand_like(buffer))
    export_classifier(network, folder / "before.safetensors", FACTS)
    return folder


def options(before, **changes):
    return ClassifierOptions(network="mobilenet_v3_small", start=str(before), **changes)


def test_held_out_frames_that_the_first_run_learned_from_are_told(
    before, tmp_path, caplog
):
    frames = read_frames(write_red_set(tmp_path / "set"))
    weights = find_weights(str(before))
    warn_of_overlap(weights, frames)
    table = frame_table(frames)
    table.loc[table["split"] == "val", "split"] = "train"
    kept = before / "predictions.parquet"
    table.to_parquet(kept)
    try:
        assert not caplog.text
        warn_of_overlap(weights, frames)
    finally:
        kept.unlink()
    assert "4 of 8 frames of val and test are frames that" in caplog.text


def test_it_opens_with_the_weights_it_starts_from(before):
    torch.manual_seed(9)  # whatever the random start
    begun = open_network(options(before))
    written = load_file(before / "before.safetensors")
    held = begun.state_dict()
    assert all(torch.equal(held[name], tensor) for name, tensor in written.items())
    assert begun.input_px == 96
    anew = ClassifierOptions(network="mobilenet_v3_small", input_px=96)
    other = open_network(anew).state_dict()
    assert any(not torch.equal(other[name], written[name]) for name in written)


def test_a_size_that_is_told_goes_before_that_of_the_file(before):
    assert open_network(options(before, input_px=64)).input_px == 64


def test_a_run_goes_on_from_what_it_knew(before, tmp_path):
    """At a rate of nearly nothing a run ends with what it began with."""
    frames = write_red_set(tmp_path / "set")
    chosen = options(
        before, n_epochs=1, learning_rate=1e-9, augmentation="none", ema_decay=0
    )
    result = train_run(frames, chosen, tmp_path / "run")
    begun, ended = (
        dict(open_network(options(folder)).named_parameters())
        for folder in (before, result.weights)
    )
    assert all(torch.allclose(begun[k], ended[k], atol=1e-6) for k in begun)
    assert json.loads((tmp_path / "run/config.json").read_text())["options"][
        "start"
    ] == str(before)
    # the file tells where its weights come from, not of a start that was thrown away
    told = find_weights(str(result.weights)).header.training
    assert find_weights(str(before)).model_id in told
    assert "Kaiming" not in told


def test_a_run_does_not_go_on_from_another_start(before, tmp_path):
    frames = write_red_set(tmp_path / "set")
    train_run(frames, options(before, n_epochs=1), tmp_path / "run")
    torch.manual_seed(6)
    other = tmp_path / "other.safetensors"
    export_classifier(build_network("mobilenet_v3_small", input_px=96), other, FACTS)
    with pytest.raises(ConfigError, match="holds a run with other options"):
        train_run(frames, options(other, n_epochs=1), tmp_path / "run")


def test_other_networks_are_refused(before, tmp_path):
    with pytest.raises(ConfigError, match="holds mobilenet_v3_small, not seed"):
        open_network(ClassifierOptions(network="seed", start=str(before)))
    with pytest.raises(ConfigError, match="holds truckmap, not seed"):
        open_network(ClassifierOptions(network="seed", start="truckmap"))
    plain = tmp_path / "plain.safetensors"
    export_classifier(build_network("seed"), plain, FACTS)
    with pytest.raises(ConfigError, match="other layers"):
        open_network(
            ClassifierOptions(network="seed", batch_norm=True, start=str(plain))
        )
    with pytest.raises(ConfigError, match="not from both"):
        options(before, is_pretrained=True)
    with pytest.raises(WeightsError, match="do not exist"):
        open_network(options(tmp_path / "none.safetensors"))


def test_batch_norms_are_as_the_start_has_them(tmp_path):
    path = tmp_path / "normed.safetensors"
    facts = replace(FACTS, config={"batch_norm": True})
    export_classifier(build_network("seed", batch_norm=True), path, facts)
    begun = open_network(ClassifierOptions(network="seed", start=str(path)))
    assert torch.equal(
        begun.state_dict()["body.norm1.weight"],
        load_file(path)["body.norm1.weight"],
    )
    with pytest.raises(ConfigError, match="leave --batch-norm"):
        open_network(
            ClassifierOptions(network="seed", batch_norm=False, start=str(path))
        )


def test_a_truck_map_does_not_start_from_a_classifier(before, tmp_path):
    frames = write_red_set(tmp_path / "set")
    chosen = TruckMapOptions(from_weights=str(before))
    with pytest.raises(ConfigError, match="holds mobilenet_v3_small, not truckmap"):
        train_truckmap_run(frames, chosen, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_heads_that_no_file_holds_begin_anew(tmp_path):
    """GoogLeNet's auxiliary heads help training alone and are not written."""
    path = tmp_path / "google.safetensors"
    export_classifier(build_network("googlenet", input_px=64), path, FACTS)
    begun = open_network(ClassifierOptions(network="googlenet", start=str(path)))
    assert len(begun.train().forward_all(torch.zeros(2, 3, 64, 64))) == 3


def test_the_command_trains_what_the_weights_are_of(before, tmp_path):
    frames = write_red_set(tmp_path / "set")
    arguments = [str(frames), "--from", str(before), "--run", str(tmp_path / "run")]
    done = CliRunner().invoke(
        train, [*arguments, "--epochs", "1", "--workers", "0", "--quiet"]
    )
    assert done.exit_code == 0, done.output
    header = find_weights(str(tmp_path / "run")).header
    assert (header.network, header.input_px) == ("mobilenet_v3_small", 96)


def test_the_command_says_what_does_not_go_together(before, tmp_path):
    frames = write_red_set(tmp_path / "set")
    run = ["--run", str(tmp_path / "run")]
    both = CliRunner().invoke(
        train, [str(frames), "--from", str(before), "--pretrained", *run]
    )
    assert both.exit_code == 2
    assert re.search("starts from one of them", both.output)
