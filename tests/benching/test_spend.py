"""What a process took."""

import sys

import pytest

from truckcount.benching.spend import spend, spread
from truckcount.errors import BenchError

SAY_AND_FAIL = "import sys; print('too bad', file=sys.stderr); sys.exit(3)"
BURN = "import time\nwhile time.process_time() < {}: pass"


def test_cpu_time_and_memory_are_the_childs():
    spent = spend([sys.executable, "-c", BURN.format(0.3) + "\nx = b'a' * 60_000_000"])
    assert 0.3 <= spent.cpu_s < 5
    assert spent.wall_s >= 0.3
    assert spent.peak_rss_mb > 60


def test_grandchildren_are_charged_too():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}])"
    spent = spend([sys.executable, "-c", program.format(BURN.format(0.4))])
    assert spent.cpu_s >= 0.4


def test_memory_that_we_hold_is_not_charged_to_the_child():
    held = bytearray(b"a" * 300_000_000)
    spent = spend([sys.executable, "-I", "-c", "pass"])
    assert spent.peak_rss_mb < 100
    assert held[0]


def test_a_failure_tells_the_last_thing_it_said():
    with pytest.raises(BenchError, match=r"failed \(3\): too bad"):
        spend([sys.executable, "-c", SAY_AND_FAIL])


def test_what_cannot_be_started_is_named(tmp_path):
    with pytest.raises(BenchError, match="nothing-here cannot be started"):
        spend([str(tmp_path / "nothing-here")])


def test_spread_of_nothing_is_none_not_zero():
    assert spread([]) is None
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}
