"""New files are found and counted once; failures wait, and lose nothing."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import replace

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import StoreError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.unattended import intake as intake_module
from truckcount.pipeline.unattended.attempts import DIED
from truckcount.pipeline.unattended.intake import (
    BATCH_BYTES,
    BATCH_FILES,
    MAX_FILES,
    Intake,
    batches,
)
from truckcount.pipeline.unattended.known_files import KnownFiles
from truckcount.pipeline.unattended.reading_notes import noted
from truckcount.pipeline.unattended.run_all import run_all
from truckcount.pipeline.unattended.run_new import run_new
from truckcount.pipeline.unattended.status import read_status
from truckcount.pipeline.unattended.store_deletion import (
    DeletionOptions,
    delete_from_store,
    lift_from_store,
)
from truckcount.pipeline.unattended.watch import Watch, WatchOptions
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


def test_a_failed_file_that_is_gone_is_told_for_a_week(desk):
    bad = desk.record(2, junk=b"junk")
    desk.record(3, junk=b"more")
    cycle = desk.watch()
    cycle()
    bad.unlink()  # as recorders do with what is old
    desk.clock.now_s += 6 * 86_400
    found = read_status(desk.store, [desk.rec], now_s=desk.clock.now_s)
    assert [row["is_gone"] for row in found["failed"]] == [True, False]
    desk.clock.now_s += 2 * 86_400
    found = read_status(desk.store, [desk.rec], now_s=desk.clock.now_s)
    assert [row["path"][-11:] for row in found["failed"]] == ["090300Z.mp4"]
    cycle()
    assert [one.path[-11:] for one in desk.intake().attempts] == ["090300Z.mp4"]


def test_a_watch_tries_all_again_where_the_schedule_is_deleted(desk):
    desk.record(2, junk=b"junk")
    cycle = desk.watch()
    cycle()
    cycle()
    schedule = desk.store / "_meta" / "attempts.json"
    first = schedule.read_bytes()
    schedule.unlink()
    desk.clock.now_s += 5
    cycle()
    assert schedule.read_bytes() != first
    (bad,) = desk.intake().attempts
    assert bad.n_failures == 1
    assert bad.tried_us == round(desk.clock.now_s * 1e6)


def test_a_watch_hears_that_a_deleted_day_may_be_counted_again(desk):
    desk.record(1)
    cycle = desk.watch()
    cycle()
    assert desk.counted() == 1
    options = DeletionOptions(camera="gate", day="2026-03-02")
    delete_from_store(desk.store, options)
    cycle()
    assert desk.counted() == 0
    lift_from_store(desk.store, "gate", "2026-03-02")
    cycle()
    assert desk.counted() == 1


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


def die_reading(desk, monkeypatch):
    """Look and count in a child that its files kill; tell whether there were any."""
    with monkeypatch.context() as patch:
        patch.setattr(
            intake_module, "run_paths", lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        )
        child = os.fork()
        if child == 0:
            intake = desk.intake(quarantine_after=3)
            ready = intake.look().ready
            if ready:
                intake.count(ready)
            os._exit(0)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_a_file_that_kills_the_process_is_noted_and_tried_again(desk, monkeypatch):
    desk.record(1)
    assert die_reading(desk, monkeypatch)
    again = desk.intake()
    (waits,) = again.look().later
    assert (waits[1].reason, waits[1].n_failures) == (DIED, 1)
    desk.clock.now_s += 61
    again.count(again.look().ready)
    assert desk.counted() == 1
    assert list(desk.intake().attempts) == []
    assert leftovers(desk) == []


def test_a_file_that_always_kills_the_process_is_given_up(desk, monkeypatch):
    desk.record(1)
    n_deaths = 0
    for _ in range(5):
        n_deaths += die_reading(desk, monkeypatch)
        desk.clock.now_s += 86_400
    assert n_deaths == 3
    ((_, held),) = desk.intake().look().quarantined
    assert (held.reason, held.n_failures) == (DIED, 3)
    assert leftovers(desk) == []


def test_what_another_process_is_reading_is_not_judged(desk):
    desk.record(1)
    intake = desk.intake()
    ready = intake.look().ready
    with noted(desk.store, ready, 0):
        other = desk.intake()
        assert names(other.look().ready) == ["0901"]
        assert list(other.attempts) == []
    assert leftovers(desk) == []


@pytest.mark.parametrize("body", ["", "{", '{"since_us": 1, "files": [1]}'])
def test_a_damaged_note_accuses_no_file(desk, body):
    desk.record(1)
    intake = desk.intake()
    (desk.store / "_meta" / "reading-1.json").write_text(body)
    assert names(intake.look().ready) == ["0901"]
    assert leftovers(desk) == []


def leftovers(desk):
    """Notes, their locks and drafts that nobody needs any more."""
    meta, locks = desk.store / "_meta", desk.store / ".locks"
    return [*meta.glob("*reading*"), *meta.glob(".*"), *locks.glob("_reading*")]


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


def fill(path, but_bytes=0):
    """Write until there is no space left, or so much."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    os.truncate(path, path.stat().st_size - but_bytes)


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


