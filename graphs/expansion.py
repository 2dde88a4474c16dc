"""From a document to a graph: one walk over it (`graphs.walking`), and what is asked of the whole.

The same walk checks templates that nobody calls, and spaces, in which nothing is decided yet; and a guide leads it
through holes that stand open.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping as AbstractMapping

from blocks.types import Type, Vector
from graphs.arguments import Missing, Scope, names_in
from graphs.assembly import MAX_STEPS, Assembly, TooLarge
from graphs.binding import open_scope
from graphs.document import Document, Step, Template
from graphs.faults import FaultList
from graphs.frames import Body, Frame, Handle
from graphs.graph import Graph, prune, used_groups
from graphs.heads import refuse_idle_heads, refuse_taken_names, shipped
from graphs.inputs import document_scope, input_types
from graphs.parts import Part
from graphs.recursion import refuse_recursion
from graphs.resolving import lookup, refuse_unkept
from graphs.slots import slot_of
from graphs.tally import Tally
from graphs.text import Mapping, Scalar
from graphs.walking import Walk, poison, possible_names


def expand(
    document: Document, faults: FaultList, extra: tuple[int, int] = (0, 0), max_steps: int = MAX_STEPS
) -> Graph | None:
    """The graph of a document without holes; None where it has faults.

    `extra` is added to the height and width of its inputs, to find the smallest legal size.
    """
    return _graph(Walk(document, Assembly(faults, max_steps)), extra)


def expand_part(document: Document, given: Type, faults: FaultList) -> Graph | None:
    """As `expand`, with a type for the document's one input, a map inside of a network for instance, whatever the
    document says of it."""
    return _graph(Walk(document, Assembly(faults, MAX_STEPS)), given=given)


class Summaries:
    """What steps of a document's net come to, each for itself. The document has no holes, and shares no weights."""

    def __init__(self, document: Document) -> None:
        self._faults = FaultList()
        self._tally = Tally(self._faults, MAX_STEPS, quiet=True)
        self._walk = Walk(document, self._tally)
        self._scope = document_scope(document, self._faults)
        self._walk.lexicon.read_defaults(self._scope)
        self._kept: list[tuple[Step, ...]] = []  # a walk knows bodies by their identity

    def learn(self, templates: AbstractMapping[str, Template], origins: AbstractMapping[str, str]) -> None:
        """More templates that steps may call; `origins` are the names of those whose defaults they have."""
        self._walk.lexicon.learn(templates, origins)

    def part(self, steps: tuple[Step, ...], source: str, type: Type) -> Part | None:
        """What steps come to that read a value of this type, called `source`, and nothing else; None where they are no
        legal network, or where to say so is for an expansion with all words."""
        tally, mark = self._tally, self._walk.document.mark
        tally.clear()
        handle = Handle(0, type, source, mark)
        tally.inputs = {source: type}
        self._scope.bind_type("in", type)
        self._kept.append(steps)
        names = possible_names(steps)
        body = Body(Frame(None, "", mark, {}, None), "", self._scope, {source: handle}, handle, 0, names)
        begun = tally.begin()
        try:
            end = self._walk.body(steps, body)
        except TooLarge:
            return None
        if end is None or end.value is None or not tally.is_whole({end.value}):
            return None
        return tally.whole(begun, end.value)


def lead(document: Document, assembly: Assembly) -> tuple[int, ...]:
    """Expand a document, open holes and all, as the guide of `assembly` says; the values of its outputs.

    What it builds is in `assembly`. Raises `Mismatch` where the guide knows no other way, and `TooLarge` where it took
    too many steps.
    """
    walk = Walk(document, assembly)
    assert assembly.guide is not None
    scope = open_scope(document, assembly.guide)
    walk.lexicon.read_defaults(scope)
    handles: dict[str, Handle] = {}
    for (name, _), type in zip(document.inputs, input_types(document, scope, assembly.faults), strict=True):
        if type is None:
            raise assembly.guide.turn_back()
        handles[name.text] = Handle(len(handles), type, name.text, name.mark)
        assembly.inputs[name.text] = type
    body = _net(walk, scope, handles)
    outputs = _outputs(walk, body, walk.body(document.body, body))
    if refuse_unkept(document.where, scope, None, body.frame, assembly) or outputs is None:
        raise assembly.guide.turn_back()
    return tuple(handle.value for handle in outputs.values() if handle.value is not None)


def check_templates(document: Document, faults: FaultList) -> None:
    """Walk every template of a document once with nothing known of its parameters and its input, called or not: names,
    arguments, expressions and recursion are checked all the same."""
    refuse_recursion(document, faults)
    walk = Walk(document, Assembly(faults, MAX_STEPS, quiet=True), blind=True)
    walk.lexicon.read_defaults(document_scope(document, faults))
    with contextlib.suppress(TooLarge):
        for template in document.templates.values():
            _walk_template(walk, template)


def check_space(document: Document, faults: FaultList) -> None:
    """As `check_templates`, and the same for the steps of the net: all that can be said before anything is decided."""
    check_templates(document, faults)
    with contextlib.suppress(TooLarge):
        _walk_net(Walk(document, Assembly(faults, MAX_STEPS, quiet=True), blind=True))


