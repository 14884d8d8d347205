"""`truckcount run` with live cameras: a real process, real RTSP, a real Ctrl-C."""

import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.pipeline.red_camera import FPS, PATIENCE_S, open_camera, until
from truckcount.store.check import check_store

pytestmark = pytest.mark.video


@pytest.fixture
def camera():
    camera = open_camera()
    yield camera
    camera.close()


@pytest.fixture
def start(scene, tmp_path):
    """Start ``run``; killed at the end where it still runs."""
    started = []

    def call(*arguments):
        command = [sys.executable, "-m", "truckcount", "run", *arguments]
        command += ["--store", tmp_path / "s", *scene.options()]
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()


def live_hours(store):
    files = list(store.glob("hours/127-*/[!.]*.parquet"))
    return pd.concat(map(pd.read_parquet, files)) if files else None


def coverage_s(store):
    hours = live_hours(store)
    return 0.0 if hours is None else hours["coverage_s"].sum()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_hours_appear_a_cut_is_outlived_and_a_signal_publishes_the_rest(
    start, camera, scene, tmp_path, number
):
    store = tmp_path / "s"
    more = ("--segment-minutes", "0.05", "--json")
    process = start(camera.url, scene.clips[1], *more)
    until(lambda: coverage_s(store) > 0)
    assert process.poll() is None
    n = camera.n_connections
    camera.cut()
    camera.mend()
    before_s = coverage_s(store)
    until(lambda: camera.n_connections > n and coverage_s(store) > before_s)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "connecting again" in err
    assert "secret" not in out + err
    said = json.loads(out)
    clip, *pieces = said["files"]
    assert clip["camera"] == "dock", "files come first"
    assert {piece["start_source"] for piece in pieces} == {"arrival"}
    hours = live_hours(store)
    told = [row for row in said["hours"] if row["camera"] != "dock"]
    assert sum(r["coverage_s"] for r in told) == pytest.approx(
        hours["coverage_s"].sum(), abs=0.1
    )
    counted = [p for p in said["passages"] if p["is_counted"]]
    live = [p for p in counted if p["camera"] != "dock"]
    # a passage that several pieces saw is one
    assert len(live) == hours["n_trucks"].sum()
    assert hours["coverage_s"].sum() <= camera.n_sent / FPS + 3
    assert check_store(store) == []


def test_ctrl_c_prints_the_table_of_what_was_begun(start, camera, tmp_path):
    process = start(camera.url, "--segment-minutes", "60")
    until(lambda: camera.n_sent > 2 * FPS)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert out.split()[:3] == ["camera", "gate", "hour_utc"]
    assert "***@127.0.0.1" in err
    assert coverage_s(tmp_path / "s") > 0


def test_passwords_of_live_cameras_are_shown_nowhere(start, tmp_path):
    process = start("rtsp://admin:hunter2@127.0.0.1:1/cam7", "--json")
    heard = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "***@127.0.0.1:1/cam7" in heard
    assert "connecting again" in heard
    assert "hunter2" not in heard + out + err
    assert json.loads(out)["files"] == []
    kept = [p for p in (tmp_path / "s").rglob("*") if p.is_file()]
    assert all(b"hunter2" not in p.read_bytes() for p in kept)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--start", "2026-03-02T08:00:00Z"), "dated as they come"),
        (("run", "--store", "s3://bucket/store"), "live camera into a folder"),
        (("backfill",), "has no past"),
    ],
)
def test_what_a_live_camera_cannot_have_is_a_usage_error(truckcount, arguments, says):
    command, *more = arguments
    said = truckcount(command, "rtsp://127.0.0.1:1/live", *more)
    assert said.code == 2
    assert says in said.err


@pytest.mark.parametrize("command", ["run", "watch"])
def test_two_channels_that_only_a_secret_key_tells_apart_are_not_merged(
    truckcount, tmp_path, command
):
    nvr = "rtsp://admin:hunter2@127.0.0.1:1/live"
    said = truckcount(command, f"{nvr}?door=1", f"{nvr}?door=2")
    assert said.code == 2
    assert "would both be counted as camera '127-0-0-1-1-live'" in said.err
    assert "hunter2" not in said.err + said.out
    assert list((tmp_path / "store").rglob("*.parquet")) == []
