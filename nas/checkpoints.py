"""Checkpoints: trainings as files, so that another process, on any node, goes on where one has ended.

    FOLDER/7-3.safetensors      trial 7 after epoch 3

A file is whole or not there: it is written beside its place and moved. Its metadata hold the checksum of everything in
it and the identity of the training, so that a file that is damaged, or of another training, is told from a sound one.
Nothing in it is ever executed. It isn't forced onto the disk: what a power cut takes is missing or has the wrong sum,
and is trained again. Free of torch until tensors are read or written.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.files import replace_file

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINTS = "checkpoints"
NUM_KEPT = 2  # the last one, and one to fall back on
_NAME = re.compile(r"(\d+)-(\d+)\.safetensors")


class CheckpointError(Exception):
    """A checkpoint that can't be read or written; the text says why. The training goes on without it."""


@dataclass(frozen=True)
class Checkpoints:
    """Those in a folder, which is made with the first of them."""

    folder: Path

    def path(self, trial: int, epoch: int) -> Path:
        """Where the checkpoint of a trial after this epoch stands, or would."""
        return self.folder / f"{trial}-{epoch}.safetensors"

    def by_trial(self) -> dict[int, list[int]]:
        """The epochs of the checkpoints of every trial that has any, rising."""
        found: dict[int, list[int]] = {}
        for path in self.folder.glob("*.safetensors"):
            if name := _NAME.fullmatch(path.name):
                found.setdefault(int(name[1]), []).append(int(name[2]))
        return {trial: sorted(epochs) for trial, epochs in found.items()}

    def write(self, trial: int, epoch: int, tensors: Mapping[str, Tensor], identity: str) -> None:
        """Keeps these tensors, and of the earlier checkpoints of the trial only the last. Raises: CheckpointError."""
        from safetensors.torch import save

        metadata = {"identity": identity, "epoch": str(epoch)}
        crc = _checksum(tensors, metadata)
        data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata | {"crc": crc})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.path(trial, epoch), data)
        except OSError as error:
            raise CheckpointError((error.strerror or str(error)).lower()) from None
        for earlier in self._epochs(trial)[:-NUM_KEPT]:
            self.path(trial, earlier).unlink(missing_ok=True)

    def read(self, trial: int, epoch: int, identity: str) -> dict[str, Tensor]:
        """The tensors, on the CPU. Raises: CheckpointError where they are missing, damaged or another training's."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path(trial, epoch), framework="pt") as file:
                metadata = dict(file.metadata() or {})
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise CheckpointError("is missing") from None
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"is damaged: {str(error).splitlines()[0]}") from None
        if metadata.pop("crc", None) != _checksum(tensors, metadata):
            raise CheckpointError("is damaged: it does not have its checksum")
        if metadata != {"identity": identity, "epoch": str(epoch)}:
            raise CheckpointError("is of another training")
        return tensors

    def remove(self, trial: int) -> None:
        """Deletes all checkpoints of a trial; what can't be deleted stays."""
        for path in self.folder.glob(f"{trial}-*"):
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Deletes the folder, unless something is left in it."""
        with suppress(OSError):
            self.folder.rmdir()

    def _epochs(self, trial: int) -> list[int]:
        return self.by_trial().get(trial, [])


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """The CRC-32 of names, types, shapes, numbers and metadata."""
    import torch

    crc = zlib.crc32(repr(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        crc = zlib.crc32(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode(), crc)
        crc = zlib.crc32(tensor.contiguous().flatten().view(torch.uint8).numpy().data, crc)
    return f"{crc:08x}"
