"""Documents of older versions, brought to the present one when they are read, forever.

A migration is a function from a tree to a tree; parts that it moves keep their marks, so that faults are still shown
where the user wrote them.
"""

from __future__ import annotations

from collections.abc import Callable

from graphs.faults import FaultList
from graphs.text import Mapping, Scalar, Tree


def _from_0(top: Mapping) -> Mapping:
    """Version 0, the draft: `net` was called `layers`, and `output` was the name of one step."""
    entries: list[tuple[Scalar, Tree]] = []
    for key, tree in top:
        if key.text == "layers":
            entries.append((Scalar("net", key.mark), tree))
        elif key.text == "output" and isinstance(tree, Scalar):
            entries.append((key, Mapping(((tree, tree),), tree.mark)))
        else:
            entries.append((key, tree))
    return Mapping(tuple(entries), top.mark)


# The one at place n reads version n and gives version n + 1.
MIGRATIONS: tuple[Callable[[Mapping], Mapping], ...] = (_from_0,)

VERSION = len(MIGRATIONS)


def migrate(tree: Tree, faults: FaultList) -> Tree:
    """The tree as one of the present version; a fault where its version is missing, or none that is known."""
    if not isinstance(tree, Mapping):
        return tree
    version = tree.get("version")
    if version is None:
        faults.add("version", "a document says its version", tree.mark, help=f"begin with `version: {VERSION}`")
        return tree
    number = version.value if isinstance(version, Scalar) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= VERSION:
        quoted = isinstance(version, Scalar) and version.text == str(VERSION)
        help = f"without quotes: version: {VERSION}" if quoted else f"version: {VERSION}"
        faults.add("version", f"this program reads version {VERSION}", version.mark, help=help)
        return tree
    for migration in MIGRATIONS[number:]:
        tree = migration(tree)
    return tree
