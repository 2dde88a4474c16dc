"""The folder of a bundle: its files, its manifest, and how it comes to its place in one step. Free of torch."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from blocks.errors import FixpointError
from nas.files import sync_folder

BUNDLE = "bundle"  # in the folder of a run
ARCHITECTURE = "architecture.yaml"
WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
MANIFEST = "manifest.json"

FORMAT = "fixpoint-bundle"
FORMAT_VERSION = 1

LIBRARIES = ("fixpoint-nas", "torch", "safetensors", "onnx", "onnxscript", "onnxruntime")


class ExportError(FixpointError):
    """A bundle that is not written because it would be wrong, that can't be written, or that can't be read."""


@dataclass(frozen=True)
class Bundle:
    """A written bundle: `files` are sha256 by name, `parity` for each format what `Parity` says."""

    path: Path
    files: Mapping[str, str]
    parity: Mapping[str, Mapping[str, float | bool]]


def versions() -> dict[str, str]:
    """The versions of everything that a bundle was made with."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a new file through to the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a bundle whose files are all as it says. Raises: ExportError."""
    if not (path / MANIFEST).is_file():
        raise ExportError(f"{path} is no bundle: it has no {MANIFEST}")
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        files = {str(name): str(sha) for name, sha in manifest["files"].items()}
        sound = manifest["format"] == FORMAT and files.keys() >= {ARCHITECTURE, WEIGHTS}
        number = int(manifest["version"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise ExportError(f"{path / MANIFEST} is damaged, or no manifest of a bundle")
    if number > FORMAT_VERSION:
        raise ExportError(f"{path} is of format {number}, known is {FORMAT_VERSION}", help="update fixpoint-nas")
    for name, wanted in files.items():
        file = path / name
        if Path(name).name != name or not file.is_file():
            raise ExportError(f"{path} has no file `{name}`, though its manifest names it")
        if digest(file) != wanted:
            raise ExportError(f"{file} was changed after the export: its sha256 is not the manifest's")
    assert isinstance(manifest, dict)
    return manifest


def damage_of(path: Path) -> str:
    """What is wrong with the files of a bundle that was written to `path`; empty where nothing is."""
    if not path.is_dir():
        return f"{path} is gone"
    try:
        read_manifest(path)
    except ExportError as error:
        return error.message
    except OSError as error:
        return f"{path} can't be read: {(error.strerror or str(error)).lower()}"
    return ""


def refuse_taken(to: Path, *, overwrite: bool) -> None:
    """Raises ExportError where something stands at `to` that an export may not replace."""
    if not os.path.lexists(to):
        return
    if to.is_symlink() or not to.is_dir():
        raise ExportError(f"{to} is there already and no folder", help="choose another one")
    names = {entry.name for entry in to.iterdir()}
    if names <= {ARCHITECTURE, WEIGHTS, ONNX}:  # nothing, or what is left of a bundle without its manifest
        return
    if not (to / MANIFEST).is_file():
        raise ExportError(f"{to} is not empty and no bundle", help="choose another folder")
    if not overwrite:
        raise ExportError(
            f"{to} holds a bundle already",
            help="choose another folder, or --overwrite it (from Python, overwrite=True)",
        )


def refuse_unwritable(to: Path) -> None:
    """Raises ExportError where no folder can be made at `to`; leaves nothing there."""
    with placed_folder(to, overwrite=True, is_tried=True):
        pass


@contextmanager
def placed_folder(to: Path, *, overwrite: bool, is_tried: bool = False) -> Iterator[Path]:
    """A new folder beside `to`, moved there where the body succeeds, removed where it fails however it fails, and in
    any case where it `is_tried` alone.

    Raises: ExportError for every error of the file system.
    """
    to = Path(os.path.abspath(to))  # keeps a symbolic link among its parents as it is
    token = secrets.token_hex(4)
    folder, old = to.with_name(f".{to.name}.{token}.new"), to.with_name(f".{to.name}.{token}.old")
    missing = [parent for parent in to.parents if not parent.exists()]
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        yield folder
        refuse_taken(to, overwrite=overwrite)
        if not is_tried:
            _move(folder, to, old)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ExportError(f"{to} can't be written: {reason}", help="nothing was left there") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if to.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            for parent in missing:  # innermost first
                with suppress(OSError):
                    parent.rmdir()


def _move(folder: Path, to: Path, old: Path) -> None:
    """Into place in one step; what stood there goes back where that fails."""
    if not to.exists():
        folder.rename(to)
    else:
        to.rename(old)
        try:
            folder.rename(to)
        except BaseException:
            old.rename(to)
            raise
    sync_folder(to.parent)
