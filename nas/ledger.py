"""The ledger of a run: an append-only file of JSON lines, the only truth about it.

    {"n": 7, "at": 1767225600.123, "kind": "complete", "trial": 3, "crc": "9f3c21aa"}

`n` counts lines from 1, `at` is seconds since 1970, `crc` the CRC-32 of the line's canonical JSON without it. One
writer holds the run's lock; anyone may read at any moment. A line without its end is one that was being written when
the driver died: readers pass over it, the next writer cuts it off. Anything else that is wrong is damage, and refused;
so is a sound line that says what this version doesn't know.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self, TypeVar

from blocks.errors import FixpointError
from nas.files import sync_folder
from nas.records import Record, decode, encode
from nas.study import StudyError
from nas.trials import Progress
from search_spaces.catalog import nearest_file

Folded = TypeVar("Folded")

LEDGER = "ledger.jsonl"
LOCK = "lock"


class RunError(FixpointError):
    """A run folder that is missing, damaged, full or in use."""


@dataclass(frozen=True)
class Line:
    """A record and when it was written, in seconds since 1970."""

    at: float
    record: Record


def read_ledger(run: Path) -> list[Line]:
    """All whole lines of a run's ledger, also while it is being written.

    Raises: RunError where there is none, or where a line is damaged or of another version (with its number).
    """
    return list(Follower(run).read())


class Follower:
    """Reads a run's ledger while it is being written: each call of `read` gives what has come since the one before.

    What was read are `num_lines` of `num_bytes`, the last written at `last_at`.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self.num_bytes = 0
        self.num_lines = 0
        self.last_at = 0.0

    def read(self) -> Iterator[Line]:
        """The new whole lines, one at a time; at the first call there is at least one. Raises: RunError, as
        `read_ledger` does."""
        path = self._run / LEDGER
        with self._open(path) as file:
            file.seek(self.num_bytes)
            for text in _lines(file, path):
                if not text.endswith(b"\n"):
                    break
                line = _parse(text, self.num_lines + 1, path)
                self.num_bytes += len(text)
                self.num_lines += 1
                self.last_at = line.at
                yield line
        if not self.num_lines:
            help = "the run had not begun; remove the folder and start again"
            raise RunError(f"{path} holds no whole line", help=help)

    def _open(self, path: Path) -> BinaryIO:
        try:
            return path.open("rb")
        except FileNotFoundError:
            if not self._run.exists():
                help = nearest_file(self._run, ("",)) or "give the folder of a run"
                raise RunError(f"there is no run {self._run}", help=help) from None
            raise RunError(f"{self._run} is not a run: it has no {LEDGER}", help="give the folder of a run") from None
        except NotADirectoryError:
            raise no_folder(self._run) from None
        except OSError as error:
            raise _not_read(path, error) from None


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The lines of an open file. Raises: RunError where the disk does not give them."""
    try:
        yield from file
    except OSError as error:
        raise _not_read(path, error) from None


def _parse(text: bytes, number: int, path: Path) -> Line:
    """The line of this number. Raises: RunError where it is damaged, or of another version."""
    try:
        data = json.loads(text)
        crc = data.pop("crc")
        is_sound = crc == _crc(data) and data["n"] == number
    except (ValueError, KeyError, TypeError, AttributeError):
        is_sound = False
    if not is_sound:
        repaired = f"{path}.repaired"
        help = (
            "restore the file, or go on from what stands before: "
            f"head -n {number - 1} {path} > {repaired} && mv {repaired} {path}"
        )
        if number == 1:
            help = "restore the file; without its first line a run can't go on"
        raise RunError(f"line {number} of {path} is damaged", help=help)
    try:
        return Line(float(data["at"]), decode(data))
    except (ValueError, KeyError, TypeError, AttributeError, StudyError):
        help = "go on with the version that wrote it: `versions` in the first line"
        raise RunError(f"line {number} of {path} is of another version of fixpoint-nas", help=help) from None


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_written = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def _crc(data: dict[str, Any]) -> str:
    return f"{zlib.crc32(_canonical.encode(data).encode()):08x}"


class Journal(Protocol):
    """Where the lines of a run go: a `Ledger`, or nowhere but into the state that is folded from them."""

    def append(self, record: Record) -> Line: ...


@dataclass
class NullLedger:
    """Discards its lines, for runs by the hundred. `clock` is in seconds."""

    clock: Callable[[], float]

    def append(self, record: Record) -> Line:
        """The line, which stands nowhere."""
        return Line(self.clock(), record)


class Ledger:
    """The writer. Holds the lock of the run from `open` to `close`.

    `clock` gives the time of a line; it is simulated where nothing is trained. `was_killed` says whether the writer
    before died without coming to `close`, as by SIGKILL or where a library crashed.
    Every record but the progress of an epoch is on the disk (fsync) when `append` returns; progress is handed to the
    system, so that it outlives the process but maybe not the machine.
    """

    def __init__(self, run: Path, file: int, lock: int, count: int = 0, last_at: float = 0.0) -> None:
        self.run = run
        self._path = (run / LEDGER).absolute()
        self._file = file
        self._lock = lock
        self._count = self._count_before = count
        self.clock: Callable[[], float] = time.time
        self.last_at = last_at
        self.was_killed = _begin_work(lock)

    @classmethod
    def create(cls, run: Path) -> Self:
        """An empty ledger in an existing folder that has none. Raises: RunError."""
        with ExitStack() as opened:
            lock = _acquire(run)
            opened.callback(os.close, lock)
            refuse_begun(run)
            try:
                file = os.open(run / LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o644)
                opened.callback(os.close, file)
                sync_folder(run)
            except OSError as error:
                _leave_nothing(run)
                raise not_written(run, error) from None
            opened.pop_all()
        return cls(run, file, lock)

    @classmethod
    def open(cls, run: Path, fold: Callable[[Iterator[Line]], Folded]) -> tuple[Self, Folded]:
        """The ledger of an earlier driver, its torn last line cut off, and what `fold` makes of its lines.

        Raises: RunError, also where that driver is still alive.
        """
        if not (run / LEDGER).is_file():
            read_ledger(run)
        lock = _acquire(run)
        try:
            follower = Follower(run)
            lines = follower.read()
            folded = fold(lines)
            assert next(lines, None) is None, "a ledger is read to its end before it is written"
            file = os.open(run / LEDGER, os.O_RDWR | os.O_APPEND)
            os.ftruncate(file, follower.num_bytes)
        except OSError as error:
            os.close(lock)
            raise not_written(run, error) from None
        except BaseException:
            os.close(lock)
            raise
        return cls(run, file, lock, follower.num_lines, follower.last_at), folded

    def append(self, record: Record) -> Line:
        """Writes one line.

        Raises: RunError where the disk is full, or the file isn't where it was any more; the ledger is then as before,
        and gone where this was its first line.
        """
        self._refuse_lost()
        at = round(self.clock(), 3)
        data = {"n": self._count + 1, "at": at, **encode(record)}
        line = _written.encode({**data, "crc": _crc(data)}).encode() + b"\n"
        try:
            before = os.fstat(self._file).st_size
            try:
                if os.write(self._file, line) != len(line):
                    raise OSError(errno.ENOSPC, "no space left on the device")
                if not isinstance(record, Progress):
                    os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, before)
                raise
        except OSError as error:
            if not self._count:
                _leave_nothing(self.run)
                self.close()
            raise not_written(self.run, error) from None
        self._count += 1
        self.last_at = at
        return Line(at, record)

    def _refuse_lost(self) -> None:
        """Raises RunError where the file was deleted, moved or replaced: what is written into it now, nobody finds."""
        mine = os.fstat(self._file)
        try:
            there = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            there = None
        except OSError as error:
            raise not_written(self.run, error) from None
        if there is not None and (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino):
            return
        what = "removed" if mine.st_nlink == 0 else "moved"
        help = "begin a new run" if mine.st_nlink == 0 else "it goes on from where it is now: nas resume RUN"
        raise RunError(f"{self.run / LEDGER} was {what} while the run went on", help=help)

    def close(self) -> None:
        """Gives the lock back. May be called more than once.

        That the writer before was killed stays noted where this one has written nothing: the next is to know it too.
        """
        if not self.was_killed or self._count > self._count_before:
            with suppress(OSError):
                os.ftruncate(self._lock, 0)
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def refuse_begun(run: Path) -> None:
    """Raises RunError where a run has begun in a folder."""
    if has_begun(run):
        raise RunError(f"{run} already holds a run", help=f"nas resume {run}, or choose another folder")


def has_begun(run: Path) -> bool:
    """Whether a ledger is there that has a whole line. Raises: RunError where it can't be read."""
    path = run / LEDGER
    try:
        if not path.exists():
            return False
        with path.open("rb") as file:
            return file.readline().endswith(b"\n")
    except OSError as error:
        raise _not_read(path, error) from None


