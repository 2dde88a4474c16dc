"""From a document to a graph: templates are expanded, names resolved and types inferred in one walk.

A step at fault gives a value without a type; what depends on it is passed over in silence, so that one mistake is told
once and the rest of the document is still checked. A fault inside a block that ships with the product is shown at the
step that called it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from blocks.catalog import primitive
from blocks.errors import RuleError
from blocks.primitive import Primitive
from blocks.types import Map, Type, Vector
from graphs.arguments import Argument, Missing, Scope, Slot, evaluate, evaluate_expression, slot_of, slots_of
from graphs.calls import (
    Given,
    check_arguments,
    infer_type,
    make_block,
    merge_arguments,
    refuse_unknown_block,
    shown_argument,
)
from graphs.document import Action, Call, Choice, Document, Parallel, Sequential, Step, Template
from graphs.faults import FaultList, Mark, nearest, one_of
from graphs.fragments import fragment_of, place, recall, remember
from graphs.frames import Body, Frame, Handle, blame
from graphs.graph import Graph, Node, prune
from graphs.inputs import document_scope, input_types
from graphs.library import composites
from graphs.ordering import step_names, step_order
from graphs.text import Mapping, Scalar

MAX_NODES = 20_000
MAX_STEPS = 200_000
MAX_NESTING = 32
MAX_CHANNELS = 65_536


class TooLarge(Exception):
    """A limit was passed: the fault is in the list, and the walk ends."""


def expand(document: Document, faults: FaultList, extra: int = 0) -> Graph | None:
    """The graph of a document without holes; None where it has faults.

    `extra` is added to the height and width of its inputs, to find the smallest legal size.
    """
    return _Expansion(document, faults, extra).run()


def check_templates(document: Document, faults: FaultList) -> None:
    """Walk every template of a document once with nothing known of its parameters and its input, called or not: names,
    arguments, expressions and recursion are checked all the same."""
    for template in document.templates.values():
        _Expansion(document, faults, 0, blind=True).walk(template)


def check_space(document: Document, faults: FaultList) -> None:
    """As `check_templates`, and the same for the steps of the net: all that can be said before anything is decided."""
    check_templates(document, faults)
    _Expansion(document, faults, 0, blind=True).walk_net()


@dataclass
class _Expansion:
    document: Document
    faults: FaultList
    extra: int
    blind: bool = False
    nodes: list[Node] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    spare: set[int] = field(default_factory=set)
    steps: int = 0
    inputs: dict[str, Type] = field(default_factory=dict)

    def run(self) -> Graph | None:
        document = self.document
        frame = Frame(None, "", document.mark, None, None, 0)
        scope = document_scope(document, self.faults)
        handles = self._open_inputs(scope)
        source = next(iter(handles.values())) if len(handles) == 1 else None
        scope.bind_type("in", source.type if source else None)
        body = Body(frame, "", scope, dict(handles), source)
        try:
            last = self._body(document.body, body)
        except TooLarge:
            return None
        outputs = self._outputs(body, last)
        if outputs is None or any(handle.value is None for handle in outputs.values()):
            return None
        values = {name: handle.value for name, handle in outputs.items() if handle.value is not None}
        self._check_dead(values)
        if self.faults.faults:
            return None
        return prune(Graph(document.name, self.inputs, tuple(self.nodes), values, document))

    def walk(self, template: Template) -> None:
        """Expand one template alone, on an input without a type."""
        frame = Frame(template, template.name.text, template.name.mark, None, None, 0)
        scope = Scope(known={param.name.text for param in template.params})
        scope.bind_type("in", None)
        for param in template.params:
            if param.kind == "node":
                scope.bind_type(param.name.text, None)
        with contextlib.suppress(TooLarge):
            self._body(template.body, Body(frame, "", scope, {}, self._poison(template.name.mark, "in")))

    def walk_net(self) -> None:
        """Expand the net on inputs without types."""
        scope = document_scope(self.document, self.faults)
        scope.bind_type("in", None)
        handles = {name.text: self._poison(name.mark, name.text) for name, _ in self.document.inputs}
        source = next(iter(handles.values())) if len(handles) == 1 else None
        body = Body(Frame(None, "", self.document.mark, None, None, 0), "", scope, handles, source)
        with contextlib.suppress(TooLarge):
            self._outputs(body, self._body(self.document.body, body))

    # the document's own parts

    def _open_inputs(self, scope: Scope) -> dict[str, Handle]:
        types = input_types(self.document, scope, self.faults, self.extra)
        handles = {}
        for (name, _), type in zip(self.document.inputs, types, strict=True):
            handles[name.text] = Handle(len(handles), type, name.text, name.mark)
            self.inputs[name.text] = type or Vector(1)
        return handles

    def _outputs(self, body: Body, last: Handle | None) -> dict[str, Handle] | None:
        if not self.document.outputs:
            return {last.name: last} if last is not None else None
        found = {}
        for name, source in self.document.outputs:
            handle = self._lookup(source, body)
            if handle is None:
                return None
            found[name.text] = handle
        return found

    def _check_dead(self, outputs: dict[str, int]) -> None:
        first = len(self.inputs)
        needed = set(outputs.values())
        for index, node in enumerate(self.nodes, start=first):
            if index not in self.read and index not in needed and index not in self.spare:
                self._fault(
                    "dead-node",
                    f"nothing reads `{node.address}`, and it is no output",
                    node.mark,
                    self.frames[index - first],
                    help="add it to `output`, remove it, or say `unused: ok`",
                    address=node.address,
                )
        for index, (name, _) in enumerate(self.document.inputs):
            if index not in self.read and index not in needed:
                self.faults.add("dead-node", f"nothing reads the input `{name.text}`", name.mark, help="remove it")

    # bodies and steps

    def _body(self, steps: tuple[Step, ...], body: Body) -> Handle | None:
        """Expand the steps of a body; the value of the last one in the text, or of the body's input if there is none."""
        names = step_names(steps, self.faults, taken=body.handles.keys())
        order, cyclic = step_order(steps, names, self._references, self.faults)
        done: dict[int, Handle] = {}
        for position in order:
            step = steps[position]
            previous = done.get(position - 1) if position else body.source
            if position in cyclic:
                handle = self._poison(step.mark, names[position])
            else:
                handle = self._step(step, names[position], previous, body)
            done[position] = handle
            if step.name is not None:
                body.handles[step.name.text] = handle
        return done[len(steps) - 1] if steps else body.source

    def _step(self, step: Step, name: str, previous: Handle | None, body: Body) -> Handle:
        sources = self._sources(step, previous, body)
        address = f"{body.prefix}{name}"
        try:
            if sources is None:
                raise Missing
            if step.when is not None and not self._condition(step.when, body) and not self.blind:
                if len(sources) != 1:
                    self._fault("arity", "a step with several inputs can't be left out", step.when.mark, body.frame)
                    raise Missing
                return sources[0]
            if step.repeat is None:
                handle = self._action(step.action, sources, address, body, None)
            else:
                handle = self._repeat(step, sources, address, body)
        except Missing:
            return self._poison(step.mark, name)
        if step.unused and handle.value is not None:
            self.spare.add(handle.value)
        return Handle(handle.value, handle.type, name, step.name.mark if step.name else step.mark)

    def _repeat(self, step: Step, sources: tuple[Handle, ...], address: str, body: Body) -> Handle:
        assert step.repeat is not None
        slot = Slot("repeat", "int", (), True, "an integer of at least 0")
        try:
            count = evaluate(step.repeat, slot, body.scope, self.faults)
        except Missing:
            if not self.blind:
                raise
            count = 1
        if not isinstance(count, int) or not 0 <= count <= MAX_NODES:
            self.faults.add(
                "bad-value", f"`repeat` takes an integer from 0 to {MAX_NODES:,}, got {count}", step.repeat.mark
            )
            raise Missing
        if len(sources) != 1:
            self._fault("arity", "a repeated step has one input", step.mark, body.frame)
            raise Missing
        handle = sources[0]
        for number in range(count):
            handle = self._action(
                step.action, (handle,), f"{address}.{number}", body, step.first if number == 0 else None
            )
        return handle

    def _sources(self, step: Step, previous: Handle | None, body: Body) -> tuple[Handle, ...] | None:
        if step.sources is None:
            if previous is None:
                help = f"from: {one_of(body.handles)}" if body.handles else ""
                self._fault(
                    "missing-key", "the first step of several inputs needs a `from`", step.mark, body.frame, help=help
                )
                return None
            found = [previous]
        else:
            looked = [self._lookup(source, body) for source in step.sources]
            found = [handle for handle in looked if handle is not None]
            if len(found) < len(looked):
                return None
        self.read.update(handle.value for handle in found if handle.value is not None)
        return tuple(found)

    def _lookup(self, source: Scalar, body: Body) -> Handle | None:
        if source.text == "in" and body.source is not None:
            return body.source
        handle = body.handles.get(source.text)
        if handle is None:
            names = [*body.handles, *(["in"] if body.source else [])]
            help = nearest(source.text, names) or f"there is {one_of(names)}"
            self.faults.add("unknown-name", f"there is no step `{source.text}` here", source.mark, help=help)
        return handle

    def _condition(self, tree: Scalar, body: Body) -> bool:
        try:
            value = evaluate_expression(tree, body.scope, self.faults)
        except Missing:
            if self.blind:
                return True
            raise
        if not isinstance(value, bool):
            self.faults.add(
                "expression",
                f"`when` is true or false, `{tree.text}` is {value}",
                tree.mark,
                help="compare it with something",
            )
            raise Missing
        return value

    # actions

    def _action(
        self, action: Action, sources: tuple[Handle, ...], address: str, body: Body, first: Mapping | None
    ) -> Handle:
        self.steps += 1
        if self.steps > MAX_STEPS:
            self._too_large(f"the document expands to more than {MAX_STEPS:,} steps", action.key.mark, body.frame)
        match action:
            case Call():
                return self._call(action, sources, address, body, first)
            case Sequential(key=key, body=steps):
                return self._group(key.mark, steps, sources, address, body)
            case Parallel():
                return self._parallel(action, sources, address, body)
            case Choice(key=key, alternatives=alternatives):
                assert self.blind, f"a hole is left at {key.mark}"
                for name, alternative in alternatives:
                    with contextlib.suppress(Missing):
                        self._action(alternative, sources, f"{address}.{name.text}", body, first)
                raise Missing

    def _group(
        self, mark: Mark, steps: tuple[Step, ...], sources: tuple[Handle, ...], address: str, body: Body
    ) -> Handle:
        source = self._single(sources, mark, body)
        inner = Scope(dict(body.scope.values), set(body.scope.known), dict(body.scope.kinds))
        inner.bind_type("in", source.type)
        return self._body(steps, Body(body.frame, f"{address}.", inner, {}, source)) or source

    def _parallel(self, action: Parallel, sources: tuple[Handle, ...], address: str, body: Body) -> Handle:
        source = self._single(sources, action.key.mark, body)
        ends = []
        for name, steps in action.branches:
            handle = self._group(name.mark, steps, (source,), f"{address}.{name.text}", body)
            ends.append(Handle(handle.value, handle.type, name.text, name.mark))
        self.read.update(handle.value for handle in ends if handle.value is not None)
        join = Call(action.join, Mapping((), action.join.mark))
        return self._call(join, tuple(ends), f"{address}.{action.join.text}", body, None)

    def _single(self, sources: tuple[Handle, ...], mark: Mark, body: Body) -> Handle:
        if len(sources) != 1:
            self._fault("arity", f"a group takes one input, got {len(sources)}", mark, body.frame)
            raise Missing
        return sources[0]

    def _call(self, call: Call, sources: tuple[Handle, ...], address: str, body: Body, first: Mapping | None) -> Handle:
        template = self._templates(call).get(call.key.text)
        if template is not None:
            return self._expand_template(template, call, sources, address, body, first)
        kind = primitive(call.key.text)
        if kind is None:
            refuse_unknown_block(call, self._templates(call), self.faults)
            raise Missing
        given = merge_arguments(call.arguments, first)
        values = self._arguments(call, given, slots_of(kind), body)
        return self._apply(kind, values, call, given, sources, address, body)

    def _apply(
        self,
        kind: type[Primitive],
        values: dict[str, Argument],
        call: Call,
        given: Given,
        sources: tuple[Handle, ...],
        address: str,
        body: Body,
    ) -> Handle:
        notes = (
            tuple(f"{handle.name} ({handle.mark}) is {handle.type}" for handle in sources) if len(sources) > 1 else ()
        )
        try:
            block = make_block(kind, tuple(values.items()))
            if any(handle.type is None or handle.value is None for handle in sources):
                raise Missing
            type = infer_type(block, tuple(handle.type for handle in sources if handle.type is not None))
        except ValidationError as error:
            for name in dict.fromkeys(str(detail["loc"][0]) for detail in error.errors(include_url=False)):
                message = f"`{name}` takes {slots_of(kind)[name].wants}, got {shown_argument(values[name])}"
                self._fault("bad-value", message, given[name][1].mark, body.frame, argument=name, address=address)
            raise Missing from None
        except RuleError as error:
            mark = given[error.argument][1].mark if error.argument in given else call.key.mark
            self._fault(
                error.kind,
                error.message,
                mark,
                body.frame,
                help=error.help,
                notes=notes,
                argument=error.argument,
                address=address,
            )
            raise Missing from None
        if max(type.shape) > MAX_CHANNELS and isinstance(type, Map):
            self._too_large(
                f"`{address}` is {type}: at most {MAX_CHANNELS:,} channels, rows and columns", call.key.mark, body.frame
            )
        self._check_room(1, call.key.mark, body.frame)
        self.nodes.append(
            Node(address, block, tuple(h.value for h in sources if h.value is not None), type, call.key.mark)
        )
        self.frames.append(body.frame)
        return Handle(len(self.inputs) + len(self.nodes) - 1, type, address, call.key.mark)

    def _expand_template(
        self,
        template: Template,
        call: Call,
        sources: tuple[Handle, ...],
        address: str,
        body: Body,
        first: Mapping | None,
    ) -> Handle:
        if len(sources) != 1:
            self._fault(
                "arity", f"`{template.name.text}` takes one input, got {len(sources)}", call.key.mark, body.frame
            )
            raise Missing
        if body.frame.calls(template):
            self._fault("recursion", f"`{template.name.text}` is made of itself", call.key.mark, body.frame)
            raise Missing
        if body.frame.depth >= MAX_NESTING:
            self._too_large(f"blocks are nested more than {MAX_NESTING} deep", call.key.mark, body.frame)
        given = merge_arguments(call.arguments, first)
        scope = Scope()
        slots = {param.name.text: slot_of(param) for param in template.params}
        nodes = {name: given.pop(name) for name, slot in slots.items() if slot.kind == "node" and name in given}
        values = self._arguments(call, given, {n: s for n, s in slots.items() if n not in nodes}, body)
        for name, (_, tree) in nodes.items():
            handle = self._lookup(tree, body) if isinstance(tree, Scalar) else None
            if handle is None:
                raise Missing
            scope.bind_type(name, handle.type)
            scope.known.add(name)
        for param in template.params:
            name = param.name.text
            if name in nodes:
                continue
            if name not in values and param.default is not None:
                values[name] = evaluate(param.default, slots[name], scope, self.faults)
            scope.bind(name, values.get(name))
        source = sources[0]
        scope.bind_type("in", source.type)
        passed = Mapping(tuple(given.values()), call.key.mark)
        inner = Frame(template, address, call.key.mark, passed, body.frame, body.frame.depth + 1)
        if not template.name.mark.source.builtin or source.type is None or source.value is None:
            return self._body(template.body, Body(inner, f"{address}.", scope, {}, source)) or source
        key = (template.name.text, source.type, tuple(scope.values.items()))
        fragment = recall(key)
        if fragment is None:
            start, faults = len(self.nodes), len(self.faults.faults)
            handle = self._body(template.body, Body(inner, f"{address}.", scope, {}, source)) or source
            if handle.value is not None and len(self.faults.faults) == faults:
                added = self.nodes[start:]
                remember(key, fragment_of(added, start + len(self.inputs), source.value, handle.value, f"{address}."))
            return handle
        nodes, end = place(fragment, len(self.inputs) + len(self.nodes), source.value, f"{address}.")
        self._check_room(len(nodes), call.key.mark, body.frame)
        self.nodes += nodes
        self.frames += [inner] * len(nodes)
        self.read.update(value for node in nodes for value in node.sources)
        return Handle(end, nodes[-1].type if end != source.value else source.type, address, call.key.mark)

    def _arguments(self, call: Call, given: Given, slots: dict[str, Slot], body: Body) -> dict[str, Argument]:
        wrong = check_arguments(call, given, slots, self.faults)
        values: dict[str, Argument] = {}
        for name, (_, tree) in given.items():
            if name in slots:
                try:
                    values[name] = evaluate(tree, slots[name], body.scope, self.faults)
                except Missing:
                    wrong = True
        if wrong:
            raise Missing
        return values

    def _references(self, call: Call) -> list[str]:
        """The steps that a call names in arguments that take a node."""
        template = self._templates(call).get(call.key.text)
        params = template.params if template else ()
        trees = [call.arguments.get(param.name.text) for param in params if param.kind == "node"]
        return [tree.text for tree in trees if isinstance(tree, Scalar)]

    def _templates(self, call: Call) -> AbstractMapping[str, Template]:
        """The templates that a call can mean: a shipped block sees shipped ones, a document its own first."""
        if call.key.mark.source.builtin:
            return composites()
        return {**composites(), **self.document.templates}

    # faults

    def _poison(self, mark: Mark, name: str) -> Handle:
        return Handle(None, None, name, mark)

    def _fault(
        self,
        slug: str,
        message: str,
        mark: Mark,
        frame: Frame,
        *,
        help: str = "",
        notes: tuple[str, ...] = (),
        argument: str | None = None,
        address: str = "",
    ) -> None:
        mark, chain = blame(mark, frame, argument)
        self.faults.add(slug, message, mark, help=help, notes=(*notes, *chain), address=address)

    def _check_room(self, num_nodes: int, mark: Mark, frame: Frame) -> None:
        if len(self.nodes) + num_nodes > MAX_NODES:
            self._too_large(f"the document expands to more than {MAX_NODES:,} nodes", mark, frame)

    def _too_large(self, message: str, mark: Mark, frame: Frame) -> None:
        self._fault("limit", message, mark, frame)
        raise TooLarge
