"""Seeds from seeds: every part of a run has its own, and each follows from the run's."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *path: str | int) -> int:
    """A seed in 0..2^31-1 for the part of a run that `path` names; the same on every machine and Python."""
    digest = hashlib.sha256(repr((seed, *path)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
