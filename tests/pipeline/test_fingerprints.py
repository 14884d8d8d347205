"""A known file is not read, a changed one is, and force reads all."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from truckcount.pipeline import fingerprints
from truckcount.pipeline.fingerprints import FILE, RACY_S, Fingerprints
from truckcount.video import Source, fingerprint
from truckcount.video.sources import find_sources

SIZE = 4 << 20
LITTLE = SIZE // 100  # a few pages of what is kept, and nothing of the file
LATER_S = 60.0


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store" / "_meta").mkdir(parents=True)
    return tmp_path / "store"


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "v" / "a.mp4"
    path.parent.mkdir()
    fill(path, 1)
    return path


def fill(path, seed):
    """Write other bytes of the same size into the same inode."""
    body = np.random.default_rng(seed).bytes(SIZE)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(body)


def look(store, path, *, is_forced=False, after_s=LATER_S):
    """Look at a path as one run does; return its id and the bytes read for it."""
    (source,) = find_sources([str(path)])
    kept = Fingerprints(store, is_forced=is_forced, clock=lambda: time.time() + after_s)
    before = bytes_read()
    digest = kept.of(source)
    n_read = bytes_read() - before
    kept.save()
    return digest, n_read


def bytes_read():
    io = Path("/proc/self/io")
    if not io.exists():
        pytest.skip("only Linux tells what a process read")
    return int(io.read_text().split("rchar: ")[1].split()[0])


def test_a_known_file_is_not_read_again(store, film):
    first, n_first = look(store, film)
    again, n_again = look(store, film)
    (source,) = find_sources([str(film)])
    assert first == again == fingerprint(source)
    assert n_first > SIZE
    assert n_again < LITTLE


def touch(path):
    os.utime(path)


def write_in_place(path):
    """Other bytes, and the time of the last write put back: a careful copy does so."""
    state = path.stat()
    fill(path, 2)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def replace_file(path):
    state = path.stat()
    other = path.with_suffix(".new")
    fill(other, 2)
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(path)


def append(path):
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize("change", [touch, write_in_place, replace_file, append])
def test_whatever_marks_a_change_has_the_file_read(store, film, change):
    look(store, film)
    change(film)
    digest, n_read = look(store, film)
    (source,) = find_sources([str(film)])
    assert n_read > SIZE
    assert digest == fingerprint(source)


def test_a_change_that_leaves_no_mark_is_found_by_force(store, film):
    """As on a mount that keeps no times: what is kept has the marks of now."""
    old, _ = look(store, film)
    fill(film, 2)
    new, _ = look(store, film)
    with closing(sqlite3.connect(store / FILE)) as kept, kept:
        kept.execute("UPDATE file SET digest = ?", (old,))
    assert look(store, film)[0] == old != new
    assert look(store, film, is_forced=True)[0] == new
    assert look(store, film)[0] == new, "force mends what is kept"


def test_a_file_written_to_a_moment_ago_is_read_once_more(store, film):
    assert look(store, film, after_s=RACY_S / 2)[1] > SIZE
    assert look(store, film)[1] > SIZE
    assert look(store, film)[1] < LITTLE


def test_a_folder_of_stills_is_known_by_its_pictures(store, tmp_path):
    folder = tmp_path / "stills"
    folder.mkdir()
    for k in range(3):
        fill(folder / f"{k}.jpg", k)
    before, _ = look(store, folder)
    assert look(store, folder)[1] < LITTLE
    fill(folder / "1.jpg", 9)
    after, n_read = look(store, folder)
    assert n_read > 3 * SIZE
    assert after != before


def test_a_stream_is_never_known(store):
    live = Source(path="rtsp://10.0.0.7/live", kind="url")
    kept = Fingerprints(store)
    assert kept.of(live) != kept.of(live)
    kept.save()
    assert not (store / FILE).exists()


@pytest.mark.parametrize("damage", [b"", b"{}" * 4096, None, "table"])
def test_what_is_damaged_is_as_good_as_none(store, film, damage):
    look(store, film)
    path = store / FILE
    if damage == "table":
        with closing(sqlite3.connect(path)) as kept, kept:
            kept.execute("DROP TABLE file")
    else:  # or torn in the middle of a page
        path.write_bytes(path.read_bytes()[:6000] if damage is None else damage)
    (source,) = find_sources([str(film)])
    assert look(store, film)[0] == fingerprint(source)
    assert look(store, film)[1] < LITTLE


def test_a_locked_database_has_files_read_and_says_so(store, film, caplog, monkeypatch):
    monkeypatch.setattr(fingerprints, "PATIENCE_S", 0.0)
    look(store, film)
    (store / "b").mkdir()
    other = store / "b" / "b.mp4"
    fill(other, 3)
    with closing(sqlite3.connect(store / FILE, isolation_level=None)) as busy:
        busy.execute("BEGIN EXCLUSIVE")
        assert look(store, film)[1] > SIZE
        assert look(store, other)[1] > SIZE
        assert "cannot be written" in caplog.text
    assert look(store, film)[1] < LITTLE


def test_only_the_files_read_last_are_kept(store, film, monkeypatch):
    monkeypatch.setattr(fingerprints, "MAX_FILES", 2)
    films = [film.with_name(f"{k}.mp4") for k in range(3)]
    for k, each in enumerate(films):
        fill(each, k)
        look(store, each)
    assert [look(store, each)[1] < LITTLE for each in films[1:]] == [True, True]
    assert look(store, films[0])[1] > SIZE


def test_two_runs_at_once_lose_nothing_of_one_another(store, film, tmp_path):
    other = tmp_path / "v" / "b.mp4"
    fill(other, 3)
    slow = Fingerprints(store, clock=lambda: time.time() + LATER_S)
    slow.of(find_sources([str(film)])[0])
    look(store, other)
    slow.save()
    assert look(store, film)[1] < LITTLE
    assert look(store, other)[1] < LITTLE
