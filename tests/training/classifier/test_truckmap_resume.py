"""`train --from truckmap`, killed: it ends as if it had not been, or says why not."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from click.testing import CliRunner

from tests.training.classifier.red_frames import write_red_set
from truckcount.cli import cli
from truckcount.cli._console import exit_code_of
from truckcount.training.state_file import read_state

pytest.importorskip("matplotlib")
pytest.importorskip("onnx")
STEPS = {"frames": (26, 20), "boxes": (12, 6)}  # how many, and kept after


def options_of(teach):
    n_steps, _ = STEPS[teach]
    told = ["--steps", n_steps, "--batch", 2, "--workers", 0, "--teach", teach]
    return ["--from", "truckmap", *told]


def train(folder, run, *options):
    arguments = ["train", folder, "--run", run, *options]
    return CliRunner().invoke(cli, [str(part) for part in arguments])


def kill_while_it_trains(folder, run, *options):
    """Train in a process of its own, and kill it once it has left a checkpoint."""
    command = [sys.executable, "-m", "truckcount", "train", folder, "--run", run]
    process = subprocess.Popen(
        [str(part) for part in (*command, *options)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (run / "checkpoint.state").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def weights_of(run):
    return hashlib.sha256((run / "truckmap.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("teach", STEPS)
def test_a_killed_run_ends_with_the_same_weights(tmp_path, teach):
    folder = write_red_set(tmp_path / "set", has_boxes=teach == "boxes")
    options, (_, kept_after) = options_of(teach), STEPS[teach]
    whole = train(folder, tmp_path / "whole", *options)
    assert whole.exit_code == 0, whole.output
    run = tmp_path / "killed"
    kill_while_it_trains(folder, run, *options)
    assert read_state(run / "checkpoint.state")["step"] == kept_after
    assert not (run / "truckmap.safetensors").exists()
    # workers compose views ahead, and how many there are changes nothing
    rest = train(folder, run, *options, *(["--workers", 2] if teach == "boxes" else []))
    assert rest.exit_code == 0, rest.output
    assert weights_of(run) == weights_of(tmp_path / "whole")
    before = (run / "config.json").read_bytes()
    labels = pd.read_parquet(folder / "labels.parquet")
    labels.iloc[:-2].to_parquet(folder / "labels.parquet")
    other = train(folder, run, *options)
    assert exit_code_of(other.exception) == 2
    assert "with other options (data_fingerprint" in str(other.exception)
    assert (run / "config.json").read_bytes() == before
