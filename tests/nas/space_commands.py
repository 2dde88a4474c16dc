"""Runs `nas space` in this process, for the tests of its commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nas.cli.entry import run


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command says, on stdout and then on stderr."""
    assert run(["space", *arguments]) == code
    output = capsys.readouterr()
    return output.out + output.err


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What it says with `--json`."""
    found: dict[str, Any] = json.loads(printed(capsys, *arguments, "--json"))
    return found
