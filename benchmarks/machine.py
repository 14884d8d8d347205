"""Where and when a figure was measured."""

import subprocess
from pathlib import Path

from truckcount.benching.machine import describe_machine

ROOT = Path(__file__).parent.parent


def describe() -> dict[str, str]:
    """Return date, commit, processor, load and Python of this run."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {**describe_machine(), "commit": commit}
