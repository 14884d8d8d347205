"""New files are found and counted once; failures wait, and lose nothing."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline import intake as intake_module
from truckcount.pipeline.attempts import DIED
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.intake import (
    BATCH_BYTES,
    BATCH_FILES,
    MAX_FILES,
    Intake,
    batches,
)
from truckcount.pipeline.run_new import run_new
from truckcount.pipeline.watch import Watch, WatchOptions
from truckcount.store.check import check_store
from truckcount.video import Source

pytestmark = pytest.mark.video


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now_s = 1_800_000_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_traffic(tmp_path_factory.mktemp("film") / "a.mp4", {1.0: 1}, 6)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def desk(tmp_path, film, model):
    return Desk(tmp_path, film, model)


class Desk:
    """A recorder's folder and a store."""

    def __init__(self, root, film, model):
        self.rec, self.store = root / "rec", root / "store"
        self.rec.mkdir()
        self.film = film
        self.clock = Clock()
        self.options = RunOptions(store=self.store, model=model, settle_s=30)

    def record(self, minute, junk=None):
        path = self.rec / f"gate_20260302T09{minute:02d}00Z.mp4"
        if junk is None:  # a comment of its own: other bytes, another segment
            shutil.copy(self.film, path)
            with path.open("ab") as file:
                file.write(b"\0\0\0\x09free" + bytes([minute]))
        else:
            path.write_bytes(junk)
        os.utime(path, (self.clock.now_s - 100, self.clock.now_s - 100))
        return path

    def intake(self, **options):
        return Intake([str(self.rec)], self.options, clock=self.clock, **options)

    def watch(self):
        one = Watch([str(self.rec)], self.options, WatchOptions(), clock=self.clock)
        intake = self.intake()
        return lambda: one.cycle(intake)

    def counted(self):
        if not (self.store / "hours").exists():
            return 0
        return pd.read_parquet(self.store / "hours")["n_trucks"].sum()


def names(sources):
    return [s.path[-11:-7] for s in sources]


def test_what_is_counted_is_not_opened_again(desk, monkeypatch):
    desk.record(1)
    assert run_new([str(desk.rec)], desk.options).totals["n_trucks"] == 1
    desk.record(2)
    opened = []
    monkeypatch.setattr(
        "truckcount.pipeline.fingerprints.fingerprint",
        lambda source: opened.append(source.path) or "f" * 16,
    )
    waiting = desk.intake().look()
    assert (waiting.n_known, names(waiting.ready)) == (1, ["0902"])
    run_new([str(desk.rec)], desk.options)
    assert [path[-11:] for path in opened] == ["090200Z.mp4"]
    assert desk.counted() == 2


def test_nothing_new_is_no_failure_but_a_missing_folder_is(desk):
    desk.record(1)
    run_new([str(desk.rec)], desk.options)
    assert run_new([str(desk.rec)], desk.options).exit_code == 0
    gone = run_new([str(desk.rec), str(desk.rec / "mount")], desk.options)
    assert gone.exit_code == 4
    assert gone.file_outcomes[0].status == "missing"


def test_a_growing_file_waits_until_it_is_settled(desk):
    path = desk.record(1)
    os.utime(path, (desk.clock.now_s - 5, desk.clock.now_s - 5))
    cycle = desk.watch()
    assert cycle() == pytest.approx(25, abs=0.1), "until 30 s after the last write"
    assert desk.counted() == 0
    desk.clock.now_s += 26
    cycle()
    assert desk.counted() == 1


def test_a_bad_file_is_tried_again_later_and_its_neighbours_now(desk):
    desk.record(1)
    desk.record(2, junk=b"junk")
    cycle = desk.watch()
    cycle()
    assert desk.counted() == 1
    (bad,) = desk.intake().attempts
    assert bad.status == "corrupt"
    assert bad.next_us == round((desk.clock.now_s + 60) * 1e6)
    waiting = desk.intake().look()
    assert names(s for s, _ in waiting.later) == ["0902"]
    assert waiting.ready == []
    desk.clock.now_s += 61
    cycle()
    (bad,) = desk.intake().attempts
    assert bad.n_failures == 2


def test_a_bad_file_that_is_written_anew_is_counted(desk):
    desk.record(2, junk=b"junk")
    cycle = desk.watch()
    cycle()
    desk.record(2)
    cycle()
    assert desk.counted() == 1
    assert list(desk.intake().attempts) == []


def test_a_file_is_given_up_in_the_end_and_said_to_be(desk, caplog):
    desk.record(2, junk=b"junk")
    intake = desk.intake(quarantine_after=2)
    for _ in range(2):
        intake.count(intake.look().ready)
        desk.clock.now_s += 3600
    waiting = intake.look()
    assert names(s for s, _ in waiting.quarantined) == ["0902"]
    assert "left alone until it changes" in caplog.text


