"""What is said where a driver ends without a word of its own, and what it leaves."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import nas.executors.last_word

DRIVER = """
import os, sys
from nas.executors.last_word import LastWord
last_word = LastWord(sys.argv[1], "go on with: nas resume runs/x")
if sys.argv[2] == "in order":
    last_word.farewell()
    last_word.farewell()
os._exit(3)
"""


@pytest.mark.parametrize(("how", "said"), [("in order", ""), ("at once", "go on with: nas resume runs/x\n")])
def test_a_driver_that_ends_without_farewell_has_a_last_word_and_leaves_no_folder(
    how: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "session").mkdir()
    (tmp_path / "session/file").touch()
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "session"), how]
    driver = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert (driver.returncode, driver.stderr) == (3, said)
    assert (tmp_path / "session").exists() == (how == "in order")  # which its session deletes by itself


def test_a_head_that_does_not_answer_is_told_once_and_so_is_its_return(tmp_path: Path) -> None:
    script = Path(nas.executors.last_word.__file__)
    hasty = tmp_path / "hasty.py"
    hasty.write_text(script.read_text().replace("LOOK_SECONDS = 5.0", "LOOK_SECONDS = 0.05"))
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{head.getsockname()[1]}"
        command = [sys.executable, "-I", "-S", str(hasty), str(tmp_path / "none"), "bye"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            process.stdin.write(f"watch {address}\n")
            process.stdin.flush()
            assert process.stderr.readline().startswith(f"Ray's head at {address} does not answer; where it stays away")
            head.listen()
            assert process.stderr.readline() == f"Ray's head at {address} answers again\n"
            process.stdin.close()
            assert process.stderr.read() == "bye\n"
