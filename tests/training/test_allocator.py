"""Memory that a training step frees is the next step's."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys
from truckcount.training.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
sink = b"x" * 2**26
del sink
before = faults()
for _ in range(10):
    sink = b"x" * 2**26
    del sink
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_step_faults_no_page_in_twice():
    program = [sys.executable, "-c", STEPS]
    default, kept = (
        int(subprocess.run([*program, how], capture_output=True, check=True).stdout)
        for how in ("default", "keep")
    )
    pages = 2**26 // 4096  # above 32 MiB glibc maps each block, whatever it learned
    assert kept < pages / 10
    assert default > pages  # or there was nothing to mend
