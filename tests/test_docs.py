"""Every example of README.md and docs/ is true: documents are legal, Python runs, commands print what is shown."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, create_autospec

import pytest

import graphs
import nas
import search_spaces
from graphs import DocumentError
from graphs.faults import FaultList
from graphs.reading import DOCUMENT_KEYS
from graphs.text import Mapping, parse_tree, source_of
from nas import driver
from nas.cli.entry import run
from nas.comparing import Comparison
from nas.manifest import Bundle
from nas.opening import open_study
from nas.recipe import DIGITS, PHOTOS, Recipe
from nas.results import Result
from nas.study import Study
from nas.study_files import read_study
from tests.pages import PAGES, Example, examples, examples_of
from tests.test_floors import ROOT

# Its documents are wrong, and compared with what is said of them by a test of its own.
EXAMPLES = [example for page in PAGES if page.name != "errors.md" for example in examples(page)]
DOCUMENTS = [example for example in EXAMPLES if re.match(r"(#.*\n)*version:", example.text) and not example.file]
FRAGMENTS = [e for e in EXAMPLES if e.language == "yaml" and e not in DOCUMENTS and not e.file]
PYTHON = [page for page in PAGES if any(e.language == "python" and not e.file for e in examples(page))]


# What a part of a document needs to be a whole one, and how a console script begins.
REST = "version: 1\ninput: {image: {map: [3, 8, 8]}}\nnet: [{relu: {}}]\n"
NAS = "from nas.cli import main; main()"


def has_holes(text: str) -> bool:
    return re.search(r"\b(choice|range): *[\[{]", text) is not None


def read(text: str) -> None:
    """Read a document as a network, or as a space where it has holes. Raises DocumentError."""
    if has_holes(text):
        search_spaces.parse(text)
    else:
        graphs.parse(text)


@pytest.mark.parametrize("example", DOCUMENTS, ids=str)
def test_a_document_is_legal(example: Example, tmp_path: Path) -> None:
    """It may use the files of its page."""
    write_files(next(page for page in PAGES if page.name == example.page), tmp_path)
    path = tmp_path / "document.yaml"
    path.write_text(example.text, "utf-8")
    if has_holes(example.text):
        search_spaces.load(path)
    else:
        graph = graphs.load(path)
        for name, _ in graph.document.variants:
            graphs.load(path, variant=name.text)


def test_the_page_on_the_language_shows_every_key_of_a_document() -> None:
    page = [example.text for example in DOCUMENTS if example.page == "language.md"]
    shown = {key for text in page for key in re.findall(r"^(\w+):", text, re.MULTILINE)}
    assert set(DOCUMENT_KEYS) <= shown


@pytest.mark.parametrize("example", FRAGMENTS, ids=str)
def test_a_part_of_a_document_is_marked_as_one_and_is_yaml(example: Example) -> None:
    assert example.mark == "fragment", "begin it with `version: 1`, or write <!-- fragment --> in front of it"
    faults = FaultList()
    source = source_of(example.text, str(example), faults)
    tree = parse_tree(source, faults) if source else None
    faults.raise_if_any()
    if isinstance(tree, Mapping) and all(key.text in DOCUMENT_KEYS for key, _ in tree):
        read(f"{REST}{example.text}")


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.file.endswith("study.yaml")], ids=str)
def test_a_study_is_sound(example: Example, tmp_path: Path) -> None:
    (tmp_path / example.file).write_text(example.text, "utf-8")
    opening = open_study(read_study(tmp_path / example.file).study({}))
    assert opening.space.sample(1, opening.study.budget).points


def test_the_page_on_searching_names_every_key_of_a_study() -> None:
    page = (ROOT / "docs/search.md").read_text("utf-8")
    assert [key for key in Study.model_fields if f"`{key}`" not in page] == []


def test_the_page_on_searching_has_the_recipes_as_they_are() -> None:
    page = (ROOT / "docs/search.md").read_text("utf-8")
    table = page.partition("| key | what | glyphs | photographs |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in table.splitlines()[1:]]
    shown = {row[0]: tuple(row[-2:]) for row in rows}
    default = {
        name: tuple(str(getattr(recipe, name)).lower() for recipe in (DIGITS, PHOTOS)) for name in Recipe.model_fields
    }
    assert shown == default


def names_itself(example: Example) -> str:
    """The file that a document is on its page: that of its name."""
    found = re.search(r"^name: (\w+)$", example.text, re.MULTILINE)
    return f"{found[1]}.yaml" if found else "network.yaml"


def is_shown_with_its_document(example: Example) -> bool:
    command = re.match(r"\$ nas (?:check|show|space \w+) (\w+(?:\.yaml)?)[ \n]", example.text)
    documents = {names_itself(document) for document in DOCUMENTS if document.page == example.page}
    documents |= {other.file for other in EXAMPLES if other.page == example.page and other.file.endswith(".yaml")}
    needs_a_package = example.page == "own_blocks.md"  # it has a test of its own
    return command is not None and not needs_a_package and command[1] in {*documents, *search_spaces.names("space")}


def write_files(page: Path, folder: Path) -> None:
    """The files of a page, and its documents under their names."""
    for example in examples(page):
        if example.file or example in DOCUMENTS:
            path = folder / (example.file or names_itself(example))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.text, "utf-8")


def only_called(function: Callable[..., Any], returns: type) -> Callable[..., Any]:
    """In place of what takes minutes: it is called with arguments that it has, and so are the methods of what it
    returns, which has the fields of this dataclass."""
    signature = inspect.signature(function)

    def call(*args: object, **kwargs: object) -> object:
        signature.bind(*args, **kwargs)
        answer = create_autospec(returns, instance=True)
        for field in fields(returns):
            setattr(answer, field.name, MagicMock())
        return answer

    return call


def write_bundle(folder: Path) -> None:
    """What a search for digits leaves, with random weights."""
    from nas.bundle import export, random_weights

    graph = search_spaces.load("small").sample(1).points[0].graph
    preprocessing = {"scale": "raw", "mean": [4.9], "std": [6.0]}
    metadata = {"classes": [str(digit) for digit in range(10)], "preprocessing": preprocessing}
    folder.parent.mkdir(parents=True)
    export(graph, random_weights(graph), folder, metadata=metadata)


def write_network_bundle(name: str, folder: Path) -> None:
    """What an export of a shipped network leaves, with random weights."""
    from nas.bundle import export, random_weights

    graph = search_spaces.load_network(name)
    export(graph, random_weights(graph), folder, metadata={"weights": "random"})


@pytest.mark.parametrize("page", PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    if page.name == "bundles.md":
        write_bundle(tmp_path / "runs/small-digits-1/bundle")
        write_network_bundle("squeezenet1_1", tmp_path / "shipped/squeezenet1_1")
    if page.name == "tables.md":  # as it is published, but for one network alone
        published = {"00000000": {"test_acc": [3.0, 1.0, 2.0], "mean_acc": 2.0}}
        (tmp_path / "nas-bench-macro_cifar10.json").write_text(json.dumps(published))
    # Not `nas.search`, so that it reads its study.
    monkeypatch.setattr("nas.driver.search", only_called(driver.search, Result))
    for name, returns in {"compare": Comparison, "resume": Result, "status": Result, "export": Bundle}.items():
        monkeypatch.setattr(nas, name, only_called(getattr(nas, name), returns))
    scope: dict[str, object] = {"__name__": page.stem}
    for example in examples(page):
        if example.language == "python" and not example.file:
            exec(compile("\n" * example.line + example.text, str(page), "exec"), scope)  # noqa: S102


@pytest.mark.parametrize("example", [e for e in EXAMPLES if is_shown_with_its_document(e)], ids=str)
def test_a_command_prints_what_is_shown(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = next(page for page in PAGES if page.name == example.page)
    line, _, shown = example.text.partition("\n")
    arguments = shlex.split(line.removeprefix("$ nas "))
    write_files(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    run(arguments)
    printed = capsys.readouterr()
    assert printed.out + printed.err == shown


@pytest.mark.slow
def test_the_package_of_the_page_on_blocks_works_as_it_says(tmp_path: Path) -> None:
    page = ROOT / "docs/own_blocks.md"
    write_files(page, tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text("utf-8"))["project"]
    entries = project["entry-points"]["fixpoint.blocks"]
    metadata = tmp_path / "our_blocks-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    rows = [f"{key} = {value}" for key, value in entries.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[fixpoint.blocks]", *rows]) + "\n")
    (shown,) = [example.text for example in examples(page) if example.text.startswith("$ nas check")]

    def python(*arguments: str) -> str:
        paths = f"{tmp_path}:{ROOT}"
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": paths, "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "$ nas check net.yaml\n" + python("-c", NAS, "check", "net.yaml") == shown
    assert "1 passed" in python("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pixels.py")


def test_a_wrong_document_on_a_page_would_be_seen() -> None:
    (example,) = examples_of("# A page\n\n```yaml\nversion: 1\nnet: []\n```\n", "page.md")
    assert (str(example), example.language) == ("page.md:3", "yaml")
    with pytest.raises(DocumentError):
        read(example.text)


def test_a_mark_belongs_to_the_block_behind_it() -> None:
    text = "<!-- file: a/b.py -->\n```python\n1\n```\n\n<!-- fragment -->\n```yaml\na: 1\n```\n\n```\n$ nas\n```\n"
    found = [(example.mark, example.file, example.language, example.text) for example in examples_of(text, "page.md")]
    assert found == [("file", "a/b.py", "python", "1\n"), ("fragment", "", "yaml", "a: 1\n"), ("", "", "", "$ nas\n")]
