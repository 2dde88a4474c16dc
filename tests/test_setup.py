"""What a fresh clone stands on: the Makefile's setup, the pinned versions, and the files that a wheel must hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import references
from tests.test_floors import CONFIGURATION, PACKAGES, ROOT

PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
PROJECT = CONFIGURATION["project"]
REQUIREMENTS = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_every_requirement_is_pinned_inside_its_range(text: str) -> None:
    requirement = Requirement(text)
    pinned = {canonical(name): version for name, version in PINS.items()}
    assert pinned[canonical(requirement.name)] in requirement.specifier


def test_the_pins_are_for_every_machine() -> None:
    assert [f"{name}=={version}" for name, version in PINS.items() if "+" in version or "@" in version] == []


@pytest.mark.parametrize(
    "install",
    [references.INSTALL, references.INSTALL_TIMM, references.INSTALL_PYTORCHCV, references.INSTALL_COUNTERS],
    ids=["torchvision", "timm", "pytorchcv", "counters"],
)
def test_ci_installs_the_references_that_tests_name(install: str) -> None:
    script = (ROOT / ".ci/run").read_text("utf-8").replace("--quiet ", "")
    assert f".venv/bin/python -m {install}" in re.sub(r"\s*\\\n\s*", " ", script).splitlines()


def test_a_wheel_holds_every_package() -> None:
    folders = {path.parent.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert sorted(CONFIGURATION["tool"]["setuptools"]["packages"]) == sorted(
        ".".join(folder.parts) for folder in folders
    )


def test_a_wheel_holds_every_data_file() -> None:
    patterns = CONFIGURATION["tool"]["setuptools"]["package-data"]
    for package in PACKAGES:
        files = {path.relative_to(ROOT / package).as_posix() for path in (ROOT / package).rglob("*") if path.is_file()}
        data = {file for file in files if not file.endswith((".py", ".pyc"))}
        assert {file for file in data if not any(fnmatch(file, pattern) for pattern in patterns[package])} == set()


SUCCEEDS = """#!/bin/sh
echo "$@" >> calls
if [ "$2" = venv ]; then mkdir -p .venv/bin; cp "$0" .venv/bin/python; fi
"""
FAILS_TO_INSTALL = SUCCEEDS + 'if [ "$2" = pip ]; then exit 1; fi\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what `make setup` reads."""
    if shutil.which("make") is None:
        pytest.skip("make is missing")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def setup(folder: Path, python: str) -> int:
    """The exit code of `make setup` with this script in the place of Python."""
    script = folder / "python"
    script.write_text(python)
    script.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "setup", f"PYTHON={script}"], cwd=folder, env=environment, capture_output=True, check=False
    ).returncode


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_setup_installs_the_pinned_versions_once(clone: Path) -> None:
    assert setup(clone, SUCCEEDS) == 0
    install = "-m pip install --quiet --constraint constraints.txt --editable .[dev]"
    assert calls(clone) == ["-m venv .venv", install]
    assert setup(clone, SUCCEEDS) == 0
    assert calls(clone) == ["-m venv .venv", install]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_setup_runs_again_when_what_it_installs_has_changed(clone: Path, name: str) -> None:
    setup(clone, SUCCEEDS)
    after = (clone / ".venv/.ready").stat().st_mtime + 10
    os.utime(clone / name, (after, after))
    assert setup(clone, SUCCEEDS) == 0
    assert len(calls(clone)) == 4


def test_a_setup_that_failed_is_begun_again(clone: Path) -> None:
    assert setup(clone, FAILS_TO_INSTALL) != 0
    assert setup(clone, FAILS_TO_INSTALL) != 0
    assert len(calls(clone)) == 4
    assert setup(clone, SUCCEEDS) == 0


def test_a_failed_setup_takes_back_that_an_older_one_succeeded(clone: Path) -> None:
    setup(clone, SUCCEEDS)
    after = (clone / ".venv/.ready").stat().st_mtime + 10
    os.utime(clone / "constraints.txt", (after, after))
    assert setup(clone, FAILS_TO_INSTALL) != 0
    assert not (clone / ".venv/.ready").exists()
