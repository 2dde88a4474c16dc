"""The ledger: what is written is what is read, whatever happened in between."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nas.ledger import LEDGER, Ledger, RunError, is_locked, read_ledger
from nas.records import (
    KINDS,
    Duplicate,
    Ended,
    Exported,
    Finalised,
    Promoted,
    Proposed,
    Record,
    Rejected,
    Reported,
    Resumed,
    Unfinished,
    decode,
    encode,
)
from nas.trials import Completed, Diverged, Failed, Lost, OutOfMemory, Paused, Progress, Stopped
from tests.nas.fakes import started

RECORDS: tuple[Record, ...] = (
    started(),
    Proposed(0, {"a.width": 4, "a.kernel": (1, 3), "b": None, "c": True}, "abcd", 10, 20, 7, 9),
    Proposed(1, {}, "abcd", 10, 20, 7, 9, confirms=0, inactive={"d": (1, (2, 3))}),
    Promoted(0, 9),
    Rejected({"a.width": 64}, {"max_params": 0.5}),
    Duplicate({"a.width": 4}, "abcd", 0),
    Progress(0, 1, 0.1 + 0.2, {"validation_loss": 1e-300}, 0.25),
    Progress(0, 2, 0.5, note="the checkpoint of epoch 1 is missing"),
    Paused(0, 3),
    Completed(0),
    Stopped(0, 3),
    Diverged(0, "the loss became nan"),
    OutOfMemory(0, "no room"),
    Failed(0, 'Traceback\n  File "x", line 1\nValueError: ü\u2028'),
    Lost(0, "gone"),
    Resumed({"torch": "2"}),
    Ended("trials"),
    Finalised(0, 5, 0.98, 0.1, 3.0, "final/0.safetensors"),
    Exported("bundle", {"model.onnx": "ff"}),
    Unfinished(1, "ran out of memory"),
    Unfinished(0, "ValueError: no", "Traceback\nValueError: no"),
    Reported(2, 94.37),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.create(tmp_path) as ledger:
        yield ledger


def test_every_kind_of_record_has_an_example() -> None:
    assert {type(record) for record in RECORDS} == set(KINDS.values())


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_survives_its_json(record: Record) -> None:
    assert decode(encode(record)) == record


def test_lines_are_read_as_they_were_written(ledger: Ledger) -> None:
    for record in RECORDS:
        ledger.append(record)
    assert [line.record for line in read_ledger(ledger.run)] == list(RECORDS)


def test_keys_of_a_later_version_are_passed_over() -> None:
    assert decode({"kind": "stopped", "trial": 1, "epoch": 2, "colour": "blue"}) == Stopped(1, 2)


@pytest.mark.parametrize("num_bytes", [1, 20, 60])
def test_a_torn_last_line_is_passed_over_and_then_cut_off(ledger: Ledger, num_bytes: int) -> None:
    ledger.append(RECORDS[0])
    ledger.append(Completed(0))
    ledger.close()
    path = ledger.run / LEDGER
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines(keepends=True)[1][:num_bytes].rstrip(b"\n"))
    assert [line.record for line in read_ledger(ledger.run)] == [RECORDS[0], Completed(0)]
    again, lines = Ledger.open(ledger.run, list)
    assert [line.record for line in lines] == [RECORDS[0], Completed(0)]
    with again:
        again.append(Completed(1))
    assert [line.record for line in read_ledger(ledger.run)] == [RECORDS[0], Completed(0), Completed(1)]


@pytest.mark.parametrize(
    ("damage", "number"),
    [
        (lambda lines: [lines[0], lines[1].replace(b'"trial":0', b'"trial":9'), *lines[2:]], 2),
        (lambda lines: [lines[0], b"\0" * 40 + b"\n", *lines[2:]], 2),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[1], lines[1], *lines[2:]], 3),
        (lambda lines: [*lines[:-1], b"{}\n"], 4),
        (lambda lines: [*lines[:-1], b"[]\n"], 4),
    ],
    ids=["changed", "zeros", "lost", "twice", "empty object", "no object"],
)
def test_a_damaged_line_is_refused_with_its_number(ledger: Ledger, damage: object, number: int) -> None:
    for record in (RECORDS[0], Completed(0), Completed(1), Completed(2)):
        ledger.append(record)
    ledger.close()
    path = ledger.run / LEDGER
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))  # type: ignore[operator]
    with pytest.raises(RunError, match=rf"line {number} of .*ledger.jsonl is damaged") as caught:
        read_ledger(ledger.run)
    with pytest.raises(RunError, match="is damaged"):
        Ledger.open(ledger.run, list)
    assert not is_locked(ledger.run)
    subprocess.run(caught.value.help.partition(": ")[2], shell=True, check=True)
    assert len(read_ledger(ledger.run)) == number - 1


def test_a_run_whose_first_line_is_damaged_is_not_told_to_go_on_from_nothing(ledger: Ledger) -> None:
    ledger.append(RECORDS[0])
    ledger.close()
    path = ledger.run / LEDGER
    path.write_bytes(path.read_bytes().replace(b'"fake"', b'"sham"'))
    with pytest.raises(RunError, match=r"line 1 of .* is damaged") as caught:
        read_ledger(ledger.run)
    assert caught.value.help == "restore the file; without its first line a run can't go on"


def sealed(n: int, **data: object) -> bytes:
    """A sound line, whatever stands in it."""
    data = {"n": n, "at": 1.5, **data}
    crc = zlib.crc32(json.dumps(data, sort_keys=True, separators=(",", ":")).encode())
    return json.dumps({**data, "crc": f"{crc:08x}"}).encode() + b"\n"


FIRST = encode(RECORDS[0])


@pytest.mark.parametrize(
    "lines",
    [
        [sealed(1, **FIRST), sealed(2, kind="transmuted", trial=0)],
        [sealed(1, **FIRST), sealed(2, kind="complete")],
        [sealed(1, **{**FIRST, "study": {**FIRST["study"], "colour": "blue"}})],
        [sealed(1, **{**FIRST, "recipe": {**FIRST["recipe"], "colour": "blue"}})],
    ],
    ids=["kind of record", "record without a field", "key of the study", "key of the recipe"],
)
def test_a_sound_line_of_another_version_is_not_called_damaged(lines: list[bytes], tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(b"".join(lines))
    with pytest.raises(RunError) as caught:
        read_ledger(tmp_path)
    assert str(caught.value) == (
        f"line {len(lines)} of {tmp_path / LEDGER} is of another version of fixpoint-nas\n"
        "  help: go on with the version that wrote it: `versions` in the first line"
    )


def test_a_second_driver_is_refused_while_the_first_lives(ledger: Ledger) -> None:
    ledger.append(RECORDS[0])
    assert is_locked(ledger.run)
    with pytest.raises(RunError, match="in use by another driver"):
        Ledger.open(ledger.run, list)
    ledger.close()
    assert not is_locked(ledger.run)
    again, _ = Ledger.open(ledger.run, list)
    again.close()


def test_a_run_is_never_begun_over_another(ledger: Ledger) -> None:
    ledger.append(RECORDS[0])
    ledger.close()
    with pytest.raises(RunError, match="already holds a run"):
        Ledger.create(ledger.run)
    assert [line.record for line in read_ledger(ledger.run)] == [RECORDS[0]]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that can be opened and not read")
def test_a_ledger_that_can_not_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / LEDGER).symlink_to("/proc/self/mem")  # whose first byte is an error of input and output
    for act in (Ledger.create, read_ledger):
        with pytest.raises(RunError, match=r"ledger.jsonl cannot be read: Input/output error"):
            act(tmp_path)
    assert (tmp_path / LEDGER).is_symlink()
    assert not is_locked(tmp_path)


def test_a_folder_without_a_ledger_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run"):
        read_ledger(tmp_path)
    with pytest.raises(RunError, match="there is no run"):
        Ledger.open(tmp_path / "nowhere", list)


def test_a_ledger_of_half_a_line_is_a_run_that_had_not_begun(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(b'{"n":1,"at":17')
    with pytest.raises(RunError, match="holds no whole line"):
        read_ledger(tmp_path)
    with Ledger.create(tmp_path) as ledger:
        ledger.append(RECORDS[0])
    assert len(read_ledger(tmp_path)) == 1


@contextmanager
def file_size_limit(num_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond this: the disk is full for whoever writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", [0, 10], ids=["nothing fits", "a part fits"])
def test_a_full_disk_is_an_error_and_leaves_whole_lines(ledger: Ledger, room: int) -> None:
    ledger.append(RECORDS[0])
    before = (ledger.run / LEDGER).read_bytes()
    with file_size_limit(len(before) + room), pytest.raises(RunError, match="cannot be written"):
        ledger.append(Completed(0))
    assert (ledger.run / LEDGER).read_bytes() == before
    ledger.append(Completed(1))
    assert [line.record for line in read_ledger(ledger.run)] == [RECORDS[0], Completed(1)]


def test_a_ledger_that_is_removed_ends_the_run_at_the_next_line(ledger: Ledger) -> None:
    ledger.append(RECORDS[0])
    (ledger.run / LEDGER).unlink()
    with pytest.raises(RunError, match=r"ledger.jsonl was removed while the run went on") as caught:
        ledger.append(RECORDS[1])
    assert caught.value.help == "begin a new run"


def test_a_run_that_is_moved_ends_at_the_next_line_and_goes_on_from_there(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with Ledger.create(tmp_path / "run") as ledger:
        ledger.append(RECORDS[0])
        (tmp_path / "run").rename(tmp_path / "moved")
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / LEDGER).write_text("another")
        with pytest.raises(RunError, match=r"run/ledger.jsonl was moved while the run went on") as caught:
            ledger.append(RECORDS[1])
    assert caught.value.help == "it goes on from where it is now: nas resume RUN"
    assert [line.record for line in read_ledger(tmp_path / "moved")] == [RECORDS[0]]
    assert (tmp_path / "run" / LEDGER).read_text() == "another"


def test_the_next_driver_that_writes_learns_that_the_one_before_was_killed(tmp_path: Path) -> None:
    """Also where others came between, which ended before their first line, as without a cluster."""
    run = tmp_path / "run"
    killed = f"""
import os
from pathlib import Path
from nas.ledger import Ledger
from tests.nas.fakes import started

run = Path({str(run)!r})
run.mkdir()
Ledger.create(run).append(started())
os._exit(1)
"""
    assert subprocess.run([sys.executable, "-c", killed], cwd=Path(__file__).parents[2], check=False).returncode == 1
    seen = []
    for records in ([], [], [Paused(0, 1)], []):
        ledger, _ = Ledger.open(run, list)
        with ledger:
            seen.append(ledger.was_killed)
            for record in records:
                ledger.append(record)
    assert seen == [True, True, True, False]
