"""`train --from truckmap`, killed: it ends as if it had not been, or says why not."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tests.training.classifier.red_frames import write_red_set
from truckcount.training.state_file import read_state

pytest.importorskip("matplotlib")
pytest.importorskip("onnx")
STEPS = {"frames": (26, 20), "boxes": (12, 6)}  # how many, and kept after


def train(folder, run, *options):
    command = [sys.executable, "-m", "truckcount", "train", folder, "--run", run]
    return subprocess.Popen(
        [*map(str, command), "--from", "truckmap", *map(str, options)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def weights_of(run):
    return hashlib.sha256((run / "truckmap.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("teach", STEPS)
def test_a_killed_run_ends_with_the_same_weights(tmp_path, teach):
    folder = write_red_set(tmp_path / "set", has_boxes=teach == "boxes")
    n_steps, kept_after = STEPS[teach]
    options = ["--steps", n_steps, "--batch", 2, "--workers", 0, "--teach", teach]
    finish(train(folder, tmp_path / "whole", *options))
    run = tmp_path / "killed"
    process = train(folder, run, *options)
    while not (run / "checkpoint.state").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert read_state(run / "checkpoint.state")["step"] == kept_after
    assert not (run / "truckmap.safetensors").exists()
    # workers compose views ahead, and how many there are changes nothing
    finish(
        train(folder, run, *options, *(["--workers", 2] if teach == "boxes" else []))
    )
    assert weights_of(run) == weights_of(tmp_path / "whole")
    before = (run / "config.json").read_bytes()
    labels = pd.read_parquet(folder / "labels.parquet")
    labels.iloc[:-2].to_parquet(folder / "labels.parquet")
    other = train(folder, run, *options)
    _, err = other.communicate()
    assert other.returncode == 2
    assert "holds a run with other options (data_fingerprint" in err
    assert (run / "config.json").read_bytes() == before
