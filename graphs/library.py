"""The composites that ship with the product, read once: `blocks/composites/*.yaml`, each a library of templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import blocks
from graphs.document import Template
from graphs.faults import FaultList
from graphs.templates import read_library
from graphs.text import parse_tree, read_source

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
