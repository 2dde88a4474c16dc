"""A missing reference is a skip at a desk and a failure in CI."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from tests import references

MISSING: dict[str, tuple[tuple[str, ...], Callable[[], ModuleType], str]] = {
    "torchvision": (
        ("torchvision",),
        references.torchvision,
        r"torchvision is missing: pip install --no-deps torchvision==0\.28\.0",
    ),
    "timm": (("timm",), references.timm, r"timm is missing: pip install --no-deps timm==1\.0\.31"),
    "pytorchcv": (
        ("pytorchcv", "pytorchcv.model_provider"),
        references.pytorchcv,
        r"pytorchcv\S* is missing: pip install --no-deps pytorchcv==0\.0\.74",
    ),
    "a counter": (
        ("thop",),
        lambda: references.counter("thop"),
        r"thop is missing: pip install --no-deps fvcore==0\.1\.5\.post20221221 ",
    ),
}


def test_torchvision_builds_its_models() -> None:
    model = references.torchvision().models.resnet18()
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512  # torchvision's own metadata


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
@pytest.mark.parametrize(("modules", "ask", "told"), MISSING.values(), ids=MISSING)
def test_a_missing_reference_names_the_command_that_installs_it(
    modules: tuple[str, ...],
    ask: Callable[[], ModuleType],
    told: str,
    ci: str,
    outcome: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", ci)
    for name in modules:
        monkeypatch.setitem(sys.modules, name, None)
    if "torchvision" not in modules:  # which the others import first, and which may be missing here
        monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    with pytest.raises(outcome, match=told):
        ask()
