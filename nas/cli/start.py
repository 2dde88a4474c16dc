"""The console script: ends quietly where it is interrupted, also in the second in which it imports its commands."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130  # the exit code


def main() -> None:
    """Run the command of `sys.argv`, and end with its exit code."""
    # pydantic would look for plugins through the metadata of all installed packages, before it checks its first value.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # torch's threads would wait for each other by spinning: beside other work on the machine, two are slower than one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from nas.cli.entry import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
