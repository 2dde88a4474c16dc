"""What the floors' docstrings draw, the reading order of files and the tree of errors, is what the code has."""

from __future__ import annotations

import ast
import re

import pytest

from tests.test_floors import CONFIGURATION, PACKAGES, ROOT, imported_at_once, sources


def docstring(path: str) -> str:
    return ast.get_docstring(ast.parse((ROOT / path).read_text("utf-8"))) or ""


def reading_order(text: str) -> list[str]:
    """The names of the indented table in a package's docstring, below the words `Reading order` where it has them."""
    table = text[max(0, text.find("Reading order")) :]
    rows = re.findall(r"^ {4}([a-z_/, ]+?) {2,}\S", table, re.MULTILINE)
    return [name.rstrip("/") for row in rows for name in row.split(", ")]


def members(package: str) -> dict[str, list[str]]:
    """The sources of every file and subpackage of a package, by name."""
    folder = ROOT / package.replace(".", "/")
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        if path != folder / "__init__.py":
            name = path.relative_to(folder).parts[0].removesuffix(".py")
            found.setdefault(name, []).append(path.read_text("utf-8"))
    return found


def against_the_order(package: str, order: list[str], files: dict[str, list[str]]) -> set[str]:
    """Files that the order does not name, names without a file, and imports of what stands below."""
    faults = {f"{name} is not in the order" for name in files.keys() - set(order)}
    faults |= {f"{name} is no file" for name in set(order) - files.keys()}
    for name in files.keys() & set(order):
        below = {f"{package}.{other}" for other in order[order.index(name) + 1 :]}
        for imported in (imported for source in files[name] for imported in imported_at_once(source)):
            faults |= {f"{name} imports {other}" for other in below if f"{imported}.".startswith(f"{other}.")}
    return faults


ALL_PACKAGES = CONFIGURATION["tool"]["setuptools"]["packages"]


@pytest.mark.parametrize("package", ALL_PACKAGES)
def test_a_file_imports_only_what_stands_above_it(package: str) -> None:
    order = reading_order(docstring(f"{package.replace('.', '/')}/__init__.py"))
    assert against_the_order(package, order, members(package)) == set()


def test_an_import_against_the_reading_order_would_be_seen() -> None:
    order = reading_order("A floor.\n\n    one      first\n    two/     second\n    gone, lost    third\n")
    files = {
        "one": ["import other.two", "from floor.two.deep import a", "from floor import two"],
        "two": ["from floor.one import b", "def f():\n    import floor.gone"],
        "new": [""],
    }
    assert against_the_order("floor", order, files) == {
        "new is not in the order",
        "gone is no file",
        "lost is no file",
        "one imports floor.two",
    }


def errors(*texts: str) -> set[str]:
    """The classes of these sources that come from `FixpointError`, by name."""
    bases = {
        node.name: {ast.unparse(base).split(".")[-1] for base in node.bases}
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = set()
    while more := {name for name, above in bases.items() if above & (found | {"FixpointError"})} - found:
        found |= more
    return found


def test_the_error_tree_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"── (\w+)", docstring("blocks/errors.py"))
    assert set(drawn) == errors(*(path.read_text("utf-8") for path in sources(*PACKAGES)))


def test_an_error_that_is_not_drawn_would_be_seen() -> None:
    one = "class A(errors.FixpointError): ...\nclass Other(ValueError): ..."
    other = "def f():\n    class B(A): ..."
    assert errors(one, other) == {"A", "B"}
