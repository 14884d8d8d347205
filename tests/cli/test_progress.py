"""A bar is drawn on a terminal and nowhere else."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.conftest import ROOT
from truckcount.cli._progress import ProgressBar, progress_for
from truckcount.pipeline.result import FileOutcome


def run_on_terminal(scene, store, *more):
    """Run in a child whose stderr is a terminal; return (stdout, what it showed)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    command = [sys.executable, "-m", "truckcount", "run", scene.clips[0]]
    child = subprocess.Popen(
        [*command, *scene.options(), "--store", str(store), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # how Linux tells that the other end is gone
            break
        if not block:
            break
        shown += block
    os.close(ours)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return out.decode(), re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown).decode()


def test_a_terminal_sees_video_time_speed_and_trucks(scene, tmp_path):
    out, shown = run_on_terminal(scene, tmp_path / "store")
    assert re.search(r"1/1 files, 0:11 of 0:11 video, \d+x real time, 2 trucks", shown)
    assert "real time" not in out


def test_quiet_draws_nothing_even_on_a_terminal(scene, tmp_path):
    assert run_on_terminal(scene, tmp_path / "store", "--quiet") == ("", "")


def test_a_pipe_sees_no_bar(truckcount, scene):
    said = truckcount("run", scene.clips[0], *scene.options())
    assert "\x1b" not in said.err
    assert "files," in said.err
    assert "0:11" not in said.err


def test_without_a_terminal_there_is_no_bar():
    assert progress_for(is_quiet=False) is None


@pytest.fixture
def bar():
    bar = ProgressBar()
    bar.started(4)
    yield bar
    bar.close()


def note(bar):
    return bar._progress.tasks[0].fields["note"]


def outcome(path, duration_s):
    return FileOutcome(path=path, camera="c", status="done", duration_s=duration_s)


def test_files_not_opened_yet_are_taken_to_be_as_long_as_those_that_are(bar):
    bar.advanced("a", 30.0, 60.0)
    assert note(bar).startswith("0/4 files, 0:30 of 4:00 video")
    bar.finished(outcome("a", 60.0), 3)
    bar.advanced("b", 0.0, 120.0)
    assert note(bar).startswith("1/4 files, 1:00 of 6:00 video")
    assert note(bar).endswith("3 trucks")


def test_a_file_that_is_longer_than_its_header_says_stretches_the_bar(bar):
    bar.advanced("a", 30.0, 10.0)
    assert "0:30 of 2:00" in note(bar)
    bar.finished(outcome("a", 3700.0), 0)
    assert "1:01:40 of 4:06:40" in note(bar)


def test_a_file_that_failed_is_counted_off(bar):
    bar.finished(FileOutcome(path="a", camera="", status="corrupt", error="no"), 0)
    assert note(bar).startswith("1/4 files, 0:00 of 0:00 video")
