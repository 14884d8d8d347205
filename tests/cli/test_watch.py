"""`truckcount watch` as a service: a real process, real files, real signals."""

import os
import shutil
import signal
import subprocess
import sys
import threading

import pandas as pd
import pytest

from tests.conftest import ROOT
from truckcount.pipeline.turn import hold_turn
from truckcount.store.check import check_store

pytestmark = pytest.mark.video
PATIENCE_S = 600.0  # of a test on a busy machine; a file takes a second or two


@pytest.fixture
def watch(scene, tmp_path):
    """Start the command over ``rec``; killed at the end where it still runs."""
    (tmp_path / "rec").mkdir()
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "truckcount", "watch", tmp_path / "rec"]
        command += ["--store", tmp_path / "s", *scene.options(), *arguments]
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
            stderr=subprocess.PIPE,
            text=True,
            # a shell that starts tests in the background makes them deaf to SIGINT
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def hear(process, text):
    """Read what a process says up to a text; one that says nothing is ended."""
    ended = threading.Timer(PATIENCE_S, process.kill)
    ended.start()
    heard = []
    for line in process.stderr:
        heard.append(line)
        if text in line:
            break
    ended.cancel()
    assert text in "".join(heard), heard


def n_trucks(store):
    files = store.glob("hours/*/[!.]*.parquet")  # no drafts
    return sum(pd.read_parquet(path)["n_trucks"].sum() for path in files)


@pytest.mark.parametrize(
    ("number", "code", "how"),
    [(signal.SIGTERM, 0, ()), (signal.SIGINT, 130, ("--poll", "0.2"))],
    ids=["told, SIGTERM", "polling, SIGINT"],
)
def test_a_new_file_is_counted_and_a_signal_ends_it_politely(
    watch, scene, tmp_path, number, code, how
):
    store = tmp_path / "s"
    process = watch("--settle", "0", *how)
    draft = tmp_path / "rec" / ".draft"
    shutil.copy(scene.clips[1], draft)
    draft.rename(tmp_path / "rec" / "dock_20260302T110000Z.mp4")
    hear(process, "dock_20260302T110000Z.mp4: done, 1 passages")
    assert n_trucks(store) == 1
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, said
    assert "what was scored is kept" in said
    assert check_store(store) == []


def test_a_second_one_leaves_politely(truckcount, scene, tmp_path):
    options = ["--store", tmp_path / "s", *scene.options()]
    with hold_turn(tmp_path / "s"):
        second = truckcount("run", scene.clips[0], "--if-free", *options)
        assert second.code == 0
        assert "another unattended run is at work" in second.err
        assert len(second.err.splitlines()) == 1
        assert truckcount("watch", tmp_path, *options).code == 5
    assert truckcount("run", scene.clips[0], "--if-free", *options).code == 0


def test_a_slip_in_the_cameras_file_is_said_at_once(truckcount, tmp_path):
    (tmp_path / "cameras.toml").write_text("[cameras.A]\n")
    said = truckcount("watch", tmp_path, "--cameras", "cameras.toml")
    assert said.code == 2
    assert "'A' is not allowed" in said.err