def _graph(walk: Walk, extra: tuple[int, int] = (0, 0), given: Type | None = None) -> Graph | None:
    """The graph of a walk over the whole document, whose input has the type `given` if there is one."""
    document, assembly = walk.document, walk.assembly
    scope = document_scope(document, assembly.faults)
    refuse_unkept(document.where, scope, None, Frame(None, "", document.mark, {}, None), assembly)
    walk.lexicon.read_defaults(scope)
    handles: dict[str, Handle] = {}
    types = input_types(document, scope, assembly.faults, extra) if given is None else [given]
    for (name, _), type in zip(document.inputs, types, strict=True):
        handles[name.text] = Handle(None if type is None else len(handles), type, name.text, name.mark)
        assembly.inputs[name.text] = type or Vector(1)
    body = _net(walk, scope, handles)
    try:
        last = walk.body(document.body, body)
    except TooLarge:
        return None
    outputs, heads = _outputs(walk, body, last), _lookups(walk, document.training_outputs, body)
    if outputs is None or heads is None:
        return None
    refuse_taken_names(document, outputs, assembly.faults)
    both = {name: handle.value for name, handle in {**outputs, **heads}.items() if handle.value is not None}
    needed = {handle.value for handle in (*outputs.values(), *heads.values()) if handle.value is not None}
    assembly.check_dead(needed)
    for index, (name, _) in enumerate(() if body.cyclic else document.inputs):
        if types[index] is not None and index not in assembly.read and index not in needed:
            help = "remove it, or let a step read it by `from`"
            assembly.faults.add("dead-node", f"nothing reads the input `{name.text}`", name.mark, help=help)
    if assembly.faults.faults:
        return None
    assert len(both) == len(outputs) + len(heads), "a value without a type has a fault that tells why"
    groups = used_groups(assembly.groups, assembly.nodes)
    trained = prune(Graph(document.name, assembly.inputs, tuple(assembly.nodes), both, document, groups))
    if not heads:
        return trained
    graph = shipped(trained)
    refuse_idle_heads(graph, assembly.faults)
    return None if assembly.faults.faults else graph


def _walk_template(walk: Walk, template: Template) -> None:
    """Expand one template alone, on an input without a type."""
    mark = template.name.mark
    scope = Scope(elsewhere=walk.lexicon.names)
    scope.bind_type("in", None)
    nodes: dict[str, Handle] = {}
    for param in template.params:
        if param.kind == "node":
            scope.bind_type(param.name.text, None)
            nodes[param.name.text] = poison(param.name.mark, param.name.text)
            continue
        if param.default is not None and not param.broken:
            with contextlib.suppress(Missing):
                walk.assembly.evaluate(param.default, slot_of(param), scope, Frame(None, "", mark, {}, None))
        scope.known.add(param.name.text)
    frame = Frame(template, template.name.text, mark, {}, None)
    refuse_unkept(template.where, scope, None, frame, walk.assembly)
    walk.inside(template, Body(frame, "", scope, nodes, poison(mark, "in"), 0, possible_names(template.body)))


def _walk_net(walk: Walk) -> None:
    """Expand the net on inputs without types."""
    scope = document_scope(walk.document, walk.assembly.faults)
    blind = Scope(known=set(walk.document.param_names))  # nothing is decided
    refuse_unkept(walk.document.where, blind, None, Frame(None, "", walk.document.mark, {}, None), walk.assembly)
    scope.open = _open_params(walk.document)
    walk.lexicon.read_defaults(scope)
    input_types(walk.document, scope, walk.assembly.faults)
    handles = {name.text: poison(name.mark, name.text) for name, _ in walk.document.inputs}
    body = _net(walk, scope, handles)
    _outputs(walk, body, walk.body(walk.document.body, body))
    _lookups(walk, walk.document.training_outputs, body)


def _open_params(document: Document) -> dict[str, Mapping]:
    """The parameters that nothing has decided. Of those that `where` ties to others, an alternative may be one that no
    network has."""
    tied = frozenset[str]().union(*map(names_in, document.where))
    return {
        param.name.text: param.default
        for param in document.params
        if isinstance(param.default, Mapping) and param.name.text not in tied
    }


def _net(walk: Walk, scope: Scope, handles: dict[str, Handle]) -> Body:
    """The outermost body. It has an `in` where the document has one input, or none that can be read."""
    mark = walk.document.mark
    source = next(iter(handles.values()), poison(mark, "in")) if len(handles) < 2 else None
    if source is not None:
        scope.bind_type("in", source.type)
    frame, names = Frame(None, "", mark, {}, None), possible_names(walk.document.body)
    return Body(frame, "", scope, dict(handles), source, 0, names, incomplete=not handles)


def _outputs(walk: Walk, body: Body, last: Handle | None) -> dict[str, Handle] | None:
    if not walk.document.outputs:
        return {last.name: last} if last is not None else None
    return _lookups(walk, walk.document.outputs, body)


def _lookups(walk: Walk, outputs: tuple[tuple[Scalar, Scalar], ...], body: Body) -> dict[str, Handle] | None:
    found = {name.text: lookup(source, body, walk.assembly) for name, source in outputs}
    handles = {name: handle for name, handle in found.items() if handle is not None}
    return handles if len(handles) == len(found) else None
