"""Reference implementations that tests compare with. They are no dependency of the project: a test that asks for one
that is missing is skipped with the command that installs it, and fails in CI, where it must be there."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from types import ModuleType

import pytest
import torch

INSTALL = "pip install --no-deps torchvision==0.28.0"

_OPERATORS: list[torch.library.Library] = []


def torchvision() -> ModuleType:
    """The package torchvision: its models and weights' metadata; not its detection operators."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own complaints about extensions that no test uses
            return _import_torchvision()
    except ModuleNotFoundError as missing:
        reason = f"{missing.name} is missing: {INSTALL}"
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
