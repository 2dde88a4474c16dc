"""Reference implementations that tests compare with: models, and tools that count operations. They are no dependency
of the project: a test that asks for one that is missing is skipped with the command that installs it, and fails in
CI, where it must be there."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch

INSTALL = "pip install --no-deps torchvision==0.28.0"
INSTALL_TIMM = "pip install --no-deps timm==1.0.31"
INSTALL_PYTORCHCV = "pip install --no-deps pytorchcv==0.0.74"
# With what they import, as pip may not resolve that itself: it would pull another torch.
INSTALL_COUNTERS = (
    "pip install --no-deps fvcore==0.1.5.post20221221 iopath==0.1.10 yacs==0.1.8 portalocker==4.4.2 termcolor==3.3.0 "
    "tabulate==0.10.0 thop==0.1.1.post2209072238 setuptools==84.2.1 ptflops==0.7.5 torchinfo==1.8.0 deepspeed==0.19.8 "
    "hjson==3.1.0 einops==0.8.2 psutil==7.2.2 py-cpuinfo==9.0.0"
)

_OPERATORS: list[torch.library.Library] = []


def torchvision() -> ModuleType:
    """The package torchvision: its models and weights' metadata; not its detection operators."""
    with _quiet(INSTALL):
        return _import_torchvision()


def timm() -> ModuleType:
    """The package timm: its models."""
    torchvision()  # which it imports
    with _quiet(INSTALL_TIMM):
        return importlib.import_module("timm")


def pytorchcv() -> ModuleType:
    """The models of the package pytorchcv, by `get_model`."""
    torchvision()  # which it imports
    with _quiet(INSTALL_PYTORCHCV):
        return importlib.import_module("pytorchcv.model_provider")


def counter(name: str) -> ModuleType:
    """A module of a tool that counts operations: `fvcore.nn`, `thop`, ..."""
    torchvision()  # some import it, and take anything but its absence for granted
    with _quiet(INSTALL_COUNTERS):
        return importlib.import_module(name)


@contextlib.contextmanager
def _quiet(install: str) -> Iterator[None]:
    """Without the complaints of what is imported; a package that is missing skips the test, or fails it in CI."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ModuleNotFoundError as missing:
        reason = f"{missing.name} is missing: {install}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _import_torchvision() -> ModuleType:
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    # Built for CUDA, its compiled operators do not load beside a CPU-only torch, but it registers shape rules for two
    # of them all the same. Their schemas are enough, for as long as the library object lives.
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _OPERATORS.append(library)
    return importlib.import_module("torchvision")
