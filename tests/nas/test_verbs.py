"""The verbs of the package are those of the files that do the work, which it does not import before they are called."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import nas
from nas import driver, exporting

VERBS: dict[str, tuple[Callable[..., Any], ModuleType]] = {
    "status": (nas.status, driver),
    "export": (nas.export, exporting),
}


@pytest.mark.parametrize(("name", "verb", "module"), [(name, *found) for name, found in VERBS.items()], ids=VERBS)
def test_a_verb_hands_on_all_that_it_is_given(
    name: str, verb: Callable[..., Any], module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = inspect.signature(getattr(module, name))
    assert inspect.signature(verb) == wanted
    given = {parameter: f"<{parameter}>" for parameter in wanted.parameters}
    monkeypatch.setattr(module, name, lambda *args, **others: wanted.bind(*args, **others).arguments)
    assert verb(**given) == given


def test_every_verb_has_its_documentation() -> None:
    assert set(nas.__all__) == {"search", "compare", "resume", *VERBS}
    assert all(getattr(nas, name).__doc__ for name in nas.__all__)


WORK = {"nas.driver", "nas.exporting", "nas.cli.runs", "nas.cli.difference", "graphs.drawing"}


def worked(script: str) -> set[str]:
    """Which of the files that do the work a script imports."""
    told = f"import sys; {script}; print('found', *({WORK!r} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("found")[2].split())


def test_the_package_and_a_command_import_nothing_that_does_not_serve_them() -> None:
    assert worked("import nas; from nas.cli.entry import run; run(['check', 'lenet5'])") == set()


def test_what_does_the_work_would_be_seen() -> None:
    assert worked("import nas.driver") == {"nas.driver"}
    assert "nas.cli.difference" in worked("from nas.cli.entry import run; run(['--help'])")