@pytest.mark.parametrize("free_kib", [0, 4, 16, 32, 48])
def test_a_disk_that_is_full_again_and_again_gives_no_file_up(desk, tmpfs, free_kib):
    tmpfs(desk.store, "1m")
    desk.record(1)
    desk.intake()
    filler = desk.store / "filler"
    fill(filler, free_kib << 10)
    n_failed = 0
    for _ in range(8):  # each a run of its own, as cron starts them
        intake = desk.intake()
        with suppress(StoreError):
            intake.count(intake.look().ready)
            continue
        n_failed += 1
        desk.clock.now_s += 86_400
    assert n_failed == 8
    filler.unlink()
    intake = desk.intake()
    assert list(intake.attempts) == []
    intake.count(intake.look().ready)
    assert desk.counted() == 1
    assert check_store(desk.store) == []
    assert leftovers(desk) == []


def test_a_death_that_a_full_disk_hides_is_told_when_there_is_room(
    desk, tmpfs, monkeypatch
):
    tmpfs(desk.store, "1m")
    desk.record(1)
    assert die_reading(desk, monkeypatch)
    filler = desk.store / "filler"
    fill(filler)
    intake = desk.intake()
    for _ in range(3):
        assert names(intake.look().ready) == ["0901"], "not told twice"
        with pytest.raises(StoreError):
            intake.count(intake.look().ready)
    filler.unlink()
    assert intake.look().ready == []
    (noted_one,) = desk.intake().attempts
    assert noted_one.n_failures == 1
    assert leftovers(desk) == []


@pytest.mark.parametrize("inside", [".", "cam/2026-03-02"], ids=["flat", "in days"])
def test_an_unmounted_folder_that_is_left_empty_is_missing(desk, tmpfs, caplog, inside):
    mount = tmpfs(desk.rec / "mount", "2m")
    (mount / inside).mkdir(parents=True, exist_ok=True)
    film = desk.record(1)
    time.sleep(0.05)  # some ticks of the kernel's clock
    os.utime(film)  # the recorder's last write came after the mount
    options = replace(desk.options, settle_s=0)
    shutil.copy2(film, mount / inside)
    watch = Watch([str(mount)], options, WatchOptions(), clock=desk.clock)
    intake = Intake([str(mount)], options, clock=desk.clock)
    watch.cycle(intake)
    assert desk.counted() == 1
    assert run_new([str(mount)], options).exit_code == 0

    subprocess.run(["umount", mount], check=True)
    assert list(mount.iterdir()) == [], "the mount point is there"
    said = f"{mount} is empty, and its counted files were not deleted from it; is it"
    gone = run_new([str(mount)], options)
    assert gone.exit_code == 4
    assert gone.file_outcomes[0].status == "missing"
    assert gone.file_outcomes[0].error == f"{said} mounted?"
    found = read_status(desk.store, [str(mount)])
    assert found["level"] == "critical"
    assert found["waiting"]["missing_folders"] == [str(mount)]
    assert f"{said} mounted?" in found["reasons"]
    caplog.clear()
    watch.cycle(intake)
    watch.cycle(intake)
    assert caplog.text.count(said) == 1

    tmpfs(mount, "2m")
    shutil.copy2(film, mount)
    watch.cycle(intake)
    assert "is there again" in caplog.text


def lose(mount, made_anew):
    """Unmount; leave the mount point, make it anew, or leave nothing."""
    subprocess.run(["umount", mount], check=True)
    if made_anew is not None:
        mount.rmdir()
    if made_anew:
        mount.mkdir()


