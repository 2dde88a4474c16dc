"""What a template takes, known before anybody calls it: its arguments, and the defaults that depend on nothing."""

from __future__ import annotations

from dataclasses import dataclass

from graphs.arguments import Argument, constant
from graphs.document import Param, Template
from graphs.slots import Slot, slot_of
from graphs.text import Tree

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a template. `names` are all, in order, with their defaults: the value of one that depends on
    nothing (None: it depends), and the text. `nodes` are those that name a step."""

    params: tuple[Param, ...]
    slots: dict[str, Slot]
    nodes: tuple[str, ...]
    names: tuple[tuple[str, Argument, Tree | None], ...]


_known: dict[int, Signature] = {}  # by the identity of params, which each keeps


def signature_of(template: Template) -> Signature:
    """The signature of a template, made once for all templates of the same parameters."""
    params = template.params
    found = _known.get(id(params))
    if found is None:
        slots = {param.name.text: slot_of(param) for param in params}
        nodes = tuple(param.name.text for param in params if param.kind == "node")
        names = []
        for param in params:
            name, default = param.name.text, param.default
            value = None if default is None or param.broken else constant(default, slots[name], slots)
            names.append((name, value, default))
        if len(_known) >= MOST:
            _known.clear()
        found = _known[id(params)] = Signature(params, slots, nodes, tuple(names))
    return found
