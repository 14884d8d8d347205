"""Where, when and on how busy a machine a figure was measured."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from truckcount.presence.devices import count_cores


def describe_machine() -> dict[str, str]:
    """Return date, processor, load and Python of this run."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{count_cores()} cores of {name_processor()}",
        "load_before": load_now(),
        "python": platform.python_version(),
    }


def load_now() -> str:
    """Return the processes that wanted a core over the last minute, as text."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def name_processor() -> str:
    """Return the processor's name as its maker spells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
