"""Where an expansion stands: values under construction, open calls, and who is to blame for a fault inside them."""

from __future__ import annotations

from dataclasses import dataclass, field

from blocks.types import Type
from graphs.arguments import Scope, names_in
from graphs.calls import Given
from graphs.document import Step, Template
from graphs.faults import Mark


@dataclass(slots=True)
class Handle:
    """A value under construction. Without a value and a type it stands for something at fault.

    `before` is what the step that gave it read, where that is one value and stands in the same body.
    """

    value: int | None
    type: Type | None
    name: str
    mark: Mark
    before: Handle | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One open call: where it stands, what it was given, and what called it."""

    template: Template | None
    address: str
    mark: Mark
    arguments: Given
    parent: Frame | None

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
    """A body under expansion: its named steps and values, its input, and how deep it is nested.

    `possible_names`: words that may name a step whose name can't be read. `incomplete`: any word may. `doubtful`: a
    lookup failed, so dead nodes are not reported. `unnamed`: steps without a name.
    """

    frame: Frame
    prefix: str
    scope: Scope
    handles: dict[str, Handle]
    source: Handle | None
    depth: int
    possible_names: frozenset[str] = frozenset()
    incomplete: bool = False
    doubtful: bool = False
    cyclic: bool = False
    unnamed: set[str] = field(default_factory=set)
    steps: dict[str, Step] = field(default_factory=dict)


def blame(mark: Mark, frame: Frame, names: frozenset[str] = frozenset()) -> tuple[Mark, tuple[str, ...]]:
    """Where a fault is shown, and the chain of calls that led there.

    A fault inside a shipped block is shown at the step that called it: at the argument given there that the value at
    fault depends on, if there is one such; `names` are the names that it reads.
    """
    inside: Frame | None = frame
    chain: list[str] = []
    while mark.source.builtin and inside is not None and inside.template is not None:
        given = {name: tree for name, (_, tree) in inside.arguments.items() if name in names}
        if len(given) == 1:
            (tree,) = given.values()
            mark, names = tree.mark, names_in(tree)
        else:
            mark, names = inside.mark, frozenset()
            chain += [f"it comes from {' and '.join(f'`{name}`' for name in given)}"] if given else []
        inside = inside.parent
    while inside is not None and inside.template is not None and inside.parent is not None:
        chain.append(f"in `{inside.template.name.text}` at {inside.address}, called from {inside.mark}")
        inside = inside.parent
    return mark, tuple(chain)


def own_address(address: str, frame: Frame) -> str:
    """The address of what a document itself wrote: of the shipped block around a node, or of the node."""
    inside: Frame | None = frame
    while inside is not None and inside.template is not None and inside.template.name.mark.source.builtin:
        address, inside = inside.address, inside.parent
    return address
