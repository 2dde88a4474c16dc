"""The verbs of the package are those of the files that do the work, which it does not import before they are called."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

import nas
import search_spaces
from nas import driver, exporting
from nas.fidelity import METHODS
from nas.study import Study, places
from nas.study_keys import PlaceKeys, StudyKeys
from nas.study_values import EXECUTORS, PROXIES, SAMPLERS

PARTS = {"Budget": nas.Budget, "Recipe": nas.Recipe, "Lookup": nas.Lookup, "Space": search_spaces.Space}
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


def test_every_verb_and_every_class_has_its_documentation() -> None:
    assert {name for name in nas.__all__ if name.islower()} == {"search", "compare", "resume", "read_trials", *VERBS}
    assert all(getattr(nas, name).__doc__ for name in nas.__all__)
    assert dir(nas) == nas.__all__


@pytest.mark.parametrize("verb", [nas.search, nas.compare], ids=["search", "compare"])
def test_the_keywords_of_a_verb_are_the_keys_of_a_study(verb: Callable[..., Any]) -> None:
    assert set(StudyKeys.__annotations__) == set(Study.model_fields)
    assert set(Study.model_fields) <= set(inspect.signature(verb).parameters)


@pytest.mark.parametrize("verb", [nas.search, nas.compare, nas.resume], ids=["search", "compare", "resume"])
def test_the_help_of_a_verb_has_its_keys_as_stubs_have_them(verb: Callable[..., Any]) -> None:
    shown = str(inspect.signature(verb))
    assert "device: 'str' = ..." in shown
    assert "Ellipsis" not in shown


def test_the_keywords_of_resuming_are_the_keys_that_say_where_trials_run() -> None:
    assert set(PlaceKeys.__annotations__) == set(places())
    assert list(inspect.signature(nas.resume).parameters) == ["run", "on_event", *PlaceKeys.__annotations__]


def test_the_words_of_a_keyword_are_those_that_a_study_takes() -> None:
    hints = get_type_hints(StudyKeys, None, PARTS)
    words = {name: get_args(hints[name]) for name in ("sampler", "fidelity", "screening", "executor")}
    assert {name: {*found} for name, found in words.items()} == {
        "sampler": {*SAMPLERS},
        "fidelity": {*METHODS},
        "screening": {*PROXIES},
        "executor": {*EXECUTORS},
    }


@pytest.mark.parametrize(
    ("name", "callback"),
    [("on_event", lambda record: None), ("on_wait", lambda: None), ("on_event", "print")],
    ids=["too few", "none", "a text"],
)
def test_a_callback_that_cannot_be_called_is_refused_before_there_is_a_run(
    name: str, callback: object, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=f"`{name}` is called with"):
        nas.search(space="small", data="digits", run=tmp_path / "run", **{name: callback})  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("verb", [nas.search, nas.compare])
@pytest.mark.parametrize("study", [{"space": "small", "data": "digits"}, 7])
def test_what_is_no_study_is_refused_with_how_keys_are_given(verb: Callable[..., Any], study: object) -> None:
    told = f"`study` is a `nas.Study`, or the path of a study file, got a `{type(study).__name__}`; keys of a study are"
    with pytest.raises(TypeError, match=re.escape(told)):
        verb(study)


def test_a_comparison_lacks_a_table_and_no_images() -> None:
    with pytest.raises(nas.StudyError, match="samplers are compared on a `table`"):
        nas.compare(space="small")


def test_a_path_is_taken_wherever_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(nas.FixpointError, match="there is no data at"):
        nas.search(space="small", data=tmp_path / "gone")


WORK = {"nas.driver", "nas.exporting", "nas.cli.runs", "nas.cli.difference", "graphs.drawing"}


def worked(script: str) -> set[str]:
    """Which of the files that do the work a script imports."""
    told = f"import sys; {script}; print('found', *({WORK!r} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("found")[2].split())


def test_the_package_and_a_command_import_nothing_that_does_not_serve_them() -> None:
    assert worked("import nas; from nas.cli.entry import run; run(['check', 'lenet5'])") == set()


def test_the_package_alone_imports_none_of_its_classes() -> None:
    script = "import sys, nas; dir(nas); print(*[name for name in sys.modules if name.partition('.')[0] in {0!r}])"
    loaded = [sys.executable, "-c", script.format(("nas", "graphs", "blocks", "pydantic"))]
    done = subprocess.run(loaded, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"nas", "nas.verbs", "nas.study_keys"}


def test_what_does_the_work_would_be_seen() -> None:
    assert worked("import nas.driver") == {"nas.driver"}
    assert "nas.cli.difference" in worked("from nas.cli.entry import run; run(['--help'])")