@pytest.mark.parametrize("jump_s", [-86_400 * 400, 86_400 * 400])
def test_a_clock_that_jumps_loses_no_file(desk, jump_s):
    desk.record(2, junk=b"junk")
    cycle = desk.watch()
    cycle()
    desk.clock.now_s += jump_s
    shutil.copy(desk.film, desk.rec / "gate_20260302T090100Z.mp4")
    os.utime(desk.rec / "gate_20260302T090100Z.mp4", (1_799_000_000, 1_799_000_000))
    assert cycle() <= 30, "never waits for a moment of the old clock"
    assert desk.counted() == 1
    (bad,) = desk.intake().attempts
    assert bad.n_failures == 2, "its turn came as well"


def test_a_file_that_kills_the_process_is_noted_before(desk, monkeypatch):
    desk.record(1)
    intake = desk.intake()
    ready = intake.look().ready
    monkeypatch.setattr(
        intake_module, "run_paths", lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    )
    child = os.fork()
    if child == 0:
        intake.count(ready)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    again = desk.intake()
    (noted,) = again.attempts
    assert noted.reason == DIED
    monkeypatch.undo()
    desk.clock.now_s += 61
    again.count(again.look().ready)
    assert desk.counted() == 1
    assert list(desk.intake().attempts) == []


def test_an_interrupted_count_is_no_failure(desk, monkeypatch):
    desk.record(1)
    intake = desk.intake()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(intake_module, "run_paths", interrupt)
    with pytest.raises(KeyboardInterrupt):
        intake.count(intake.look().ready)
    assert list(desk.intake().attempts) == []


def test_a_file_that_failed_before_goes_alone(desk):
    intake = desk.intake()
    large = BATCH_BYTES // 4
    good = [Source(path=f"{k}.mp4", size_bytes=large) for k in range(BATCH_FILES + 1)]
    bad = Source(path="bad.mp4")
    intake.attempts.failed(bad, "failed", "x", 0)
    sizes = [len(b) for b in batches([bad, *good], intake.attempts, 1, {})]
    assert sizes == [BATCH_FILES, 1, 1]
    assert batches([bad, *good], intake.attempts, 1, {})[-1] == [bad]


def test_small_files_share_a_batch_and_stand_by_camera(desk):
    small = [Source(path=f"{k}.mp4", size_bytes=1000) for k in range(MAX_FILES + 4)]
    cameras = {s.path: "ab"[k % 2] for k, s in enumerate(small)}
    cut = batches(small, desk.intake().attempts, 1, cameras)
    assert [len(b) for b in cut] == [MAX_FILES, 4]
    names = [cameras[s.path] for batch in cut for s in batch]
    assert names == sorted(names)


def test_batches_do_not_hang_on_a_slip_in_the_cameras_file(desk, tmp_path):
    slip = tmp_path / "cameras.toml"
    slip.write_text("[cameras")
    intake = Intake([], replace(desk.options, cameras=slip))
    source = Source(path="a.mp4")
    assert intake.batches([source]) == [[source]]


@pytest.fixture
def tmpfs():
    """Mount small file systems; skipped where that is not allowed."""
    mounted = []

    def mount(folder, size):
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("no mount command")
        if done.returncode != 0:
            pytest.skip("this user may not mount")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], capture_output=True, check=False)


def fill(path):
    """Write until there is no space left."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_delays_and_loses_nothing(desk, tmpfs, caplog):
    tmpfs(desk.store, "1m")
    desk.record(1)
    cycle = desk.watch()
    filler = desk.store / "filler"
    fill(filler)
    pause_s = cycle()
    assert "nothing is lost" in caplog.text
    assert pause_s >= 5
    assert desk.counted() == 0
    filler.unlink()
    cycle()
    assert desk.counted() == 1
    assert check_store(desk.store) == []
    assert list(desk.intake().attempts) == []


def test_a_mount_that_vanishes_is_said_once_and_taken_up_again(desk, tmpfs, caplog):
    mount = tmpfs(desk.rec / "mount", "2m")
    intake = Intake([str(mount)], desk.options, clock=desk.clock)
    watch = Watch([str(mount)], desk.options, WatchOptions(), clock=desk.clock)
    subprocess.run(["umount", mount], check=True)
    mount.rmdir()
    watch.cycle(intake)
    watch.cycle(intake)
    assert caplog.text.count("is not there; is it mounted?") == 1
    tmpfs(mount, "2m")
    shutil.move(desk.record(1), mount)
    watch.cycle(intake)
    assert "is there again" in caplog.text
    assert desk.counted() == 1
