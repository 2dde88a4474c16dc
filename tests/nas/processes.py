"""The processes that tests start, and what those start: on Linux, from /proc."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a shell that is no terminal has its background jobs, and all below them, ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """The processes below this one, of which there are none left when their parents have ended before them."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def await_end(pids: set[int]) -> set[int]:
    """Those of these processes that still run after 20 seconds."""
    left = pids
    for _ in range(200):
        left = {pid for pid in left if is_alive(pid)}
        if not left:
            break
        time.sleep(0.1)
    return left


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
