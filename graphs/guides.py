"""What leads an expansion through a document whose holes are open.

An expansion that is led asks for the alternative of a hole where it needs it, and not before: arguments of a block have
values from the moment that something reads them. What it makes is shown to the guide node by node, and the guide ends a
way that leads nowhere by `Mismatch`; `in_turn` then does the parts of the walk again from the last one that can go
another way. `search_spaces.locating` has the one guide that there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from blocks.primitive import Primitive
from graphs.arguments import Argument, Scope
from graphs.document import Action, Choice, Step
from graphs.expressions import Value
from graphs.frames import Handle
from graphs.slots import Slot
from graphs.text import Mapping, Scalar, Tree


class Mismatch(Exception):
    """This way leads nowhere."""


class Guide(Protocol):
    """Decides the holes of a document while it is expanded."""

    def turn_back(self) -> Mismatch:
        """What to raise where this way leads nowhere."""

    def evaluate(self, tree: Tree, slot: Slot, scope: Scope) -> Argument:
        """The value of an argument. Raises `Mismatch`; `Missing` inside another evaluation."""

    def condition(self, tree: Scalar, scope: Scope) -> Value:
        """The value of a condition. Raises as `evaluate` does."""

    def known(self, values: dict[str, Value | tuple[int, ...]], name: str, find: Callable[[], Argument]) -> Argument:
        """The value that `find` gives, kept under its name among `values` for as long as it holds."""

    def goes_on(self, step: Step, slot: Slot, scope: Scope, values: list[Handle], first: int) -> bool:
        """Whether a step is repeated once more. `values` are what it reads and what each repetition so far has given;
        nothing else that was made since value `first` is read from outside. Raises `Mismatch`."""

    def pick(self, choice: Choice) -> Action:
        """One of the alternatives of a choice."""

    def source(self, hole: Mapping) -> Scalar:
        """One of the names that a step may read."""

    def in_turn(self, part: Callable[[int], bool]) -> None:
        """Do the parts 0, 1, ... until one says that it was the last; any may be done again, and those after it.

        Raises `Mismatch` where another way begins before the first of them.
        """

    def spare(self, step: Callable[[], Handle]) -> Handle:
        """A step whose result may go unread."""

    def expect(self, kind: type[Primitive], sources: tuple[Handle, ...]) -> None:
        """A node of this kind is about to be made. Raises `Mismatch` where none is wanted."""

    def meet(self, handle: Handle) -> None:
        """It was made. Raises `Mismatch` where it is not the one that is wanted."""


class Waiting(dict[str, "Value | tuple[int, ...]"]):
    """Values by name, some of which are found when they are read, and kept for as long as they hold."""

    def __init__(self, guide: Guide) -> None:
        super().__init__()
        self._guide = guide
        self._waiting: dict[str, Callable[[], Argument]] = {}

    def wait(self, name: str, find: Callable[[], Argument]) -> None:
        """A name whose value `find` gives. It may raise `Missing`."""
        self._waiting[name] = find

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._waiting

    def __missing__(self, name: str) -> Value | tuple[int, ...]:
        value = self._guide.known(self, name, self._waiting[name])
        assert value is not None
        return value
