"""Values, addresses and bodies as the generated functions have them, in variables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from graphs.resolving import BEFORE
from search_spaces.code_expressions import Names, Writer


class Variables(NamedTuple):
    """The variables of a value: its type, and its number; the same of what the step that gave it read, where that is
    one value and stands in the same body."""

    type: str
    at: str
    before: str = "None"
    before_at: str = "0"

    @classmethod
    def new(cls, writer: Writer, size: int = 2) -> Variables:
        """Variables that no other value has: the first two, or all of them."""
        return cls(*[writer.fresh(letter) for letter in "tvtv"[:size]])

    @property
    def value(self) -> str:
        """The first two of them."""
        return f"{self.type}, {self.at}"

    @property
    def all(self) -> str:
        """The four of them."""
        return ", ".join(self)


class Place(NamedTuple):
    """An address: a variable, and what follows it."""

    variable: str
    rest: str = ""

    def of(self, name: str) -> Place:
        """The address of what stands inside."""
        return Place(self.variable, f"{self.rest}.{name}" if self.variable or self.rest else name)

    @property
    def code(self) -> str:
        """The code that gives it."""
        if not self.variable:
            return repr(self.rest)
        return f"{self.variable} + {self.rest!r}" if self.rest else self.variable


class Body(NamedTuple):
    """A body of which code is generated: where the lines go, the names in scope, its input, its steps so far by name,
    its address (None in a block that leaves nothing open), and the code of what the block was given."""

    writer: Writer
    scope: Names
    source: Variables | None
    named: dict[str, Variables]
    place: Place | None
    given: str


def together(parts: Iterable[str]) -> str:
    """The code of a tuple of these."""
    return f"({' '.join(f'{part},' for part in parts)})"


def refused(writer: Writer) -> Variables:
    """No value: there is no such network."""
    writer.add("refuse()")
    return Variables("None", "0")


def after(source: Variables, value: Variables) -> Variables:
    """The value of a step that read one."""
    return Variables(value.type, value.at, source.type, source.at)


def named(name: str, body: Body) -> Variables:
    """The value of a step or an input."""
    if name == "in" and body.source is not None:
        return body.source
    return body.named.get(name) or refused(body.writer)


def given_node(word: str, source: Variables, body: Body) -> Variables:
    """The value of the step that an argument names, for a call that reads `source`; nothing is before it there."""
    if word != BEFORE or BEFORE in body.named:
        found = named(word, body)
        return Variables(found.type, found.at)
    body.writer.add(f"if {source.before} is None: refuse()")
    return Variables(source.before, source.before_at)
