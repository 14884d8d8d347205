"""The training scripts: from a folder to a pack, and from a pack to a step."""

import json
import runpy
import sys
from functools import partial

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model
from tests.training.shared_data import write_shared_data
from truckcount.labelling.label_set import LabelSet
from truckcount.presence.weights import WEIGHTS_FOLDER, find_weights, read_header

pytestmark = pytest.mark.usefixtures("one_torch_thread")
SCRIPTS = ROOT / "pipelines" / "train"
SMALL = ["--steps", "1", "--batch", "2", "--view", "96", "64", "--workers", "0"]


WEIGHTS = sorted(WEIGHTS_FOLDER.glob("*.safetensors"))


def has_refine(path):
    return "refine.conv.weight" in read_header(path)[1]


def run_script(monkeypatch, name, *arguments):
    """Run a script as `python pipelines/train/NAME` does; return its exit status."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    try:
        runpy.run_path(str(SCRIPTS / name), run_name="__main__")
    except SystemExit as stopped:
        return stopped.code
    return 0


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return write_shared_data(tmp_path_factory.mktemp("shared"))


def train(monkeypatch, data, run, *arguments):
    weights = WEIGHTS_FOLDER / "truckmap.safetensors"
    assert not run_script(
        monkeypatch, "train_truckmap.py", "--data", data, "--run", run,
        "--from-weights", weights, *SMALL, *arguments,
    )  # fmt: skip
    assert (run / "checkpoint.state").is_file()
    return json.loads((run / "data.json").read_text())


def test_a_pack_trains_as_its_folder_does(shared, tmp_path, monkeypatch):
    pack = tmp_path / "data.zip"
    assert not run_script(monkeypatch, "pack_data.py", "--data", shared, "--to", pack)
    one = train(monkeypatch, shared, tmp_path / "one")
    two = train(monkeypatch, pack, tmp_path / "two")
    assert one["pictures"] == two["pictures"]
    assert one["shares"] == two["shares"]
    assert one["licences"] == two["licences"]
    assert one["fingerprint"] != two["fingerprint"]  # other pixels, and it says so


@pytest.mark.parametrize("form", ["half", "small"])
def test_shipped_weights_are_slimmed_and_slimmed_on(
    shared, tmp_path, monkeypatch, form
):
    monkeypatch.syspath_prepend(SCRIPTS)
    wide = find_weights("truckmap-l").path
    heard = tmp_path / "heard"
    assert not run_script(
        monkeypatch, "hear_views.py", "--teacher", wide, "--teacher", "truckmap",
        "--data", shared, "--to", heard, "--views", "4", "--view", "96", "64",
    )  # fmt: skip
    assert "other weights" in run_script(
        monkeypatch, "hear_views.py", "--teacher", "truckmap", "--data", shared,
        "--to", heard, "--views", "4", "--view", "96", "64",
    )  # fmt: skip
    small = ["--steps", "1", "--batch", "2", "--wide", wide, "--heard", heard]
    small += ["--form", form, "--early-steps", "1", "--views", "25"]
    one, two = tmp_path / "one", tmp_path / "two"
    assert not run_script(monkeypatch, "slim_truckmap.py", "--run", one, *small)
    slim = export(monkeypatch, one, tmp_path, "first")
    assert slim.path.stat().st_size < 0.7 * wide.stat().st_size
    further = ["--run", two, "--start", slim.path]
    assert not run_script(monkeypatch, "slim_truckmap.py", *further, *small)
    told = json.loads((two / "data.json").read_text())
    assert told["from_weights"].startswith("first")
    assert "taught on by" in told["from_weights"]
    assert len(told["teachers"]) == 2
    assert export(monkeypatch, two, tmp_path, "then").header.trunk == slim.header.trunk
    assert "other weights" in run_script(
        monkeypatch, "slim_truckmap.py", "--run", two, *small
    )


def test_views_heard_of_other_teachers_are_not_learned_together(
    shared, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(SCRIPTS)
    folders = [tmp_path / name for name in ("truckmap", "truckmap-m")]
    for folder in folders:
        assert not run_script(
            monkeypatch, "hear_views.py", "--teacher", folder.name, "--data", shared,
            "--to", folder, "--views", "2", "--view", "96", "64",
        )  # fmt: skip
    both = ["--heard", folders[0], "--heard", folders[1]]
    assert "heard of other teachers" in run_script(
        monkeypatch, "slim_truckmap.py", "--wide", "truckmap-l", *both,
        "--run", tmp_path / "run", "--start", "truckmap",
    )  # fmt: skip


def export(monkeypatch, run, folder, name):
    assert run_script(
        monkeypatch, "export_truckmap.py", "--run", run, "--to", folder, "--name", name
    ) in (0, None)
    return find_weights(str(folder / f"{name}.safetensors"))


def test_weights_are_part_of_a_mean(shared, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    train(monkeypatch, shared, tmp_path / "run")
    arguments = ["--to", tmp_path, "--weights", "truckmap"]
    export_it = partial(run_script, monkeypatch, "export_truckmap.py")
    assert export_it(*arguments, "--name", "same") in (0, None)
    run = ["--run", tmp_path / "run"]
    assert export_it(*run, "--to", tmp_path, "--name", "run") in (0, None)
    assert export_it(*arguments, *run, "--name", "mean") in (0, None)
    start, same, run_alone, mean = (
        load_file(path)
        for path in (
            find_weights("truckmap").path,
            *(tmp_path / f"{name}.safetensors" for name in ("same", "run", "mean")),
        )
    )
    assert start.keys() == same.keys() == mean.keys()
    for name, tensor in start.items():
        assert torch.equal(same[name], tensor), name
        middle = (tensor.float() + run_alone[name].float()) / 2
        assert torch.allclose(mean[name].float(), middle, atol=1e-3, rtol=2e-3), name
    assert (
        "mean of: truckmap@"
        in find_weights(str(tmp_path / "mean.safetensors")).header.training
    )
    refused = export_it(*arguments, "--weights", "truckmap-l", "--name", "both")
    assert "different networks" in refused


def test_a_pack_over_the_limit_is_an_error(shared, tmp_path, monkeypatch, capsys):
    pack = tmp_path / "data.zip"
    limit = ["--max-mib", "0.001"]
    assert (
        run_script(monkeypatch, "pack_data.py", "--data", shared, "--to", pack, *limit)
        == 1
    )
    assert "more than 0.001 MiB" in capsys.readouterr().err


def test_openly_licensed_sets_alone_can_be_trained_on(shared, tmp_path, monkeypatch):
    told = train(monkeypatch, shared, tmp_path / "run", "--licences", "open")
    assert told["pictures"] == {"rf100_toll_id": 2}
    assert told["licences"] == {"rf100_toll_id": {"CC BY 4.0 (Roboflow)": 2}}


def test_trucks_can_be_pasted(shared, tmp_path, monkeypatch):
    told = train(monkeypatch, shared, tmp_path / "run", "--paste", "0.5")
    assert told["paste_share"] == 0.5
    assert told["cut_outs"] >= 0


def test_a_teacher_labels_clips_to_train_on_and_no_others(
    shared, tmp_path, monkeypatch, capsys
):
    to = tmp_path / "taught"
    arguments = ["--clips", shared / "clips", "--to", to, "--empty-every", "1"]
    teacher = ["--teacher", write_red_model(tmp_path)]
    assert not run_script(monkeypatch, "self_label.py", *arguments, *teacher)
    done = json.loads(capsys.readouterr().out)
    frames = LabelSet.open(to).frames
    assert done["n_frames"] == len(frames) > 0
    assert set(frames["source"]) == {"a.mp4"}  # b.mp4 is to be scored
    told = train(monkeypatch, shared, tmp_path / "run", "--label-set", to)
    assert told["pictures"]["taught"] == done["n_frames"]
    assert told["shares"]["taught"] == 0.1
