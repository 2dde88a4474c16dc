"""The memory of a training stays with the process while it lasts.

A step frees what the step before it took, tensor by tensor, and takes as much again. glibc hands large blocks back to
the system each time, which then clears the same pages anew: of a network of wide maps most of a step on the CPU is
spent on that (benchmarks/training.md). Only glibc is asked; elsewhere nothing changes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The parameters of `mallopt`, from malloc.h: https://man7.org/linux/man-pages/man3/mallopt.3.html
TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
NEVER = -1  # the threshold at which nothing is given back
USUAL_THRESHOLD = 32 << 20  # to which glibc itself raises MMAP_THRESHOLD, and TRIM_THRESHOLD to twice as much
USUAL_MMAP_MAX = 65_536


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside, memory that is freed is not given back to the system; afterwards it is. Not to be nested."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "mallopt"):  # musl, for one, has none
        yield
        return
    libc.mallopt(MMAP_MAX, 0)  # all on the heap, whatever its size
    libc.mallopt(TRIM_THRESHOLD, NEVER)
    try:
        yield
    finally:
        libc.mallopt(MMAP_MAX, USUAL_MMAP_MAX)
        libc.mallopt(MMAP_THRESHOLD, USUAL_THRESHOLD)
        libc.mallopt(TRIM_THRESHOLD, 2 * USUAL_THRESHOLD)
        libc.malloc_trim(0)
