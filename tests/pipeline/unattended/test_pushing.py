"""A watch over a store in S3: pushed as it counts, whatever the bucket does."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.features import load_hours
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.unattended.intake import Intake
from truckcount.pipeline.unattended.pushing import Pushing
from truckcount.pipeline.unattended.watch import Watch, WatchOptions
from truckcount.pipeline.working_copy import WorkingCopy, claim_camera
from truckcount.store.check import check_store

pytestmark = pytest.mark.video


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def desk(s3, tmp_path, model, machines):
    return Desk(f"s3://bucket/{tmp_path.name}", tmp_path, model, s3)


class Desk:
    """A recorder's folder, and a watch whose clock is set by hand."""

    def __init__(self, url, root, model, s3):
        self.s3 = s3
        self.url, self.rec, self.model = url, root / "rec", model
        self.rec.mkdir()
        self.now_s = 0.0
        self.start()

    def start(self):
        self.copy = WorkingCopy(self.url)
        self.pushing = Pushing(self.copy, lambda: self.now_s)
        options = RunOptions(store=self.copy.root, model=self.model)
        self.intake = Intake([str(self.rec)], options)
        self.watch = Watch(
            [str(self.rec)], options, WatchOptions(), heard=self.pushing.heard
        )

    def record(self, camera, minute):
        path = self.rec / f"{camera}_20260302T09{minute:02d}00Z.mp4"
        write_traffic(path, {1.0: 1}, 6)
        os.utime(path, (1e9, 1e9))

    def cycle(self, after_s):
        self.now_s += after_s
        self.watch.cycle(self.intake)
        self.pushing.push_due()

    def bucket_has(self, place):
        self.s3.invalidate_cache()
        return self.s3.exists(place)

    def pushed(self):
        return load_hours(self.url, direction="any")["n_trucks"].sum()


def test_what_is_counted_is_there_within_a_minute(desk):
    desk.record("gate", 1)
    desk.cycle(0)
    assert desk.pushed() == 1
    desk.record("gate", 2)
    desk.cycle(30)
    assert desk.pushed() == 1, "a minute apart"
    desk.cycle(30)
    assert desk.pushed() == 2


def test_a_bucket_that_is_away_delays_and_loses_nothing(desk, s3_server, caplog):
    desk.record("gate", 1)
    desk.cycle(0)
    s3_server.stop()
    try:
        desk.record("gate", 2)
        desk.cycle(60)
        desk.record("gate", 3)
        desk.cycle(30)
    finally:
        port = s3_server._server.port
        s3_server._port = port
        s3_server.start()
    assert caplog.text.count("what was counted is kept in") == 1
    assert check_store(desk.copy.root) == []
    desk.cycle(30)
    assert "pushed again" in caplog.text
    assert desk.pushed() == 3


def test_what_a_killed_process_counted_and_did_not_push_goes_with_the_next(desk):
    desk.record("gate", 1)
    desk.cycle(0)
    desk.record("gate", 2)
    desk.cycle(1)
    desk.start()
    desk.cycle(0)
    assert desk.pushed() == 2


def test_a_camera_that_another_machine_claimed_is_left_to_it(desk, machines, caplog):
    for camera in ("gate", "yard"):
        desk.record(camera, 1)
    desk.cycle(0)
    machines("second")
    claim_camera(desk.url, "gate")
    for camera in ("gate", "yard"):
        desk.record(camera, 2)
    desk.cycle(60)
    assert "one writer a camera" in caplog.text
    desk.cycle(60)
    hours = load_hours(desk.url, direction="any").groupby("camera")["n_trucks"].sum()
    assert hours.to_dict() == {"gate": 1, "yard": 2}
    desk.record("gate", 3)
    caplog.clear()
    desk.cycle(60)
    assert "is written by" in caplog.text, "it is not counted here any more"


def test_the_command_pushes_while_it_watches_and_says_where_it_counts(desk):
    command = [sys.executable, "-m", "truckcount", "watch", desk.rec, "--settle", "0"]
    command += ["--store", desk.url, "--model", desk.model]
    process = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        said = process.stderr.readline()
        assert f"counting into {desk.copy.root}, pushed to {desk.url}" in said
        desk.record("gate", 1)
        hours = f"{desk.url.removeprefix('s3://')}/hours/gate"
        end = time.monotonic() + 240
        while not desk.bucket_has(hours):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    finally:
        process.kill()
    assert desk.pushed() == 1
