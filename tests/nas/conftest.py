"""What the tests of all commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nas.cli.entry import run

Answer = tuple[int, str, str]

TINY = """\
version: 1
name: tiny
params: {width: 4}
input: {image: {map: [1, 8, 8]}}
net:
  - {name: stem, conv: {out_channels: width, kernel_size: 3}}
  - {name: body, repeat: 2, residual_basic: {out_channels: width}}
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""


@pytest.fixture
def nas(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs a command in this process: its exit code, stdout and stderr."""

    def invoke(*arguments: str | Path) -> Answer:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return invoke
