"""Code of calls: of primitives, which are made, and of blocks of the language, which are functions of their own
(`search_spaces.code_program`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from blocks.types import Map, Vector
from graphs import library
from graphs.assembly import Assembly
from graphs.calls import merge_arguments
from graphs.document import Call, Document, Param, Step, Template, calls_of, hole_alternatives
from graphs.faults import FaultList
from graphs.lexicon import Lexicon
from graphs.resolving import BEFORE
from graphs.slots import Slot, slot_of
from graphs.text import Mapping, Scalar
from search_spaces.code_expressions import RUNTIME, Code, Names, NotLegal, Writer, argument, condition, kind_of
from search_spaces.code_values import Body, Place, Variables, given_node, refused, together
from search_spaces.quotes import Made
from search_spaces.resolver import Resolver

Function = Callable[..., Any]


class CallCode:
    """Generates the code of the calls of one document. `defaults` is the code of what it says of all calls of a block;
    `write` generates that of what a block does."""

    def __init__(self, document: Document, resolver: Resolver, write: Callable[[Template, Body], Variables]) -> None:
        self.lexicon = Lexicon(document, Assembly(FaultList(), 0))
        self.defaults: dict[str, dict[str, str]] = {}
        self._resolver = resolver
        self._write = write
        self._objects: dict[str, object] = {**RUNTIME, "Map": Map, "Vector": Vector, "NotLegal": NotLegal}
        self._functions: dict[tuple[int, tuple[str, ...]], str] = {}
        self._made: dict[tuple[str, tuple[str, ...]], Made] = {}

    def begin(self, *parameters: str) -> Writer:
        """Begin a function."""
        writer = Writer(self._objects)
        writer.add(f"def function({', '.join(parameters)}):")
        writer.depth += 1
        return writer

    def end(self, writer: Writer) -> Function:
        """The function, compiled."""
        exec(compile("\n".join(writer.lines), "<walk>", "exec"), self._objects)
        found: Function = self._objects.pop("function")  # type: ignore[assignment]
        return found

    def nodes_named(self, step: Step) -> set[str]:
        """The names of steps that a step gives to blocks."""
        found: set[str] = set()
        for call in calls_of(step.action):
            slots = self.lexicon.slots(call) or {}
            for given in (merge_arguments(call.arguments, step.first), merge_arguments(call.arguments, None)):
                trees = [tree for name, (_, tree) in given.items() if name in slots and slots[name].kind == "node"]
                found |= {tree.text for tree in trees if isinstance(tree, Scalar)}
        return found

    def looks_back(self, step: Step) -> bool:
        """Whether what a step does names what the step before it read."""
        return BEFORE in self.nodes_named(step)

    def takes_nodes(self, call: Call) -> bool:
        """Whether a block is given steps."""
        return any(slot.kind == "node" for slot in (self.lexicon.slots(call) or {}).values())

    def call(
        self, call: Call, first: Mapping | None, sources: tuple[Variables, ...], place: Place | None, body: Body
    ) -> Variables:
        """The value of a call that reads these values."""
        writer, slots = body.writer, self.lexicon.slots(call) or {}
        template = self.lexicon.templates(call).get(call.key.text)
        trees = {name: tree for name, (_, tree) in merge_arguments(call.arguments, first).items()}
        nodes = {name: tree for name, tree in trees.items() if slots[name].kind == "node"}
        words = {name: tree.text for name, tree in nodes.items() if isinstance(tree, Scalar)}
        given: dict[str, str] = {}
        for name, tree in trees.items():
            if name not in nodes and not isinstance(tree, Mapping):
                given[name] = argument(tree, slots[name], body.scope, writer)
        for name, tree in trees.items():  # in this order: what is open reads nothing that it could change
            if isinstance(tree, Mapping):
                assert place is not None
                given[name] = self._open_argument(tree, slots[name], place.of(name), body)
        own = {} if call.key.mark.source.builtin else self.defaults.get(call.key.text, {})
        given = {**{name: code for name, code in own.items() if name not in given}, **given}
        found = Variables.new(writer)
        if template is None:
            block = self._block(call.key.text, given, writer)
            if len(sources) == 1:
                writer.add(f"{found.value} = w.make({block}, {sources[0].value})")
            else:
                types, places = together(one.type for one in sources), together(one.at for one in sources)
                writer.add(f"{found.value} = w.join({block}, {types}, {places})")
            return found
        if len(sources) != 1:
            return refused(writer)
        in_order = [words[param.name.text] for param in template.params if param.kind == "node"]
        read = [sources[0], *[given_node(word, sources[0], body) for word in in_order]]
        function = self._function(template, tuple(given))
        if body.place is not None and not self._is_open(template):
            types, places = together(one.type for one in read), together(one.at for one in read)
            writer.add(f"{found.value} = w.piece({', '.join((function, types, places, *given.values()))})")
        else:
            here = "None" if place is None else place.code
            values = ", ".join(("w", here, *[one.value for one in read], *given.values()))
            writer.add(f"{found.value} = {function}({values})")
        return found

    def _open_argument(self, hole: Mapping, slot: Slot, place: Place, body: Body) -> str:
        writer = body.writer
        number, value = writer.fresh("i"), writer.fresh("x")
        writer.add(f"{number} = w.value({place.code}, {writer.keep('hole', hole)})")
        for at, tree in enumerate(hole_alternatives(hole) or ()):
            with writer.under(f"if {number} == {at}:"):
                writer.add(f"{value} = {argument(tree, slot, body.scope, writer)}")
        return value

    def _block(self, key: str, given: dict[str, str], writer: Writer) -> str:
        """The code that gives a primitive."""
        kind, names = library.block_class(key), tuple(given)
        assert kind is not None
        made = self._made.setdefault((key, names), Made(kind, names))
        code = together(given.values())
        try:
            always = ast.literal_eval(code)
        except ValueError:
            values, block = writer.fresh("x"), writer.fresh("b")
            known, find = writer.keep("known", made.known.get), writer.keep("find", made.block)
            writer.add(f"{values} = {code}")
            writer.add(f"{block} = {known}({values}) or {find}({values})")
            return block
        try:
            return writer.keep("block", made.block(always))
        except NotLegal:
            return "refuse()"

    # blocks of the language

    def _is_open(self, template: Template) -> bool:
        return self._resolver.with_holes.get(template.name.text) is template

    def _function(self, template: Template, given: tuple[str, ...]) -> str:
        """The name of the function of a block that is given these arguments."""
        key = (id(template), given)
        name = self._functions.get(key)
        if name is None:
            name = self._functions[key] = f"f{len(self._functions)}"

            def first(*arguments: object) -> object:
                function = self._objects[name] = self._written(template, given)
                return function(*arguments)

            self._objects[name] = first
        return name

    def _written(self, template: Template, given: tuple[str, ...]) -> Function:
        slots = {param.name.text: slot_of(param) for param in template.params}
        names = {name: f"p{at}" for at, name in enumerate(slots)}
        nodes = {name: Variables(f"s{at}", f"u{at}") for at, name in enumerate(slots) if slots[name].kind == "node"}
        parameters = [*[node.value for node in nodes.values()], *[names[name] for name in given]]
        writer = self.begin("w", "place", "t0", "v0", *parameters)
        scope = Names({}, slots, {"in": "t0", **{name: node.type for name, node in nodes.items()}})
        for param in template.params:
            name = param.name.text
            if name in given:
                scope.values[name] = Code(names[name], kind_of(slots[name]))
            elif param.default is not None and name not in nodes:
                default = _default(param, names[name], scope, writer)
                scope.values.update({} if default is None else {name: default})
        for tree in template.where:
            writer.add(f"if not ({condition(tree, scope, writer)}): refuse()")
        place = Place("place") if self._is_open(template) else None
        values = together([value.code for value in scope.values.values()])
        found = self._write(template, Body(writer, scope, Variables("t0", "v0"), dict(nodes), place, values))
        writer.add(f"return {found.value}")
        return self.end(writer)


def _default(param: Param, name: str, scope: Names, writer: Writer) -> Code | None:
    """The default of a parameter; nothing where it never has a value."""
    slot, tree = scope.slots[param.name.text], param.default
    assert tree is not None
    if isinstance(tree, Scalar) and (not isinstance(tree.value, str) or tree.value in slot.words):
        code = argument(tree, slot, Names({}, {}, {}), writer)
        return None if code == "refuse()" else Code(code, kind_of(slot))
    with writer.under("try:"):
        writer.add(f"{name} = {argument(tree, slot, scope, writer)}")
    writer.add(f"except NotLegal: {name} = None")
    return Code(name, kind_of(slot), may_lack=True)
