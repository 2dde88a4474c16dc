"""What `nas check` and `nas show` cost from a cold start, against the import of torch that they do without.

    python -m benchmarks.cold_start [--rounds 9]

Each is a process of its own; a round runs all of them in turn. CPU seconds (user and system) of the process, and the
ratio to `import torch` of the same round. A round that doesn't count compiles the files, and brings them into the
system's cache.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from time import perf_counter

NAS = "import sys; from nas.cli import main; sys.argv[0] = 'nas'; main()"
COMMANDS: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "import pydantic": ["-c", "import pydantic"],
    "import graphs": ["-c", "import graphs"],
    "import nas": ["-c", "import nas"],
    "nas check resnet50": ["-c", NAS, "check", "resnet50"],
    "nas show resnet50": ["-c", NAS, "show", "resnet50"],
    "import torch": ["-c", "import torch"],
}
TORCH = "import torch"


def measure(arguments: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of one process."""
    begin = perf_counter()
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=compiled)
    _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            found = measure(arguments)
            if number:
                times[name].append(found)
    packages = ", ".join(f"{name} {version(name)}" for name in ("fixpoint-nas", "torch", "pydantic", "typer"))
    print(f"Python {platform.python_version()}, {packages}\n")
    print("| | CPU s | wall s | of `import torch` |\n|---|---|---|---|")
    for name, found in times.items():
        ratios = [cpu / base for (cpu, _), (base, _) in zip(found, times[TORCH], strict=True)]
        cpu, wall = (statistics.median(value[index] for value in found) for index in (0, 1))
        middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {middle:.2f} [{low:.2f}..{high:.2f}] |")


if __name__ == "__main__":
    main()
