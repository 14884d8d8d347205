"""Memory that was freed goes back to the system."""

import os
import sys
from pathlib import Path

import pytest

from truckcount.pipeline.unattended import memory
from truckcount.pipeline.unattended.memory import give_back_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_freed_pieces_go_back_to_the_system():
    pieces = [bytearray(50_000) for _ in range(4000)]  # 200 MB, below mmap's size
    keep = pieces[::100]  # what is left lies between them
    full = resident_bytes()
    del pieces
    give_back_memory()
    assert full - resident_bytes() > 100e6
    assert len(keep) == 40


def test_a_c_library_without_trim_is_no_trouble(monkeypatch):
    monkeypatch.setattr(memory, "_find_trim", lambda: None)
    give_back_memory()


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
