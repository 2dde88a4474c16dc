"""What a key can stand for: the composites that ship with the product (`blocks/composites/*.yaml`, each a library of
templates, read once), its primitives, and those of other packages.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import blocks
from blocks.catalog import primitive
from blocks.extensions import extension, extensions
from blocks.primitive import Primitive
from graphs.document import Template
from graphs.faults import FaultList
from graphs.steps import GROUPS, STEP_KEYS
from graphs.templates import read_library
from graphs.text import parse_tree, read_source
from graphs.tree_checks import KEYWORDS, MODULE_WORDS

FOLDER = Path(blocks.__file__).parent / "composites"


@cache
def composites() -> dict[str, Template]:
    """All shipped templates by name; they see each other, and nothing else."""
    faults = FaultList()
    found: dict[str, Template] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        source = read_source(path, faults, name=f"composites/{path.name}", builtin=True)
        tree = parse_tree(source, faults) if source else None
        templates = read_library(tree, faults) if tree else {}
        assert not templates.keys() & found.keys(), f"{path.name} defines a template again"
        found.update(templates)
    faults.raise_if_any()
    return found


@cache
def block_class(key: str) -> type[Primitive] | None:
    """The primitive of this key, one of another package included; None where there is none.

    Raises `blocks.extensions.BlockError`.
    """
    return primitive(key) or extension(key, _taken())


def extension_classes() -> tuple[type[Primitive], ...]:
    """All primitives of other packages. Raises `blocks.extensions.BlockError`."""
    return extensions(_taken())


def _taken() -> frozenset[str]:
    """What no package may call its block, beside the keys of primitives."""
    return frozenset((*composites(), *STEP_KEYS, *GROUPS, *KEYWORDS, *MODULE_WORDS))
