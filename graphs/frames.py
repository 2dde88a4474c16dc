"""Where an expansion stands: values under construction, open calls, and who is to blame for a fault inside them."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.types import Type
from graphs.arguments import Scope
from graphs.document import Template
from graphs.faults import Mark
from graphs.text import Mapping


@dataclass(slots=True)
class Handle:
    """A value under construction. Without a type it stands for something at fault."""

    value: int | None
    type: Type | None
    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Frame:
    """One open call: where it stands, and what called it."""

    template: Template | None
    address: str
    mark: Mark
    arguments: Mapping | None
    parent: Frame | None
    depth: int

    def calls(self, template: Template) -> bool:
        """Whether this template is open here already."""
        frame: Frame | None = self
        while frame is not None:
            if frame.template is template:
                return True
            frame = frame.parent
        return False


@dataclass(slots=True)
class Body:
    """A body under expansion: its names and its input."""

    frame: Frame
    prefix: str
    scope: Scope
    handles: dict[str, Handle]
    source: Handle | None


def blame(mark: Mark, frame: Frame, argument: str | None) -> tuple[Mark, tuple[str, ...]]:
    """Where a fault is shown, and the chain of calls that led there.

    A fault inside a shipped block is shown at the step that called it: at the argument of the same name, if it was given.
    """
    inside: Frame | None = frame
    while mark.source.builtin and inside is not None and inside.template is not None:
        passed = inside.arguments.get(argument) if inside.arguments and argument else None
        mark = passed.mark if passed is not None else inside.mark
        inside = inside.parent
    chain = []
    while inside is not None and inside.template is not None and inside.parent is not None:
        chain.append(f"in `{inside.template.name.text}` at {inside.address}, called from {inside.mark}")
        inside = inside.parent
    return mark, tuple(chain)
