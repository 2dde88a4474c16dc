"""Files of weights, of whatever origin: safetensors, or what torch has saved (.pth, .pt, .bin), told apart by their
content. Nothing in a file is ever executed, and no tensor is read before it is asked for.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from blocks.errors import FixpointError

ZIP = b"PK\x03\x04"
PICKLE = b"\x80"
WRAPPERS = ("state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "params", "module")
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")  # of wrapping modules, torch's and other people's
MAX_WRAPPERS = 3


class WeightsError(FixpointError):
    """A file of weights that can't be read, or that is not of the network it is meant for."""


@dataclass(frozen=True)
class WeightFile:
    """The tensors of a file: their shapes by key, in its order, and `read` for the numbers of one of them."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    _tensors: Callable[[str], Tensor]

    def read(self, key: str) -> Tensor:
        """A tensor in memory of its own, on the CPU; float32, where it has floating-point numbers.

        Raises: WeightsError.
        """
        try:
            tensor = self._tensors(key)
            if tensor.layout is not torch.strided or not (tensor.is_floating_point() or tensor.dtype is torch.int64):
                kind = str(tensor.dtype).removeprefix("torch.")
                raise WeightsError(f"{self.path}: `{key}` is no dense tensor of floating-point numbers, but {kind}")
            kept = torch.float32 if tensor.is_floating_point() else tensor.dtype
            return tensor.to(kept, copy=True, memory_format=torch.contiguous_format)
        except (SafetensorError, RuntimeError, OSError) as error:
            raise WeightsError(f"{self.path}: `{key}` can't be read: {_line(error)}") from None


def open_weights(path: Path) -> WeightFile:
    """The weights in a file, without the dictionaries of a checkpoint around them and the prefix of a wrapping module.

    Raises: WeightsError where there is no such file, or no weights in it.
    """
    if path.is_dir():
        raise WeightsError(f"{path} is a folder", help="give the file of weights in it")
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if start.startswith((ZIP, PICKLE)):
        found = _open_torch(path, zipped=start.startswith(ZIP))
    elif start[8:9] == b"{":
        found = _open_safetensors(path)
    else:
        what = "is empty" if not start else "is neither safetensors nor a file of torch"
        raise WeightsError(f"{path} {what}", help="save weights with safetensors.torch.save_file or torch.save")
    if not found.shapes:
        raise WeightsError(f"{path} holds no weights")
    return _unprefixed(found)


def _open_safetensors(path: Path) -> WeightFile:
    try:
        file: Any = safe_open(path, framework="pt")
        shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is a damaged file of safetensors: {_line(error)}") from None
    return WeightFile(path, shapes, file.get_tensor)


def _open_torch(path: Path, *, zipped: bool) -> WeightFile:
    """What torch has saved. A zipped file, its form since 1.6, is mapped; torch doesn't look at its checksums."""
    again = "it is damaged or cut short: download or save it again"
    try:
        if zipped and (part := zipfile.ZipFile(path).testzip()):
            raise WeightsError(f"{path} is damaged: `{part}` does not have its checksum", help=again)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except WeightsError:
        raise
    except pickle.UnpicklingError:
        help = "save the weights alone: torch.save(model.state_dict(), path)"
        raise WeightsError(f"{path} holds Python objects, which could run anything; not loaded", help=help) from None
    except Exception as error:  # noqa: BLE001  torch's reader has no errors of its own: a damaged file may raise any
        help = "save the state_dict of the program" if "TorchScript" in str(error) else again
        raise WeightsError(f"{path} can't be read as weights: {_line(error)}", help=help) from None
    tensors = _tensors_in(loaded, path)
    return WeightFile(path, {key: tuple(tensor.shape) for key, tensor in tensors.items()}, tensors.__getitem__)


def _tensors_in(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The tensors by key, wherever a checkpoint has them; what is no tensor beside them is left out."""
    for _ in range(MAX_WRAPPERS):
        if not isinstance(loaded, Mapping):
            break
        tensors = {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, Tensor)}
        if tensors:
            return tensors
        loaded = next((loaded[name] for name in WRAPPERS if isinstance(loaded.get(name), Mapping)), loaded)
    what = f"a dictionary of {', '.join(map(str, loaded))}" if isinstance(loaded, Mapping) else type(loaded).__name__
    help = f"a checkpoint has them under {', '.join(f'`{name}`' for name in WRAPPERS[:3])} or at its top"
    raise WeightsError(f"{path} holds no weights, but {what[:100]}", help=help)


def _unprefixed(found: WeightFile) -> WeightFile:
    """Without what stands before every key, as far as it is the name of a wrapping module."""
    shapes, before = found.shapes, ""
    while prefix := next((prefix for prefix in PREFIXES if all(key.startswith(prefix) for key in shapes)), ""):
        before += prefix
        shapes = {key.removeprefix(prefix): shape for key, shape in shapes.items()}
    return WeightFile(found.path, shapes, lambda key: found._tensors(before + key))


def _line(error: Exception) -> str:
    """The first sentence of what a library says, of bounded length."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said.split(". ")[0].split(" (")[0][:200].rstrip(".: ")
