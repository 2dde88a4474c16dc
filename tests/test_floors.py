"""The structure that DESIGN promises, each promise with a planted fault that shows that its test can fail.

Static means light: what reads, checks, costs and samples networks never loads a tensor library or a search engine.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("blocks", "graphs", "search_spaces", "nas")
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
HEAVY: list[str] = CONFIGURATION["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]

# Which file may load what when it is itself imported.
RUNS_TENSORS = (
    "blocks/modules.py",
    "graphs/compilation.py",
    "graphs/training_kernels.py",
    "graphs/convolutions.py",
    "graphs/inference_kernels.py",
    "graphs/preparation.py",
    "nas/training.py",
    "nas/proxies.py",
    "nas/bundle.py",
    "nas/onnx_operators.py",
    "nas/pretrained.py",
    "nas/weight_files.py",
)
ALLOWED = {
    "torch": RUNS_TENSORS,
    "onnx": ("nas/bundle.py", "nas/onnx_operators.py"),
    "onnxruntime": ("nas/bundle.py",),
    "onnxscript": ("nas/bundle.py", "nas/onnx_operators.py"),
    "ray": ("nas/executors/ray.py", "nas/executors/ray_lanes.py", "nas/executors/ray_session.py"),
    "optuna": ("nas/samplers/", "nas/optuna_storage.py"),
}


def loaded_by(script: str, *folders: Path) -> set[str]:
    """The heavy libraries in `sys.modules` after this script, run in a process of its own that also sees `folders`."""
    report = "\nimport json, sys\nprint('\\n' + json.dumps(sorted(name for name in sys.modules if '.' not in name)))"
    paths = os.pathsep.join(map(str, (ROOT, *folders)))
    done = subprocess.run(
        [sys.executable, "-c", script + report],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1])) & set(HEAVY)


def command(*arguments: str) -> str:
    """A script that runs one `nas` command in its own process, and insists that it ends well."""
    return f"""
