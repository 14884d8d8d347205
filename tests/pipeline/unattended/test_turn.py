"""One unattended run at a time; the kernel frees the turn of a dead one."""

import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from truckcount.errors import StoreLockedError
from truckcount.pipeline.unattended.turn import hold_turn

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
