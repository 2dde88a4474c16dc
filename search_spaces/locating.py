"""Where a graph lies in a space: the decisions that lead to it, found by its structure alone.

The document of the space is expanded with its holes open, and every node that comes of it must be one of the graph's
that has not been found yet: the same block, on what its inputs were found to be. A hole is decided when a value that
depends on it is needed, and then to what the graph has there; where that leaves several ways, or none, the search goes
deeper or turns back (`search_spaces.trail`). So a wrong alternative costs a node or two, and names, addresses and the
order of the nodes mean nothing.

A decision keeps all alternatives that still fit: `reduction > 0` leaves those above 0, until the reduction is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from blocks.primitive import Primitive
from graphs.arguments import Argument, Missing, Scope, evaluate, evaluate_expression
from graphs.assembly import Assembly, TooLarge
from graphs.document import Action, Choice, Document, Step
from graphs.expansion import lead
from graphs.expressions import Value
from graphs.faults import FaultList
from graphs.frames import Handle
from graphs.graph import Graph
from graphs.guides import Mismatch
from graphs.slots import Slot
from graphs.text import Mapping, Scalar, Tree
from search_spaces.decisions import Decision, Holes
from search_spaces.departure import Departure, NotInSpaceError
from search_spaces.domains import Domains, Narrowed
from search_spaces.resolution import reads_before
from search_spaces.targets import Target, agrees
from search_spaces.trail import Trail

MAX_STEPS = 400_000


@dataclass
class Allowance:
    """How many steps several searches may take together; `left` may become 0."""

    left: int


@dataclass(frozen=True, slots=True)
class _Ask:
    """A decision that an evaluation asked for, with the alternatives it had, and which of them it got."""

    address: str
    domain: tuple[int, ...]
    index: int


_Way = tuple[Argument, list[_Ask]]  # a value, and the decisions that give it


def locate(
    document: Document,
    holes: Holes,
    graph: Graph,
    accepts: Callable[[Narrowed], bool],
    allowance: Allowance | None = None,
) -> Narrowed:
    """The alternatives that are left of each decision on which the graph depends.

    `document` has a block of its own for every call (`Resolver.opened`), `holes` the decisions; `accepts` has the last
    word on what was found. Raises `NotInSpaceError`, also where `MAX_STEPS` steps, or those that are left of an
    `allowance`, from which they are taken, did not tell.
    """
    max_steps = MAX_STEPS if allowance is None else min(MAX_STEPS, allowance.left)
    search = _Search(holes, graph, accepts, max_steps)
    try:
        search.trail.in_turn(partial(search.attempt, document))
    except Mismatch:
        raise search.departure.error(search.target) from None
    except TooLarge:
        message = f"whether the network is a point of the space is still open after {max_steps:,} steps"
        raise NotInSpaceError(message, help="open fewer alternatives, or write the network as the space does") from None
    finally:
        if allowance is not None:
            allowance.left -= min(max_steps, search.num_steps)
    return search.domains.narrowed


class _Search:
    """The guide of one search (`graphs.guides.Guide`)."""

    def __init__(self, holes: Holes, graph: Graph, accepts: Callable[[Narrowed], bool], max_steps: int) -> None:
        self.target = Target(graph)
        self.departure = Departure()
        self._accepts = accepts
        self._holes = holes
        self._assembly = Assembly(FaultList(), max_steps, quiet=True, guide=self)
        self.trail = Trail((self._assembly.nodes, self._assembly.frames, self._assembly.groups))
        self.domains = Domains(self.trail)
        self._image: dict[int, int] = {}  # values of the expansion: those of the graph
        self._found: dict[int, bool] = {}  # nodes of the graph
        self._wanted: list[int] | None = None  # what the node that is being made can be
        self._spare = 0  # how many steps around this one go unread
        self._inside = False  # an evaluation is under way
        self._tried: dict[str, int] = {}  # what decisions it tries, by their index among those left
        self._asked: list[_Ask] = []
        self._been: dict[object, int] = {}
        self._num_open = 0  # how often a decision that is not settled was read
        self._scratch = FaultList()

    @property
    def num_steps(self) -> int:
        return self._assembly.num_steps

    def attempt(self, document: Document, _: int) -> bool:
        """Expand the document, and look at what came of it. Raises `Mismatch`."""
        graph, first = self.target.graph, len(self.target.graph.inputs)
        for value in range(first):
            self.trail.put(self._image, value, value)
        outputs = lead(document, self._assembly)
        shares = {
            self._image[value]: self._image.get(node.shares, -1)
            for value, node in enumerate(self._assembly.nodes, start=first)
            if node.shares is not None and value in self._image
        }
        whole = len(self._found) == len(graph.nodes) and self.target.shares_as(shares)
        if not whole or tuple(map(self._image.get, outputs)) != tuple(graph.outputs.values()):
            self._note("")
            raise self.turn_back()
        self.domains.settle_constrained()
        if not self._accepts(self.domains.narrowed):
            raise self.turn_back()
        return False

    def turn_back(self) -> Mismatch:
        """This way leads nowhere: what to raise."""
        self._wanted = None
        return self.trail.turn_back()

    def in_turn(self, part: Callable[[int], bool]) -> None:
        self.trail.in_turn(part)

    # values

    def evaluate(self, tree: Tree, slot: Slot, scope: Scope) -> Argument:
        find = partial(self._value, tree, slot, scope)
        if self._inside:
            return find()
        value = self._settle(find, slot.name)
        if self._wanted is not None:
            self._wanted = [node for node in self._wanted if agrees(self.target.node(node).block, slot.name, value)]
        return value

    def condition(self, tree: Scalar, scope: Scope) -> Value:
        find = partial(self._condition, tree, scope)
        value = find() if self._inside else self._settle(find)
        assert isinstance(value, bool | int | float | str)
        return value

    def known(self, values: dict[str, Value | tuple[int, ...]], name: str, find: Callable[[], Argument]) -> Argument:
        before = self._num_open
        value = find()
        if self._num_open == before and value is not None:
            self.trail.put(values, name, value)
        return value

    def goes_on(self, step: Step, slot: Slot, scope: Scope, values: list[Handle], first: int) -> bool:
        tree, number, source = step.repeat, len(values) - 1, values[-1]
        assert tree is not None
        if not self._spare and not reads_before(step.action):
            self._refuse_unread(values, first)
        if step.each and isinstance(tree, Mapping):
            self._refuse_again(tree, number, source)

        def more() -> bool:
            count = self._value(tree, slot, scope)
            if not isinstance(count, int):
                raise Missing
            return count > number

        return self._settle(more) is True

    def _refuse_unread(self, values: list[Handle], first: int) -> None:
        """Turn back where the graph reads what was made inside of a repetition, and nothing is left that could."""
        now = len(self.target.graph.inputs) + len(self._assembly.nodes)
        since = values[-2].value if len(values) > 1 else None
        for value in range(first if since is None else max(first, since), now):
            inner = value != values[-1].value and value in self._image
            if inner and not self.target.is_read(self._image[value], self._found):
                raise self.turn_back()

    def _refuse_again(self, repeat: Mapping, number: int, source: Handle) -> None:
        """Turn back where the walk was before, as late in the repetitions of a step that decides at each: what comes
        then depends on what was found, and on decisions elsewhere, but not on how the repetitions were told apart.
        """
        if self.trail.is_followed:
            return
        address = self._holes.decision(repeat).address
        inside = address.removesuffix("repeat")
        domains = frozenset(item for item in self.domains.narrowed.items() if not item[0].startswith(inside))
        place = (address, source.value, frozenset(self._image.items()), domains)
        if self._been.get(place, number + 1) <= number:
            raise self.turn_back()
        self._been[place] = number

    def _value(self, tree: Tree, slot: Slot, scope: Scope) -> Argument:
        if isinstance(tree, Mapping):
            decision = self._holes.decision(tree)
            tree = self._holes.alternatives(tree)[self._position(decision)]
        try:
            return evaluate(tree, slot, scope, self._scratch)
        except Missing:
            self._scratch.take()
            raise

    def _condition(self, tree: Scalar, scope: Scope) -> Value:
        try:
            return evaluate_expression(tree, scope, self._scratch)
        except Missing:
            self._scratch.take()
            raise

    def _position(self, decision: Decision) -> int:
        """The alternative of a decision, one of several that are tried where it is not settled."""
        domain = self.domains.of(decision)
        if len(domain) == 1:
            return domain[0]
        self._num_open += 1
        index = self._tried.get(decision.address)
        if index is None:
            index = self._tried[decision.address] = 0
        if all(ask.address != decision.address for ask in self._asked):
            self._asked.append(_Ask(decision.address, domain, index))
        return domain[index]

    def _settle(self, find: Callable[[], Argument], argument: str = "") -> Argument:
        """A value, the decisions that it depends on narrowed to those that give it. Raises `Mismatch`.

        `argument` is that of the node that is being made, which some node of the graph must have.
        """
        ways: list[_Way] = []
        asked: set[str] = set()
        complete, script, seen = True, dict[str, int](), list[Argument]()
        self._inside = True
        try:
            while True:
                self._tried, self._asked = dict(script), []
                try:
                    value = find()
                except Missing:
                    complete = False
                else:
                    if not self.domains.allow({ask.address: ask.domain[ask.index] for ask in self._asked}):
                        complete = False
                    elif self._fits(argument, value):
                        ways.append((value, self._asked))
                    else:
                        seen.append(value)
                        complete = False
                asked.update(ask.address for ask in self._asked)
                left = list(self._asked)
                while left and left[-1].index + 1 == len(left[-1].domain):
                    left.pop()
                if not left:
                    break
                script = {ask.address: ask.index for ask in left}
                script[left[-1].address] += 1
        finally:
            self._inside = False
        if not ways:
            self._note_argument(argument, seen)
            raise self.turn_back()
        if not asked:
            return ways[0][0]
        return self._narrow(ways, complete=complete)

    def _narrow(self, ways: list[_Way], *, complete: bool) -> Argument:
        """One of several values, and what is left of the decisions that give it."""
        groups: dict[tuple[type, Argument], list[_Way]] = {}
        for way in ways:
            groups.setdefault((type(way[0]), way[0]), []).append(way)
        if complete and len(groups) == 1:
            return ways[0][0]  # it does not depend on them
        ordered = sorted(groups.values(), key=lambda group: group[0][0] is not True)
        group = ordered[0 if self._spare else self.trail.choose(len(ordered))]
        self.domains.keep([{ask.address: ask.domain[ask.index] for ask in asks} for _, asks in group])
        return group[0][0]

    # steps

    def pick(self, choice: Choice) -> Action:
        return choice.alternatives[self._choose(self._holes.decision(choice))][1]

    def source(self, hole: Mapping) -> Scalar:
        name = self._holes.alternatives(hole)[self._choose(self._holes.decision(hole))]
        assert isinstance(name, Scalar)
        return name

    def _choose(self, decision: Decision) -> int:
        domain = self.domains.of(decision)
        position = domain[0 if self._spare else self.trail.choose(len(domain))]
        if len(domain) > 1:
            self.domains.settle(decision.address, position)
        return position

    def spare(self, step: Callable[[], Handle]) -> Handle:
        if self._spare or self.trail.choose(2) == 0:
            return step()
        self._spare += 1
        try:
            return step()
        finally:
            self._spare -= 1

    # nodes

    def expect(self, kind: type[Primitive], sources: tuple[Handle, ...]) -> None:
        self._wanted = None
        if self._spare:
            return
        if not self._found and tuple(self._assembly.inputs.values()) != tuple(self.target.graph.inputs.values()):
            self.departure.note_inputs(self.target.graph, self._assembly.inputs)
            raise self.turn_back()
        values = [self._image.get(-1 if handle.value is None else handle.value) for handle in sources]
        known = tuple(value for value in values if value is not None)
        wanted = self.target.readers(kind, known) if len(known) == len(values) else []
        wanted = [node for node in wanted if node not in self._found]
        if not wanted:
            self._note(kind.key)
            raise self.turn_back()
        self._wanted = wanted

    def meet(self, handle: Handle) -> None:
        if self._spare:
            return
        assert self._wanted is not None
        assert handle.value is not None
        block = self._assembly.nodes[-1].block
        wanted = self.target.unlike(node for node in self._wanted if self.target.node(node).block == block)
        if not wanted:
            for node in self._wanted:
                for name in type(block).model_fields:
                    if getattr(self.target.node(node).block, name) != getattr(block, name):
                        self._note_argument(name, [getattr(block, name)])
            raise self.turn_back()
        node = wanted[self.trail.choose(len(wanted))]
        self.trail.put(self._image, handle.value, node)
        self.trail.put(self._found, node, True)
        self._wanted = None

    # what is told where nothing fits

    def _fits(self, argument: str, value: Argument) -> bool:
        if not argument or self._wanted is None:
            return True
        return any(agrees(self.target.node(node).block, argument, value) for node in self._wanted)

    def _note(self, key: str) -> None:
        self.departure.note(self._found, key)

    def _note_argument(self, argument: str, values: list[Argument]) -> None:
        if argument and self._wanted:
            key = self.target.node(self._wanted[0]).block.key
            self.departure.note(self._found, key, argument, values)