import sys
from nas.cli import main
sys.argv = ["nas", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


LIGHT = {
    **{f"import {package}": f"import {package}" for package in PACKAGES},
    "rules of all blocks": """
from tests.blocks.examples import EXAMPLES
for example in EXAMPLES:
    example.block.infer(example.inputs)
    example.block.cost(example.inputs)
""",
    "cost and hash of a network": """
import graphs, search_spaces
graph = search_spaces.load_network("resnet50")
assert graph.costs().params == 25_557_032
assert graphs.parse(graph.text()).hash == graph.hash
""",
    "sample of a space": """
import graphs, search_spaces
budget = graphs.Budget.of(max_params="4k", max_macs="400k")
assert len(search_spaces.load("small").sample(3, budget).points) == 3
""",
    "images of digits": """
import sys
from nas.data import load_data
assert len(load_data("digits").final.test) == 359
assert "sklearn" not in sys.modules  # which takes seconds to import
""",
    "nas check": command("check", "resnet50"),
    "nas check --json": command("check", "resnet50", "--json"),
    "nas show": command("show", "resnet50"),
    "nas show --as": command("show", "resnet50", "--as", "fvcore"),
    "nas diff": command("diff", "resnet50", "googlenet"),
    "nas zoo list": command("zoo", "list"),
    "nas zoo show": command("zoo", "show", "resnet50"),
    "nas zoo plot": command("zoo", "plot", "--family", "vgg", "-o", "-"),
    "nas space show": command("space", "show", "mobile"),
    "nas space count": command("space", "count", "nasbench_macro", "--max-macs", "40M"),
    "nas space sample": command("space", "sample", "nasbench_macro", "-n", "2", "--max-params", "500k"),
    "nas schema": command("schema"),
    "nas --help": command("--help"),
    "nas search --help": command("search", "--help"),
}


@pytest.mark.parametrize("script", LIGHT.values(), ids=LIGHT)
def test_static_work_loads_no_heavy_library(script: str) -> None:
    assert loaded_by(script) == set()


def test_a_package_that_loads_torch_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text("import blocks\nimport torch\n")
    assert "torch" in loaded_by("import leaky", tmp_path)


@pytest.mark.parametrize("library", HEAVY)
def test_every_heavy_library_would_be_seen(library: str, tmp_path: Path) -> None:
    (tmp_path / f"{library}.py").touch()
    assert loaded_by(f"import blocks, sys; sys.path.insert(0, {str(tmp_path)!r}); import {library}") == {library}


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def imported_at_once(source: str) -> Iterator[str]:
    """The modules that this source imports when it is itself imported: those outside of functions and type checking."""
    pending: list[ast.AST] = [ast.parse(source)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def misplaced(path: str, source: str) -> set[str]:
    """The heavy libraries that this file loads and may not."""
    found = {name.split(".")[0] for name in imported_at_once(source)} & set(HEAVY)
    return {library for library in found if not path.startswith(ALLOWED.get(library, ("nowhere",)))}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_heavy_import_stands_only_in_the_files_that_need_it(path: Path) -> None:
    assert misplaced(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("graphs/costs.py", "import torch", {"torch"}),
        ("graphs/costs.py", "from torch import nn", {"torch"}),
        ("graphs/costs.py", "if True:\n    import torch.nn as nn", {"torch"}),
        ("graphs/costs.py", "try:\n    import ray\nexcept ImportError:\n    import optuna", {"ray", "optuna"}),
        ("graphs/costs.py", "class A:\n    import torch", {"torch"}),
        ("graphs/costs.py", "def f():\n    import torch", set()),
        ("graphs/costs.py", "if TYPE_CHECKING:\n    import torch", set()),
        ("graphs/costs.py", "if typing.TYPE_CHECKING:\n    import torch\nelse:\n    import onnx", {"onnx"}),
        ("graphs/compilation.py", "import torch", set()),
        ("graphs/compilation.py", "import ray", {"ray"}),
        ("nas/executors/ray.py", "from ray import tune", set()),
        ("nas/executors/ray.py", "import torch", {"torch"}),
        ("nas/samplers/tpe.py", "import optuna", set()),
        ("nas/brain.py", "import optuna", {"optuna"}),
    ],
)
def test_a_misplaced_import_would_be_seen(path: str, source: str, found: set[str]) -> None:
    assert misplaced(path, source) == found


def lint(path: str, source: str) -> str:
    """What ruff's import rule says of a file with this content at this place."""
    return subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "TID253", "--stdin-filename", ROOT / path, "-"],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize("library", HEAVY)
def test_make_check_reports_a_misplaced_import(library: str) -> None:
    assert "TID253" in lint("graphs/costs.py", f"import {library}\n")


@pytest.mark.parametrize("path", [*RUNS_TENSORS, "nas/executors/ray.py", "nas/samplers/tpe.py"])
def test_make_check_lets_the_files_that_need_it_import(path: str) -> None:
    assert "All checks passed" in lint(path, "import torch\n")


def lint_imports(folder: Path, path: str, statement: str) -> str:
    """What import-linter says, under this project's contracts, of four floors that hold only this one statement."""
    for package in PACKAGES:
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    (folder / path).write_text(statement)
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), "utf-8")
    script = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run(
        [sys.executable, "-c", script, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize(
    ("path", "statement", "verdict"),
    [
        ("nas/a.py", "import search_spaces, graphs, blocks", "Contracts: 2 kept, 0 broken."),
        ("nas/a.py", "import ray, optuna", "Contracts: 2 kept, 0 broken."),
        ("blocks/a.py", "import graphs", "blocks is not allowed to import graphs"),
        ("blocks/a.py", "def f():\n    import nas", "blocks is not allowed to import nas"),
        ("graphs/a.py", "from search_spaces import x", "graphs is not allowed to import search_spaces"),
        ("search_spaces/a.py", "import nas", "search_spaces is not allowed to import nas"),
        ("graphs/a.py", "def f():\n    import ray", "graphs is not allowed to import ray"),
        ("search_spaces/a.py", "def f():\n    import optuna", "search_spaces is not allowed to import optuna"),
    ],
)
def test_make_check_reports_an_import_upwards(path: str, statement: str, verdict: str, tmp_path: Path) -> None:
    assert verdict in lint_imports(tmp_path, path, statement)
