"""Spaces from files and texts, checked for all that does not depend on decisions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from graphs.document import Document, Settings
from graphs.expansion import check_space
from graphs.faults import FaultList
from graphs.loading import load_document, parse_document
from graphs.requirements import read_requirements
from search_spaces.catalog import find
from search_spaces.space import Space
from search_spaces.spelling import read_spelling


def load(name_or_path: str | Path, settings: Settings | None = None, *, variant: str | None = None) -> Space:
    """A shipped space by its name, or one's own file, or a variant of it. `settings` overrides the document's `params`.

    Raises `NotFoundError`, and `DocumentError` with all faults that do not depend on decisions.
    """
    found = find(name_or_path, "space").with_variant(variant)
    return _space(load_document(found.path, holes=True), settings, found.variant)


def parse(text: str, source: str = "<text>", settings: Settings | None = None) -> Space:
    """The space of a text. Raises `DocumentError` as `load` does."""
    return _space(parse_document(text, source, holes=True), settings, None)


def _space(document: Document, settings: Settings | None, variant: str | None) -> Space:
    faults = FaultList()
    if variant is not None:
        document = document.with_variant(variant, faults)
    document = document.with_settings(settings or {}, faults)
    check_space(document, faults)
    read_requirements(document, faults)
    faults.raise_if_any()
    space = Space(document)
    for address, times in Counter(decision.address for decision in space.decisions).items():
        if times > 1:  # an argument and a step of a block, or a step called `params`
            *before, last = space.marks(address) or (document.mark,)
            notes = tuple(f"the choice at {mark}:{mark.column} has it as well" for mark in before)
            help = "give a step or a parameter there another name"
            message = f"{times} decisions have the address `{address}`"
            faults.add("duplicate-name", message, last, help=help, notes=notes)
    read_spelling(document, space.decisions, faults)
    faults.raise_if_any()
    return space