def is_locked(run: Path) -> bool:
    """Whether a driver is at work on this run."""
    try:
        lock = os.open(run / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _acquire(run: Path) -> int:
    """An flock on the run's lock file: the system gives it back when its holder dies, however it dies."""
    try:
        lock = os.open(run / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise not_written(run, error) from None
    for wait_seconds in (0.02, 0.08, None):  # `is_locked` of another process holds it for an instant
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait_seconds is not None:
                time.sleep(wait_seconds)
        except OSError as error:
            os.close(lock)
            raise not_written(run, error) from None
        else:
            return lock
    os.close(lock)
    raise RunError(
        f"{run} is in use by another driver", help=f"wait for it or end it; `nas status {run}` reads it meanwhile"
    )


def _begin_work(lock: int) -> bool:
    """Notes in the lock file that a driver is at work, until `Ledger.close`; whether the one before is still noted."""
    was_killed = os.fstat(lock).st_size > 0
    with suppress(OSError):  # a full disk is told where a line is written
        os.pwrite(lock, b"at work\n", 0)
    return was_killed


def _leave_nothing(run: Path) -> None:
    """What `Ledger.create` has made, gone again, for a run that can't begin. Its lock is still held."""
    for name in (LEDGER, LOCK):
        with suppress(OSError):
            (run / name).unlink()


def no_folder(run: Path) -> RunError:
    """The error of a file where a run should be."""
    help = f"give its folder: {run.parent}" if run.name == LEDGER else "give the folder of a run, or one that is new"
    return RunError(f"{run} is a file, and a run is a folder", help=help)


def _not_read(path: Path, error: OSError) -> RunError:
    return RunError(f"{path} cannot be read: {error.strerror}", help="check the path and its permissions")


def not_written(run: Path, error: OSError) -> RunError:
    """The error of a run whose disk is full, read-only or gone."""
    help = "make room, fix the permissions, or choose another folder"
    if (run / LEDGER).is_file():
        help = f"what stands there is whole; make room or fix the permissions, then: nas resume {run}"
    return RunError(f"{run} cannot be written: {(error.strerror or str(error)).lower()}", help=help)
