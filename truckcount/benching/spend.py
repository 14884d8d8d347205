"""A command to the CPU time, wall time and memory it took."""

import os
import statistics
import subprocess
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one process took, its children included."""

    cpu_s: float
    """User + system."""
    wall_s: float
    peak_rss_mb: float


def spend(command: Sequence[str]) -> Spent:
    """Run a command to its end; what it prints is not looked at.

    Raises
    ------
    BenchError
        When it cannot be started or fails, with the end of what it said.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**os.environ, **ONE_THREAD},
            )
        except OSError as error:
            raise BenchError(f"{command[0]} cannot be started: {error}") from error
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            why = lines[-1] if lines else "it said nothing"
            msg = f"{' '.join(command[:4])} ... failed ({process.returncode}): {why}"
            raise BenchError(msg)
    return Spent(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        peak_rss_mb=usage.ru_maxrss / 1024,
    )


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Return median, least and most; None of nothing."""
    if not values:
        return None
    return {
        "median": round(statistics.median(values), 5),
        "min": round(min(values), 5),
        "max": round(max(values), 5),
    }
