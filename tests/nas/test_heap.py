"""What a training frees stays with the process, and goes back to the system afterwards."""

from __future__ import annotations

import ctypes
import json
import resource
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc alone is asked to keep memory"
)

BLOCK = 48 << 20  # bytes, more than glibc ever keeps by itself
PAGES = BLOCK // resource.getpagesize()
ROUNDS = 5

# In a process of its own: in one that has worked before, a block may find room on the heap.
SCRIPT = """
import ctypes, json, resource, sys
from nas.heap import freed_memory_kept

BLOCK, ROUNDS = map(int, sys.argv[1:])
LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p

def take_and_free():
    block = ctypes.c_void_p(LIBC.malloc(ctypes.c_size_t(BLOCK)))
    ctypes.memset(block, 1, BLOCK)
    LIBC.free(block)

def num_faults():
    take_and_free()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        take_and_free()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

before, found = resident_bytes(), {}
with freed_memory_kept():
    found["faults inside"] = num_faults()
    found["resident inside"] = resident_bytes() - before
found["resident after"] = resident_bytes() - before
found["faults after"] = num_faults()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, int]:
    """How many pages the kernel had to give while a block was taken and freed some times, and what stayed resident."""
    command = [sys.executable, "-c", SCRIPT, str(BLOCK), str(ROUNDS)]
    figures: dict[str, int] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return figures


def test_freed_memory_is_taken_again_without_asking_the_system(found: dict[str, int]) -> None:
    assert found["faults inside"] < PAGES / 10
    assert found["faults after"] > 0.9 * ROUNDS * PAGES


def test_afterwards_it_is_given_back(found: dict[str, int]) -> None:
    assert found["resident inside"] > 0.9 * BLOCK
    assert found["resident after"] < 0.2 * BLOCK
