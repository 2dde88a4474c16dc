"""What the body of a template may read: its parameters, with the values that a call gives, and its input.

Where an expansion is led, values are found when something reads them: see `graphs.guides`.
"""

from __future__ import annotations

import contextlib
from functools import partial

from graphs.arguments import Missing, Scope
from graphs.assembly import Assembly
from graphs.calls import Given
from graphs.document import Call, Document, Template
from graphs.frames import Body, Handle
from graphs.guides import Guide, Waiting
from graphs.lexicon import Lexicon
from graphs.resolving import alone, named_node
from graphs.signatures import signature_of
from graphs.slots import Slot, slot_of
from graphs.text import Tree


def bind(
    template: Template,
    call: Call,
    given: Given,
    slots: dict[str, Slot],
    source: Handle,
    body: Body,
    lexicon: Lexicon,
    assembly: Assembly,
) -> tuple[Scope, dict[str, Handle]]:
    """What the body of a template may read: names, of which a default may read `in` and those before it, and steps
    of the caller. Raises `Missing` after a fault."""
    signature = signature_of(template)
    nodes = {name: alone(named_node(name, given[name][1], source, body, assembly), name) for name in signature.nodes}
    if assembly.guide is not None:
        trees = lexicon.trees(call, given, slots, body)
        return _bind_open(template, trees, slots, source, nodes, assembly.guide), nodes
    values = lexicon.arguments(call, given, slots, body)
    scope = Scope(elsewhere=lexicon.names)
    scope.bind_type("in", source.type)
    for name, value, default in signature.names:
        if name in nodes:
            scope.bind_type(name, nodes[name].type)
            continue
        if name in values:
            value = values[name]
        elif value is None and default is not None:
            with contextlib.suppress(Missing):
                value = assembly.evaluate(default, slots[name], scope, body.frame)
        scope.known.add(name)
        if value is not None:
            scope.values[name] = value
    return scope, nodes


def open_scope(document: Document, guide: Guide) -> Scope:
    """The parameters of a document whose holes are open."""
    values = Waiting(guide)
    scope = Scope(values, set(document.param_names))
    for param in document.params:
        if param.default is not None:
            values.wait(param.name.text, partial(guide.evaluate, param.default, slot_of(param), scope))
    return scope


def _bind_open(
    template: Template,
    trees: dict[str, tuple[Tree | None, Scope]],
    slots: dict[str, Slot],
    source: Handle,
    nodes: dict[str, Handle],
    guide: Guide,
) -> Scope:
    known = {param.name.text for param in template.params}
    # Two, since groups of the body have another `in`.
    outer, inner = Scope(Waiting(guide), set(known)), Scope(Waiting(guide), known)
    for scope in (outer, inner):
        scope.bind_type("in", source.type)
        for param in template.params:
            name = param.name.text
            if param.kind == "node":
                scope.bind_type(name, nodes[name].type)
                continue
            tree, where = trees.get(name, (param.default, outer))
            assert isinstance(scope.values, Waiting)
            if tree is not None:
                scope.values.wait(name, partial(guide.evaluate, tree, slots[name], where))
    return inner
