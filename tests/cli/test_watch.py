"""`truckcount watch` as a service: a real process, real files, real signals."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

from tests.conftest import ROOT
from truckcount.pipeline.unattended.turn import hold_turn
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
    """Return what a process says up to a text; one that says nothing is ended."""
    ended = threading.Timer(PATIENCE_S, process.kill)
    ended.start()
    heard = []
    for line in process.stderr:
        heard.append(line)
        if text in line:
            break
    ended.cancel()
    assert text in "".join(heard), heard
    return "".join(heard)


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


def test_what_fastest_chose_is_told(watch, scene, tmp_path):
    shutil.copy(scene.clips[1], tmp_path / "rec" / "dock_20260302T110000Z.mp4")
    process = watch("--settle", "0", "--speed", "fastest")
    said = hear(process, "dock_20260302T110000Z.mp4: done, 1 passages")
    assert "of new video are not worth a calibration" in said


def test_two_viewpoints_that_are_taken_for_one_camera_are_told(watch, scene, tmp_path):
    process = watch("--settle", "0")
    for clip, name in zip(scene.clips, ("110000", "110001"), strict=False):
        draft = tmp_path / "rec" / ".draft"
        shutil.copy(clip, draft)
        draft.rename(tmp_path / "rec" / f"dock_20260302T{name}Z.mp4")
    hear(process, "another file of this camera holds the same time; is its start right")


def test_a_name_that_is_no_text_is_a_name(watch, scene, truckcount, tmp_path):
    """As recorders with a code page of their own write them over the network."""
    name = os.fsdecode(b"dock_F\xf6rde_20260302T110000Z.mp4")
    process = watch("--settle", "0", "--camera", "dock")
    for file in (name, name.replace("11", "12")):
        draft = tmp_path / "rec" / ".draft"
        shutil.copy(scene.clips[1], draft)
        if "12" in file:
            draft.write_bytes(b"junk")
        draft.rename(tmp_path / "rec" / file)
    heard = hear(process, "T110000Z.mp4: done, 1 passages")
    if "not a video" not in heard:
        hear(process, "not a video")
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    assert check_store(tmp_path / "s") == []
    again = truckcount(
        "run", tmp_path / "rec", "--store", tmp_path / "s", *scene.options(),
        "--camera", "dock",
    )  # fmt: skip
    assert "nothing new to decode" in again.err
    shown = truckcount("status", tmp_path / "s", tmp_path / "rec")
    assert shown.code in {1, 2}
    assert "0 ready" in shown.out
    assert "F\\udcf6rde_20260302T120000Z.mp4: not a video" in shown.out
    assert truckcount("status", tmp_path / "s", tmp_path / name).code == 2


def test_a_second_one_leaves_politely(truckcount, scene, tmp_path):
    options = ["--store", tmp_path / "s", *scene.options()]
    with hold_turn(tmp_path / "s"):
        second = truckcount("run", scene.clips[0], "--if-free", *options)
        assert second.code == 0
        assert "another unattended run is at work" in second.err
        assert len(second.err.splitlines()) == 1
        assert truckcount("watch", tmp_path, *options).code == 5
    assert truckcount("run", scene.clips[0], "--if-free", *options).code == 0


def test_every_camera_is_told_before_a_file_comes(watch, scene, truckcount, tmp_path):
    store = ["--store", tmp_path / "s", *scene.options()]
    assert truckcount("run", scene.clips[0], *store, "--quiet").code == 0
    page = tmp_path / "t.prom"
    process = watch("--metrics", page, "--metrics-port", "0")
    hear(process, "metrics at http://127.0.0.1:")
    end = time.monotonic() + PATIENCE_S
    while not page.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    text = page.read_text()
    assert 'truckcount_trucks_total{camera="dock",gate="main",direction="in"} 0' in text
    (lag,) = re.findall(r'truckcount_lag_seconds{camera="dock"} (\d+\.?\d*)', text)
    newest = pd.Timestamp("2026-03-02T08:00:11Z").timestamp()
    assert float(lag) == pytest.approx(page.stat().st_mtime - newest, abs=2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def test_a_folder_for_metrics_that_is_not_there_is_a_slip(truckcount, scene, tmp_path):
    (tmp_path / "rec").mkdir()
    place = tmp_path / "textfiles" / "t.prom"
    said = truckcount("watch", "rec", *scene.options(), "--metrics", place)
    assert said.code == 2
    assert f"no folder {tmp_path / 'textfiles'}" in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "store").exists()


def test_a_slip_in_the_cameras_file_is_said_at_once(truckcount, tmp_path):
    (tmp_path / "cameras.toml").write_text("[cameras.A]\n")
    said = truckcount("watch", tmp_path, "--cameras", "cameras.toml")
    assert said.code == 2
    assert "'A' is not allowed" in said.err
