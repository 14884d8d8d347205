"""The command line in a child process whose clock is days off."""

import json
import os
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


def start_truckcount(*arguments, days=0.0):
    """Start ``truckcount`` as on a host whose clock is so many days ahead."""
    words = [str(word) for word in arguments]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(days * 86_400), *words],
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
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
