"""The last word of a driver that ends without one: Ray takes it along, or it is killed.

Where Ray's own processes are gone, its core ends the process that uses it, from within, so that nothing can be caught
there. Another process therefore waits at the end of a pipe. Where that ends without a farewell, it says on stderr how
to go on and deletes the folder of the session. Meanwhile it looks whether Ray's head answers, and tells where it does
not: Ray itself says nothing for a minute, and then ends the driver.

    python last_word.py FOLDER MESSAGE      reads lines: `watch HOST:PORT`, `farewell`

It runs as a script, and imports nothing but the standard library.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 5.0


class LastWord:
    """The other process, seen from the driver; it ends with `farewell`, or after the driver's end."""

    def __init__(self, folder: str, message: str) -> None:
        command = [sys.executable, "-I", "-S", __file__, folder, message]
        # In a session of its own, Ctrl-C in a terminal does not reach it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def watch(self, head: str) -> None:
        """From now on the head at HOST:PORT is looked for; none where that is empty."""
        self._say(f"watch {head}")

    def farewell(self) -> None:
        """The driver ends in order: nothing is to be said. May be called more than once."""
        self._say("farewell")
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # somebody has ended it, or it was told already
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()


def remove(folder: str) -> None:
    """Deletes a folder in which processes that are just ending may still write for a moment."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(0.1)


def _wait_for_the_end() -> bool:
    """Whether the driver has said farewell before its end."""
    head, answers, read = "", True, b""
    while True:
        if not select.select([0], [], [], LOOK_SECONDS)[0]:
            if head and _answers(head) != answers:
                answers = not answers
                silent = "does not answer; where it stays away, the search ends within some minutes"
                _tell(f"Ray's head at {head} {'answers again' if answers else silent}")
            continue
        received = os.read(0, 4096)
        if not received:
            return False
        *lines, read = (read + received).split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            if word == "farewell":
                return True
            head = rest


def _answers(head: str) -> bool:
    host, _, port = head.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def _tell(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone
        print(text, file=sys.stderr, flush=True)


def main(folder: str, message: str) -> None:
    """The other process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # which are the driver's, or all processes'
        signal.signal(number, signal.SIG_IGN)
    if not _wait_for_the_end():
        if message:
            _tell(message)
        remove(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
