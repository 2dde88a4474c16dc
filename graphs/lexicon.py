"""What the calls of a document mean: its own blocks before those that ship, their arguments, its defaults for them."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable
from collections.abc import Mapping as AbstractMapping
from dataclasses import replace

from graphs.arguments import Argument, Missing, Scope
from graphs.assembly import Assembly
from graphs.calls import Given, check_arguments, refuse_unknown_block
from graphs.document import Call, Document, Template, calls_within
from graphs.frames import Body, Frame
from graphs.library import block_class, composites
from graphs.signatures import signature_of
from graphs.slots import Slot, slots_of
from graphs.text import Scalar, Tree


class _Same:
    """A template, equal to itself alone."""

    __slots__ = ("template",)

    def __init__(self, template: Template) -> None:
        self.template = template

    def __hash__(self) -> int:
        return id(self.template)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.template is self.template


class Lexicon:
    """The blocks that a document knows. `names` are its parameters, which its blocks can't read.

    Nothing is said of a block that nobody knows where some of the document's own could not be read. A `blind` one has
    no values of what is not decided.
    """

    def __init__(self, document: Document, assembly: Assembly, *, blind: bool = False) -> None:
        self.names = frozenset(document.param_names)
        self._document = document
        self._assembly = assembly
        self._blind = blind
        self._own = {**composites(), **document.templates}
        self._defaults: dict[str, dict[str, Argument]] = {}
        self._open: dict[str, Given] = {}
        self._scope = Scope()
        self._meanings: dict[int, Hashable] = {}

    def templates(self, call: Call) -> AbstractMapping[str, Template]:
        """The templates that a call can mean: a shipped block sees shipped ones, a document its own first."""
        return composites() if call.key.mark.source.builtin else self._own

    def slots(self, call: Call) -> dict[str, Slot] | None:
        """The arguments that the block of a call takes; None, with a fault here or elsewhere, where there is none."""
        template = self.templates(call).get(call.key.text)
        if template is not None:
            return signature_of(template).slots
        kind = block_class(call.key.text)
        if kind is None and not self._document.whole:
            return None
        if kind is None:
            refuse_unknown_block(call, self.templates(call), self._assembly.faults)
            return None
        return slots_of(kind)

    def references(self, call: Call) -> list[str]:
        """The steps that a call names in arguments that take a node."""
        template = self.templates(call).get(call.key.text)
        params = template.params if template else ()
        trees = [call.arguments.get(param.name.text) for param in params if param.kind == "node"]
        return [tree.text for tree in trees if isinstance(tree, Scalar)]

    def read_defaults(self, scope: Scope) -> None:
        """Evaluate the document's `defaults`, which are the same at every call."""
        frame = Frame(None, "", self._document.mark, {}, None)
        for key, given in self._document.defaults:
            call = Call(key, given)
            slots = self.slots(call)
            if slots is None:
                continue
            arguments = {name.text: (name, tree) for name, tree in given}
            optional = {name: replace(slot, required=False) for name, slot in slots.items()}
            check_arguments(call, arguments, optional, self._assembly.faults)
            if self._assembly.guide is not None:
                self._scope, self._open[key.text] = scope, dict(arguments)
                continue
            values = self._defaults.setdefault(key.text, {})
            for name, (_, tree) in arguments.items():
                if name in slots and slots[name].kind != "node":
                    values[name] = None  # where a hole, or a fault, leaves it open
                    with contextlib.suppress(Missing):
                        values[name] = self._assembly.evaluate(tree, slots[name], scope, frame)

    def learn(self, templates: AbstractMapping[str, Template], origins: AbstractMapping[str, str]) -> None:
        """More templates, those with an origin under the defaults of the template that they come of."""
        self._own.update(templates)
        for name in templates.keys() & origins.keys():
            if origins[name] in self._defaults:
                self._defaults[name] = self._defaults[origins[name]]

    def meaning(self, template: Template) -> Hashable:
        """What a template means here, beside its parameters: it, the templates that it leads to, and the defaults of
        all that these call. Equal for equal ones."""
        found = self._meanings.get(id(template))
        if found is None:
            if template.name.mark.source.builtin:
                found = template.name.text
            else:
                reached, keys = {template.name.text: template}, dict[str, None]()
                waiting = [template]
                while waiting:
                    for call in calls_within(waiting.pop().body):
                        keys[call.key.text] = None
                        other = self._own.get(call.key.text)
                        if other is not None and not other.name.mark.source.builtin and call.key.text not in reached:
                            reached[call.key.text] = other
                            waiting.append(other)
                given = tuple((key, tuple(self._defaults[key].items())) for key in keys if key in self._defaults)
                found = (tuple(map(_Same, reached.values())), given)
            self._meanings[id(template)] = found
        return found

    def trees(
        self, call: Call, given: Given, slots: dict[str, Slot], body: Body
    ) -> dict[str, tuple[Tree | None, Scope]]:
        """What is given as a call's arguments, but for nodes, with the scopes that they read, where holes are open."""
        own = {} if call.key.mark.source.builtin else self._open.get(call.key.text, {})
        trees: dict[str, tuple[Tree | None, Scope]] = {name: (tree, self._scope) for name, (_, tree) in own.items()}
        trees.update((name, (tree, body.scope)) for name, (_, tree) in given.items())
        return {name: found for name, found in trees.items() if slots[name].kind != "node"}

    def arguments(self, call: Call, given: Given, slots: dict[str, Slot], body: Body) -> dict[str, Argument]:
        """The values of a call's arguments but for nodes, defaults included. Raises `Missing` after a fault.

        Where the lexicon is blind, a value is None that is at fault, or not decided.
        """
        if self._assembly.guide is not None:
            found = self.trees(call, given, slots, body).items()
            return {
                name: self._assembly.evaluate(tree, slots[name], scope, body.frame)
                for name, (tree, scope) in found
                if tree is not None
            }
        values: dict[str, Argument] = {}
        if not call.key.mark.source.builtin:
            values.update(self._defaults.get(call.key.text, {}))
        fits = check_arguments(call, given, slots, self._assembly.faults, defaults=values.keys())
        for name, (_, tree) in given.items():
            if name in slots and slots[name].kind != "node":
                values[name] = None
                with contextlib.suppress(Missing):
                    values[name] = self._assembly.evaluate(tree, slots[name], body.scope, body.frame)
        if not fits or (not self._blind and any(value is None for value in values.values())):
            raise Missing
        return values
