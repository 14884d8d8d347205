"""Freed memory back to the system: a service lives for months."""

import ctypes
import functools
import sys
from collections.abc import Callable

import pyarrow as pa


def give_back_memory() -> None:
    """Give back what allocators keep of tables that are gone.

    They keep the most that was ever needed, in pieces: a watch would seem to grow
    with every file.
    """
    pa.default_memory_pool().release_unused()
    trim = _find_trim()
    if trim is not None:
        trim(0)


@functools.cache
def _find_trim() -> Callable[[int], int] | None:
    """Find glibc's ``malloc_trim(3)``; other C libraries have none."""
    if not sys.platform.startswith("linux"):
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found