@pytest.mark.parametrize("made_anew", [True, False, None], ids=["new", "gone", "left"])
def test_one_lost_mount_beside_others_is_missing(desk, tmpfs, caplog, made_anew):
    """Of three cameras' disks one is gone; retention empties another; one is well."""
    options = replace(desk.options, settle_s=0)
    mounts = [tmpfs(desk.rec / name, "2m") for name in ("a", "b", "c")]
    for minute, mount in enumerate(mounts):
        shutil.move(desk.record(minute), mount)
    folder = [str(desk.rec)]
    watch = Watch(folder, options, WatchOptions(), clock=desk.clock)
    intake = Intake(folder, options, clock=desk.clock)
    watch.cycle(intake)
    assert desk.counted() == 3
    lose(mounts[0], made_anew)
    (mounts[1] / "gate_20260302T090100Z.mp4").unlink()

    said = f"{mounts[0]} held files and was a mount, and is none now; is it mounted?"
    gone = run_new(folder, options)
    assert [o.error for o in gone.file_outcomes] == [said]
    assert gone.exit_code == 4, "as where it is named"
    shutil.move(desk.record(3), mounts[2])
    assert run_new(folder, options).exit_code == 3, "the others are counted"
    assert desk.counted() == 4
    found = read_status(desk.store, folder)
    assert found["level"] == "critical"
    assert found["waiting"]["missing_folders"] == [str(mounts[0])]
    assert said in found["reasons"]
    watch.cycle(intake)
    watch.cycle(intake)
    assert caplog.text.count(f"{said} it is looked for") == 1

    tmpfs(mounts[0], "2m")
    watch.cycle(intake)
    assert f"{mounts[0]} is there again" in caplog.text
    assert run_new(folder, options).exit_code == 0
    assert check_store(desk.store) == []


def test_a_run_over_all_files_tells_a_lost_mount_too(desk, tmpfs):
    mounts = [tmpfs(desk.rec / name, "2m") for name in ("a", "b")]
    for minute, mount in enumerate(mounts):
        shutil.move(desk.record(minute), mount)
    assert run_all([str(desk.rec)], desk.options).exit_code == 0
    lose(mounts[0], made_anew=None)
    said = f"{mounts[0]} held files and was a mount, and is none now; is it mounted?"
    for run in (run_all, run_new):
        gone = run([str(desk.rec)], desk.options)
        assert [o.error for o in gone.file_outcomes if o.is_failed] == [said]
    assert run_all([str(desk.rec)], desk.options).exit_code == 3
    alone = run_all([str(mounts[0])], desk.options)
    assert [o.error for o in alone.file_outcomes] == [said]
    assert alone.exit_code == 4
    (mounts[1] / "gate_20260302T090100Z.mp4").unlink()
    emptied = run_all([str(mounts[1])], desk.options)
    assert "no video in this folder" in emptied.file_outcomes[0].error


@pytest.mark.parametrize("inside", [".", "cam/2026-03-02"], ids=["flat", "in days"])
def test_a_mount_point_made_anew_is_missing(desk, tmpfs, inside):
    mount = tmpfs(desk.rec / "mount", "2m")
    (mount / inside).mkdir(parents=True, exist_ok=True)
    shutil.move(desk.record(1), mount / inside)
    assert run_new([str(mount)], desk.options).exit_code == 0
    lose(mount, made_anew=True)
    gone = run_new([str(mount)], desk.options)
    assert gone.exit_code == 4
    assert "held files and was a mount" in gone.file_outcomes[0].error
    assert read_status(desk.store, [str(mount)])["level"] == "critical"


@pytest.mark.parametrize(
    "take_away",
    [
        lambda day: [path.unlink() for path in day.iterdir()],
        lambda day: shutil.rmtree(day),
        lambda day: shutil.rmtree(day.parent),
        lambda day: day.parent.rename(day.parents[2] / "moved"),
        lambda day: (shutil.rmtree(day.parents[1]), day.parents[1].mkdir()),
    ],
    ids=["files", "day", "camera", "moved", "made anew"],
)
def test_a_folder_that_a_retention_job_emptied_is_not_missing(desk, take_away):
    film = desk.record(1)
    day = desk.rec / "cam" / "2026-03-02"
    day.mkdir(parents=True)
    film.rename(day / film.name)
    os.utime(day / film.name, (1_790_000_000, 1_790_000_000))
    intake = desk.intake()
    intake.count(intake.look().ready)
    assert desk.counted() == 1
    take_away(day)
    assert intake.look().missing == {}
    assert run_new([str(desk.rec)], desk.options).exit_code == 0
    found = read_status(desk.store, [str(desk.rec)])
    assert found["waiting"]["missing_folders"] == []


@pytest.mark.parametrize(("later_s", "is_gone"), [(0.008, False), (0.5, True)])
def test_the_ticks_of_the_kernel_make_no_mount_vanish(tmp_path, later_s, is_gone):
    made_s = tmp_path.stat().st_ctime
    moments = iter([made_s + later_s, made_s + 60])
    known = KnownFiles(clock=lambda: next(moments))
    known.add(Source(path=str(tmp_path / "gate.mp4"), size_bytes=1, mtime=1.0))
    assert known.has_vanished(str(tmp_path)) is is_gone


def test_a_folder_that_never_held_a_counted_file_is_only_empty(desk):
    assert desk.intake().look().missing == {}
    assert run_new([str(desk.rec)], desk.options).exit_code == 0


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
