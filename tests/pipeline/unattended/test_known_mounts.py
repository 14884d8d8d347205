"""Mounts are known by what stands in the file system: links to another one will do."""

import shutil
import tempfile
from pathlib import Path

import pytest

from truckcount.pipeline.unattended.attempts import US_PER_S
from truckcount.pipeline.unattended.known_mounts import (
    FILE,
    RETIRED_US,
    KnownMounts,
    find_mount,
)

NOW_US = 1_800_000_000 * US_PER_S
MEMORY = Path("/dev/shm")


@pytest.fixture
def disk(tmp_path):
    """A folder on another file system than ``tmp_path``."""
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system that anybody may write to")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def rec(tmp_path, disk):
    """Recordings of two cameras, one of them on the other disk."""
    for day in (disk / "2026-03-02", tmp_path / "rec" / "b"):
        day.mkdir(parents=True)
    (tmp_path / "rec" / "a").symlink_to(disk)
    return tmp_path / "rec"


@pytest.fixture
def store(tmp_path, rec):
    """A store that found files on both, and a process that knows it from disk."""
    (tmp_path / "store" / "_meta").mkdir(parents=True)
    known = KnownMounts(tmp_path / "store")
    known.note([str(rec / "a" / "2026-03-02"), str(rec / "b")], NOW_US)
    known.save()
    return tmp_path / "store"


def vanished(store, path, *folders, now_us=NOW_US):
    return KnownMounts(store).vanished(str(path), {str(f) for f in folders}, now_us)


def test_a_mount_is_the_topmost_folder_of_its_file_system(rec, disk, tmp_path):
    assert find_mount(str(rec / "a" / "2026-03-02")) == str(rec / "a")
    assert find_mount(str(disk)) == str(MEMORY)
    assert find_mount("/") is None
    assert find_mount(str(tmp_path / "nowhere")) is None


@pytest.mark.parametrize("is_made_anew", [True, False])
def test_a_mount_that_is_none_any_more_has_vanished(rec, store, is_made_anew):
    assert vanished(store, rec, rec / "b") == [], "empty, and a mount"
    (rec / "a").unlink()
    if is_made_anew:
        (rec / "a").mkdir()
    a = str(rec / "a")
    assert vanished(store, rec, rec / "b") == [a], "beside one that is well"
    assert vanished(store, rec / "a") == [a]
    deeper = rec / "a" / "2026-03-02"
    assert vanished(store, deeper) == [str(deeper)], "what was asked for is named"
    assert vanished(store, rec / "b", rec / "b") == [], "nobody asked for it"
    assert vanished(store, rec / "*") == []
    assert vanished(store, str(rec / "a") + "b") == []


def test_whoever_records_where_the_mount_was_is_seen(rec, store):
    (rec / "a").unlink()
    (rec / "a" / "2026-03-03").mkdir(parents=True)
    assert vanished(store, rec, rec / "b", rec / "a" / "2026-03-03") == []


def test_what_retention_takes_from_a_mount_is_no_loss_of_it(rec, store, disk):
    shutil.rmtree(disk / "2026-03-02")
    assert vanished(store, rec, rec / "b") == []
    assert vanished(store, rec / "a") == []


def test_a_mount_taken_out_of_use_is_asked_for_by_name_alone(rec, store):
    (rec / "a").unlink()
    late_us = NOW_US + RETIRED_US
    assert vanished(store, rec, rec / "b", now_us=late_us - 1) == [str(rec / "a")]
    assert vanished(store, rec, rec / "b", now_us=late_us) == []
    assert vanished(store, rec / "a", now_us=late_us) == [str(rec / "a")]


@pytest.mark.parametrize("text", ["", "[]", '{"/a": "x"}', "\x00\xff"])
def test_a_damaged_note_is_as_good_as_none_and_written_anew(rec, store, text):
    (store / FILE).write_bytes(text.encode("latin-1"))
    known = KnownMounts(store)
    known.note([str(rec / "a")], NOW_US)
    known.save()
    (rec / "a").unlink()
    assert vanished(store, rec / "a") == [str(rec / "a")]


def test_a_note_is_written_once_an_hour_while_files_come(rec, store):
    known = KnownMounts(store)
    before = (store / FILE).stat().st_mtime_ns, (store / FILE).read_bytes()
    known.note([str(rec / "a")], NOW_US + 3599 * US_PER_S)
    known.save()
    assert before == ((store / FILE).stat().st_mtime_ns, (store / FILE).read_bytes())
    known.note([str(rec / "a")], NOW_US + 3600 * US_PER_S)
    known.save()
    assert (store / FILE).read_bytes() != before[1]


def test_a_disk_that_refuses_the_note_is_no_error(rec, store, caplog):
    shutil.rmtree(store / "_meta")
    known = KnownMounts(store)
    known.note([str(rec / "a")], NOW_US)
    known.save()
    assert "mounts.json cannot be written" in caplog.text
