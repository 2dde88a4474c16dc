"""Where a network leaves a space: the furthest that a search for it came, and what the space could have made there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from blocks.errors import FixpointError
from blocks.types import Type
from graphs.arguments import Argument, shown
from graphs.faults import one_of
from graphs.graph import Graph
from search_spaces.targets import Target, block_text

MOST_SHOWN = 12


class NotInSpaceError(FixpointError):
    """A network that is no point of a space. `address` is the first of its nodes that the space can't make there."""

    def __init__(self, message: str, *, help: str = "", address: str = "") -> None:
        super().__init__(message, help=help)
        self.address = address


class Departure:
    """The furthest dead ends of a search."""

    def __init__(self) -> None:
        self._depth = -1
        self._found: frozenset[int] = frozenset()
        self._tried: dict[str, dict[str, list[Argument]]] = {}
        self._inputs = ""

    def note(self, found: Mapping[int, bool], key: str, argument: str = "", values: Iterable[Argument] = ()) -> None:
        """A dead end after these nodes: at a block, at an argument of it that took these values in vain, or the end."""
        if len(found) < self._depth:
            return
        if len(found) > self._depth:
            self._depth, self._found, self._tried = len(found), frozenset(found), {}
        arguments = self._tried.setdefault(key, {})
        if argument:
            known = arguments.setdefault(argument, [])
            known += [value for value in values if value not in known]

    def note_inputs(self, graph: Graph, inputs: Mapping[str, Type]) -> None:
        """The space has other inputs."""
        own, wanted = (", ".join(map(str, types)) for types in (inputs.values(), graph.inputs.values()))
        self._inputs = f"the network reads {wanted}, the networks of the space {own}"

    def error(self, target: Target) -> NotInSpaceError:
        """What to tell of it."""
        value = target.next_after(self._found)
        if self._inputs:
            return NotInSpaceError(self._inputs, help="set `params` of the space that give its input")
        if value is None:
            return NotInSpaceError("the space has the nodes of the network, but not its outputs or shared weights")
        node = target.node(value)
        message = f"the space has no `{block_text(node.block)}` at `{node.address}`"
        if tried := self._tried.get(node.block.key, {}):
            has = "there it has " + ", ".join(f"{name} {_listed(values)}" for name, values in tried.items())
        else:
            blocks = _listed(key for key in self._tried if key)
            has = f"there it has {blocks}" if blocks else "there it ends"
        return NotInSpaceError(f"{message}: {has}", address=node.address)


def _listed(values: Iterable[Argument]) -> str:
    texts = sorted(map(shown, values), key=lambda text: (len(text), text))
    more = [f"{len(texts) - MOST_SHOWN} more"] if len(texts) > MOST_SHOWN else []
    return one_of([*texts[:MOST_SHOWN], *more]) if texts else ""
