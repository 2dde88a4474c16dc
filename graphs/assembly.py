"""The nodes of a graph as an expansion finds them: every fault at its place, and the limits of their number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from blocks.errors import RuleError
from blocks.extensions import is_extension
from blocks.primitive import Cost, Primitive
from blocks.types import Map, Type, Vector
from graphs.arguments import Argument, Missing, Scope, evaluate, evaluate_expression, names_in, shown
from graphs.calls import Given, infer_type, make_block
from graphs.costs import block_cost
from graphs.document import Call
from graphs.expressions import Value
from graphs.faults import CODES, FaultList, Mark
from graphs.fragments import Fragment, place
from graphs.frames import Frame, Handle, blame, own_address
from graphs.graph import Group, Node
from graphs.guides import Guide
from graphs.slots import Slot, slots_of, takes
from graphs.text import Scalar, Tree

MAX_NODES = 20_000
MAX_STEPS = 50_000
MAX_CHANNELS = 65_536

_MOST_NOTES = 6


class TooLarge(Exception):
    """A limit was passed: the fault is in the list, and the walk ends."""


@dataclass
class Assembly:
    """What an expansion has built so far. `read` are values that something reads, `spare` those that need no reader.

    `quiet`: a limit ends the walk without a fault. `guide` leads it through open holes: see `graphs.guides`.
    """

    faults: FaultList
    max_steps: int
    quiet: bool = False
    guide: Guide | None = None
    inputs: dict[str, Type] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    spare: set[int] = field(default_factory=set)
    num_steps: int = 0
    _places: dict[str, int] = field(default_factory=dict)
    _scratch: FaultList = field(default_factory=FaultList)

    def fault(
        self,
        slug: str,
        message: str,
        mark: Mark,
        frame: Frame,
        *,
        help: str = "",
        notes: tuple[str, ...] = (),
        names: frozenset[str] = frozenset(),
        address: str = "",
    ) -> None:
        """A fault at its step, or, inside a shipped block, at the step that called it: see `blame`."""
        mark, chain = blame(mark, frame, names)
        self.faults.add(slug, message, mark, help=help, notes=(*notes, *chain), address=address)

    def too_large(self, message: str, mark: Mark, frame: Frame, help: str = "") -> None:
        """A limit is passed: raises `TooLarge`."""
        if not self.quiet:
            self.fault("limit", message, mark, frame, help=help)
        raise TooLarge

    def mark_read(self, handles: Iterable[Handle]) -> None:
        """Something reads these values."""
        self.read.update(handle.value for handle in handles if handle.value is not None)

    def count_step(self, mark: Mark, frame: Frame) -> None:
        """One more step was walked."""
        self.num_steps += 1
        if self.num_steps > self.max_steps:
            self.too_large(
                f"the document expands to more than {self.max_steps:,} steps", mark, frame, "repeat less often"
            )

    def evaluate(self, tree: Tree, slot: Slot, scope: Scope, frame: Frame) -> Argument:
        """The value of an argument. Raises `Missing`, with faults at their place."""
        if self.guide is not None:
            return self.guide.evaluate(tree, slot, scope)
        try:
            return evaluate(tree, slot, scope, self._scratch)
        except Missing:
            self.relay(self._scratch, tree, frame)
            raise

    def condition(self, tree: Scalar, scope: Scope, frame: Frame) -> Value:
        """The value of `when`. Raises `Missing`, with faults at their place."""
        if self.guide is not None:
            return self.guide.condition(tree, scope)
        try:
            return evaluate_expression(tree, scope, self._scratch)
        except Missing:
            self.relay(self._scratch, tree, frame)
            raise

    def relay(self, scratch: FaultList, tree: Tree, frame: Frame) -> None:
        """Take over the faults of one value."""
        for fault in scratch.take():
            self.fault(
                fault.slug, fault.message, fault.mark, frame, help=fault.help, notes=fault.notes, names=names_in(tree)
            )

    def apply(
        self,
        kind: type[Primitive],
        values: dict[str, Argument],
        call: Call,
        given: Given,
        sources: tuple[Handle, ...],
        address: str,
        frame: Frame,
    ) -> Handle:
        """One node: a primitive with these arguments on these sources. Raises `Missing` after a fault."""
        self.mark_read(sources)
        if any(value is None for value in values.values()):
            self._check_known(kind, values, call, given, sources, address, frame)
            raise Missing
        try:
            block = make_block(kind, tuple(values.items()))
            if any(handle.type is None for handle in sources):
                raise Missing
            type = infer_type(block, tuple(handle.type for handle in sources if handle.type is not None))
        except ValidationError as error:
            for name in dict.fromkeys(str(detail["loc"][0]) for detail in error.errors(include_url=False)):
                tree = given[name][1] if name in given else call.key
                self._refuse_value(kind, name, values[name], tree, address, frame)
            raise Missing from None
        except RuleError as error:
            needs_map = error.kind == "wrong-kind" and kind.takes == "map" and isinstance(sources[0].type, Vector)
            help = self._before_vector(sources[0]) if needs_map else ""
            self._refuse_rule(error, call, given, sources, address, frame, help)
            raise Missing from None
        mark = call.key.mark
        if isinstance(type, Map) and max(*type.shape, *type.stride) > MAX_CHANNELS:
            message = f"`{address}` is {type}: at most {MAX_CHANNELS:,} channels, rows, columns and pixels of stride"
            self.too_large(message, mark, frame, "a smaller input, fewer channels, or smaller strides")
        self._check_room(1, mark, frame)
        self.nodes.append(Node(address, block, tuple([h.value for h in sources if h.value is not None]), type, mark))
        self.frames.append(frame)
        handle = Handle(len(self.inputs) + len(self.nodes) - 1, type, address, mark)
        if self.guide is not None:
            self.guide.meet(handle)
        return handle

    def place(self, fragment: Fragment, source: Handle, frame: Frame) -> Handle:
        """The nodes of a shipped block that was expanded before."""
        assert source.value is not None
        start = len(self.nodes)
        first = len(self.inputs) + start
        nodes, end = place(fragment, first, source.value, f"{frame.address}.")
        self._check_room(len(nodes), frame.mark, frame)
        self.nodes += nodes
        self.groups += [Group(f"{frame.address}.{g.address}", g.block, g.repeats) for g in fragment.groups]
        self.frames += [frame] * len(nodes)
        self.read_by_nodes(start)
        return Handle(end, source.type if end == source.value else nodes[end - first].type, frame.address, frame.mark)

    def read_by_nodes(self, start: int) -> None:
        """Of the values of the nodes from `start` on, those count as read that one of these nodes reads, and what else
        they read: a step that was not done, and passed one on, read nothing."""
        first = len(self.inputs)
        self.read.difference_update(range(first + start, first + len(self.nodes)))
        for node in self.nodes[start:]:
            self.read.update(node.sources)

    def share_weights(self, start: int, address: str, owner: str, name: Scalar, frame: Frame) -> None:
        """Give the nodes from `start` on, which stand at `address`, the weights of those that stand at `owner`.

        Raises `Missing`, with a fault, where the weights don't fit.
        """
        first = len(self.inputs)
        self._places.update({self.nodes[index].address: index for index in range(len(self._places), start)})
        for index in range(start, len(self.nodes)):
            node = self.nodes[index]
            cost = self._cost(node)
            if not cost.params and not cost.buffers:
                continue
            place = self._places.get(owner + node.address.removeprefix(address))
            other = None if place is None else self.nodes[place]
            if place is None or other is None or other.block != node.block or self._cost(other).params != cost.params:
                message = f"`{name.text}` has other weights than these inputs need"
                note = f"at `{node.address}`: {self._weights(node)}; `{name.text}` has {self._weights(other)}"
                help = "share between inputs of equal channels"
                self.fault("share", message, name.mark, frame, help=help, notes=(note,), address=node.address)
                for gone in self.nodes[start:]:  # places of an inner `share`
                    self._places.pop(gone.address, None)
                del self.nodes[start:], self.frames[start:]
                raise Missing
            shared = other.shares if other.shares is not None else first + place
            self.nodes[index] = replace(node, shares=shared)

    def _cost(self, node: Node) -> Cost:
        first = len(self.inputs)
        inputs = tuple(self.inputs.values())
        types = (inputs[value] if value < first else self.nodes[value - first].type for value in node.sources)
        return block_cost(node.block, tuple(types))

    def _weights(self, node: Node | None) -> str:
        return "none" if node is None else f"{self._cost(node).params:,} parameters"

    def check_dead(self, outputs: set[int]) -> None:
        """A fault for every node, and every input, that nothing reads and that is no output."""
        first = len(self.inputs)
        needed = self.read | self.spare | outputs
        for index, (node, frame) in enumerate(zip(self.nodes, self.frames, strict=True), start=first):
            if index not in needed:
                address = own_address(node.address, frame)
                message = f"nothing reads `{address}`, and it is no output"
                help = "read it by `from`, add it to `output`, remove it, or say `unused: ok`"
                self.fault("dead-node", message, node.mark, frame, help=help, address=address)

    def _refuse_rule(
        self,
        error: RuleError,
        call: Call,
        given: Given,
        sources: tuple[Handle, ...],
        address: str,
        frame: Frame,
        help: str = "",
    ) -> None:
        argument = given.get(error.argument) if error.argument else None
        mark, names = (argument[1].mark, names_in(argument[1])) if argument else (call.key.mark, frozenset[str]())
        notes = [f"{handle.name} ({handle.mark}) is {handle.type}" for handle in sources[:_MOST_NOTES]]
        if len(sources) == 1 or error.kind == "empty-map":
            notes = []
        elif len(sources) > _MOST_NOTES:
            notes.append(f"and {len(sources) - _MOST_NOTES} more")
        kind = error.kind if error.kind in CODES else "bad-value"  # a block of another package may call it anything
        help = help or error.help
        self.fault(kind, error.message, mark, frame, help=help, notes=tuple(notes), names=names, address=address)

    def _before_vector(self, source: Handle) -> str:
        """The help where a map is needed in place of this vector: the block that makes one of a map, or the input."""
        first, value = len(self.inputs), source.value
        while value is not None and value >= first:
            node = self.nodes[value - first]
            value = node.sources[0]
            before = self.nodes[value - first].type if value >= first else tuple(self.inputs.values())[value]
            if isinstance(before, Map):
                return f"put it before the `{node.block.key}` that makes the vector"
        return (
            ""
            if value is None
            else f"the input `{tuple(self.inputs)[value]}` is a vector: declare it as a map, as {{map: [3, 32, 32]}}"
        )

    def _check_known(
        self,
        kind: type[Primitive],
        values: dict[str, Argument],
        call: Call,
        given: Given,
        sources: tuple[Handle, ...],
        address: str,
        frame: Frame,
    ) -> None:
        """The faults of values that the block takes of none, whatever those are that are not known."""
        known = {name: value for name, value in values.items() if value is not None}
        for name, value in known.items():
            if name in given and not takes(kind, name, value):
                self._refuse_value(kind, name, value, given[name][1], address, frame)
        if is_extension(kind):
            return  # its rules may read what is not known
        try:
            make_block(kind, tuple(known.items()))
        except ValidationError:
            pass  # told, or one that is not known is required
        except RuleError as error:
            self._refuse_rule(error, call, given, sources, address, frame)

    def _refuse_value(
        self, kind: type[Primitive], name: str, value: Argument, tree: Tree, address: str, frame: Frame
    ) -> None:
        message = f"`{name}` takes {slots_of(kind)[name].wants}, got {shown(value)}"
        self.fault("bad-value", message, tree.mark, frame, names=names_in(tree), address=address)

    def _check_room(self, num_nodes: int, mark: Mark, frame: Frame) -> None:
        if len(self.nodes) + num_nodes > MAX_NODES:
            self.too_large(f"the document expands to more than {MAX_NODES:,} nodes", mark, frame, "repeat less often")
