"""A command to the CPU time, wall time and memory it took."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from truckcount.errors import BenchError

ONE_THREAD = {
    # CPU time is compared: threads that spin while they wait would be charged
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


# Linux charges a new process with the memory of the one it was forked from, so a
# process that has held frames must not start what it measures itself
LAUNCHER = """
import json, os, sys
answer = int(sys.argv[1])
os.set_inheritable(answer, False)
try:
    pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
    _, status, usage = os.wait4(pid, 0)
    found = [status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]
except OSError as error:
    found = str(error)
os.write(answer, json.dumps(found).encode())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one process took, its children included."""

    cpu_s: float
    """User + system."""
    wall_s: float
    peak_rss_mb: float
    """Of the largest process."""


def spend(command: Sequence[str]) -> Spent:
    """Run a command to its end; what it prints is not looked at.

    Raises
    ------
    BenchError
        When it cannot be started or fails, with the end of what it said.
    """
    answer, write_end = os.pipe()
    with tempfile.TemporaryFile() as said, os.fdopen(answer, "rb") as answered:
        began = time.monotonic()
        try:
            launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(write_end)]
            subprocess.run(  # noqa: S603
                [*launcher, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**os.environ, **ONE_THREAD},
                pass_fds=[write_end],
                check=False,
            )
        finally:
            os.close(write_end)
        wall_s = time.monotonic() - began
        text = answered.read()
        found = json.loads(text) if text else "its launcher was killed"
        if isinstance(found, str):
            raise BenchError(f"{command[0]} cannot be started: {found}")
        status, cpu_s, peak_rss_mb = found
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            why = lines[-1] if lines else "it said nothing"
            msg = f"{' '.join(command[:4])} ... failed ({code}): {why}"
            raise BenchError(msg)
    return Spent(cpu_s=cpu_s, wall_s=wall_s, peak_rss_mb=peak_rss_mb)


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Return median, least and most; None of nothing."""
    if not values:
        return None
    return {
        "median": round(statistics.median(values), 5),
        "min": round(min(values), 5),
        "max": round(max(values), 5),
    }
