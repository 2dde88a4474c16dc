"""What the tests of all commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nas.cli.entry import run

Answer = tuple[int, str, str]


@pytest.fixture
def nas(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs a command in this process: its exit code, stdout and stderr."""

    def invoke(*arguments: str | Path) -> Answer:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return invoke
