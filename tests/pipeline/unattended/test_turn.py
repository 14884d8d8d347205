"""One unattended run at a time; the kernel frees the turn of a dead one."""

import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from truckcount.errors import StoreLockedError
from truckcount.pipeline.unattended.turn import hold_turn
from truckcount.store import Store

HOLDER = """
import sys, time
from pathlib import Path
from truckcount.pipeline.unattended.turn import hold_turn
with hold_turn(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_turn_is_held_by_one_until_it_dies(tmp_path):
    command = [sys.executable, "-c", HOLDER, tmp_path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreLockedError, match="another unattended run"):
            hold_turn(tmp_path).__enter__()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with hold_turn(tmp_path):
        pass


def test_a_slip_leaves_nothing_behind(tmp_path):
    place = tmp_path / "sotre" / "of-all"
    with hold_turn(place):
        assert (place / ".locks").is_dir()
    assert list(tmp_path.iterdir()) == []
    with hold_turn(place):
        Store.open(place)
    assert Store.is_at(place)


def test_a_run_of_no_such_folder_makes_no_store(tmp_path):
    place = tmp_path / "store"
    command = [sys.executable, "-m", "truckcount", "run", tmp_path / "recrodings"]
    command += ["--new", "--if-free", "--store", place]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == 4
    assert list(tmp_path.iterdir()) == []
