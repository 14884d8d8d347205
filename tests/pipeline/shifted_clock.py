"""The command line in a child process whose clock is days off.

By libfaketime (Debian: ``faketime``), which every library and child process of it
sees; where that is not installed Python's clock alone is shifted. Times that the
kernel gives files stay right, as on a disk that another machine writes to.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
shift_s, right, right_ns = float(sys.argv.pop(1)), time.time, time.time_ns
time.time = lambda: right() + shift_s
time.time_ns = lambda: right_ns() + round(shift_s * 1e9)
from truckcount.cli import main
main()
"""
# libfaketime 0.9.10 cannot do the sleeps of Python 3.11, which are until a moment
UNDER_FAKETIME = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds)
from truckcount.cli import main
main()
"""


def start_truckcount(*arguments, days=0.0):
    """Start ``truckcount`` as on a host whose clock is so many days ahead."""
    words = [str(word) for word in arguments]
    faketime = shutil.which("faketime")
    if faketime is None or days == 0:
        begin = [sys.executable, "-c", PROGRAM, str(days * 86_400)]
    else:
        shift = f"{days * 86_400:+.0f}"
        begin = [faketime, "-m", "-f", shift, sys.executable, "-c", UNDER_FAKETIME]
    own = {
        "CUDA_VISIBLE_DEVICES": "",
        "NO_FAKE_STAT": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return subprocess.Popen(
        [*begin, *words],
        cwd=ROOT,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def truckcount(*arguments, days=0.0, code=0):
    """Run it; return what it said, JSON where that is asked for."""
    process = start_truckcount(*arguments, days=days)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, out + err
    return json.loads(out) if "--json" in arguments else out + err
