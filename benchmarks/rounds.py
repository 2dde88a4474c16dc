"""How benchmarks measure side by side: in rounds over all subjects, each time in a process of its own, so that a load
which comes and goes meets each."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

Subject = TypeVar("Subject", str, int)


def in_rounds(
    benchmark: str, subjects: Iterable[Subject], rounds: int, options: Sequence[object]
) -> dict[Subject, list[Any]]:
    """What `python -m benchmarks.BENCHMARK OPTIONS --subject SUBJECT` printed last, read as JSON, for each round."""
    found: dict[Subject, list[Any]] = {subject: [] for subject in subjects}
    for _ in range(rounds):
        for subject, measurements in found.items():
            arguments = map(str, [*options, "--subject", subject])
            command = [sys.executable, "-m", f"benchmarks.{benchmark}", *arguments]
            done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=True)
            measurements.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{subject}: {measurements[-1]}", file=sys.stderr, flush=True)
    return found


def versions(*libraries: str) -> str:
    """The line of Python, libraries and machine that stands above a table."""
    named = ", ".join(f"{name} {version(name)}" for name in libraries)
    return f"Python {platform.python_version()}, {named}; {platform.system()} {platform.machine()}\n"


def spread(values: list[float]) -> str:
    """The median, and the range in brackets."""
    return f"{statistics.median(values):.3g} [{min(values):.3g}..{max(values):.3g}]"
