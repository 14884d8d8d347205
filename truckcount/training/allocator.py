"""Freed memory to the next step's, without going back to the kernel."""

import ctypes
import platform

# glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have the C library keep the large blocks that this process frees.

    A training step on the CPU makes and frees the same hundreds of megabytes each
    time. By default glibc maps and unmaps every one of them, and the kernel then clears
    each page anew: on a virtual machine that takes longer than the arithmetic
    (``python -m benchmarks.train_step``). The process stays as large as it ever was.

    Returns
    -------
    bool
        Whether it did; other C libraries are left as they are.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, _LARGEST_INT))
