"""Files that outlive a power cut: what is forced onto the disk, and in which order."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nas.files import replace_file, sync_folder
from nas.ledger import LEDGER, Ledger
from nas.manifest import placed_folder


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Device and inode of all that was forced onto the disk, in order."""
    found: list[tuple[int, int]] = []

    def fsync(file: int) -> None:
        found.append(identity(os.fstat(file)))

    monkeypatch.setattr("os.fsync", fsync)
    return found


def identity(of: os.stat_result) -> tuple[int, int]:
    return of.st_dev, of.st_ino


def test_a_durable_file_is_on_the_disk_with_its_name(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    replace_file(tmp_path / "file", b"content", durable=True)
    assert synced == [identity((tmp_path / "file").stat()), identity(tmp_path.stat())]


def test_a_file_that_may_be_lost_waits_for_no_disk(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    replace_file(tmp_path / "file", b"content")
    assert synced == []


def test_a_ledger_is_in_its_folder_before_its_first_line(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    with Ledger.create(tmp_path):
        assert (tmp_path / LEDGER).exists()
        assert synced == [identity(tmp_path.stat())]


def test_a_bundle_is_on_the_disk_under_its_name(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    with placed_folder(tmp_path / "bundle", overwrite=False):
        pass
    assert synced == [identity(tmp_path.stat())]


@pytest.mark.parametrize(("code", "is_fault"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_that_forces_no_folders_is_no_fault_but_a_broken_disk_is_one(
    code: int, is_fault: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", fsync)
    if is_fault:
        with pytest.raises(OSError, match=os.strerror(code)):
            sync_folder(tmp_path)
    else:
        sync_folder(tmp_path)
