"""A missing reference is a skip at a desk and a failure in CI."""

from __future__ import annotations

import sys

import pytest

from tests import references


def test_torchvision_builds_its_models() -> None:
    model = references.torchvision().models.resnet18()
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512  # torchvision's own metadata


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_torchvision_names_the_command_that_installs_it(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(outcome, match=r"torchvision is missing: pip install --no-deps torchvision==0\.28\.0"):
        references.torchvision()


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_timm_names_the_command_that_installs_it(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(outcome, match=r"timm is missing: pip install --no-deps timm==1\.0\.31"):
        references.timm()


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_pytorchcv_names_the_command_that_installs_it(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(sys.modules, "pytorchcv", None)
    monkeypatch.delitem(sys.modules, "pytorchcv.model_provider", raising=False)
    with pytest.raises(outcome, match=r"pytorchcv\S* is missing: pip install --no-deps pytorchcv==0\.0\.74"):
        references.pytorchcv()


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_counter_names_the_command_that_installs_it(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(sys.modules, "thop", None)
    with pytest.raises(outcome, match=r"thop is missing: pip install --no-deps fvcore==0\.1\.5\.post20221221 "):
        references.counter("thop")
