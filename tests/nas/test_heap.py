"""What a training frees stays with the process, and goes back to the system afterwards."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import pytest

from nas.heap import freed_memory_kept

LIBC = ctypes.CDLL(None)
pytestmark = pytest.mark.skipif(not hasattr(LIBC, "mallopt"), reason="glibc alone is asked to keep memory")

BLOCK = 48 << 20  # bytes, more than glibc ever keeps by itself
PAGES = BLOCK // resource.getpagesize()
ROUNDS = 5


def take_and_free() -> None:
    """A block of memory, written to, and freed."""
    LIBC.malloc.restype = ctypes.c_void_p
    block = ctypes.c_void_p(LIBC.malloc(ctypes.c_size_t(BLOCK)))
    ctypes.memset(block, 1, BLOCK)
    LIBC.free(block)


def num_faults() -> int:
    """How many pages the kernel had to give while a block was taken and freed some times, after the first."""
    take_and_free()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        take_and_free()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_freed_memory_is_taken_again_without_asking_the_system() -> None:
    with freed_memory_kept():
        assert num_faults() < PAGES / 10
    assert num_faults() > 0.9 * ROUNDS * PAGES


def test_afterwards_it_is_given_back() -> None:
    before = resident_bytes()
    with freed_memory_kept():
        take_and_free()
        assert resident_bytes() - before > 0.9 * BLOCK
    assert resident_bytes() - before < 0.2 * BLOCK
