"""From a document to a graph: templates are expanded, names resolved and types inferred in one walk.

A step at fault gives a value without a type; what depends on it is passed over in silence, so that one mistake is told
once and the rest of the document is still checked. A fault inside a block that ships with the product is shown at the
step that called it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import ValidationError

from blocks.catalog import CATALOG, primitive
from blocks.errors import RuleError
from blocks.primitive import Primitive, check_inputs
from blocks.types import Map, Type, Vector
from graphs.arguments import Argument, Missing, Scope, Slot, evaluate, evaluate_expression, slot_of, slots_of
from graphs.document import Action, Call, Choice, Document, Parallel, Sequential, Step, Template
from graphs.faults import FaultList, Mark, nearest, one_of
from graphs.graph import Graph, Node
from graphs.library import composites
from graphs.ordering import step_names, step_order
from graphs.text import Mapping, Scalar, Tree

MAX_NODES = 20_000
MAX_STEPS = 200_000
MAX_NESTING = 32
MAX_CHANNELS = 65_536


class TooLarge(Exception):
    """A limit was passed: the fault is in the list, and the walk ends."""


@dataclass(slots=True)
class Handle:
    """A value under construction. Without a type it stands for something at fault."""

    value: int | None
    type: Type | None
    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Frame:
    """One open call: where it stands, and what called it."""

    template: Template | None
    address: str
    mark: Mark
    arguments: Mapping | None
    parent: Frame | None
    depth: int


@dataclass(slots=True)
class Body:
    """A body under expansion: its names and its input."""

    frame: Frame
    prefix: str
    scope: Scope
    handles: dict[str, Handle]
    source: Handle | None


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


def input_types(document: Document, extra: int = 0) -> list[Type]:
    """The types of the inputs alone; those at fault are left out."""
    expansion = _Expansion(document, FaultList(), extra)
    handles = expansion.open_inputs(expansion.document_scope())
    return [handle.type for handle in handles.values() if handle.type is not None]


@lru_cache(maxsize=65536)
def make_block(kind: type[Primitive], arguments: tuple[tuple[str, Argument], ...]) -> Primitive:
    """A primitive with these arguments, remembered. Raises pydantic's `ValidationError`, or `RuleError`."""
    return kind(**dict(arguments))


@lru_cache(maxsize=65536)
def infer_type(block: Primitive, inputs: tuple[Type, ...]) -> Type:
    """The output type, remembered. Raises `RuleError`."""
    check_inputs(block, inputs)
    return block.infer(inputs)


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
        scope = self.document_scope()
        handles = self.open_inputs(scope)
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
        return self._prune(Graph(document.name, self.inputs, tuple(self.nodes), values, document))

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
        scope = self.document_scope()
        scope.bind_type("in", None)
        handles = {name.text: self._poison(name.mark, name.text) for name, _ in self.document.inputs}
        source = next(iter(handles.values())) if len(handles) == 1 else None
        body = Body(Frame(None, "", self.document.mark, None, None, 0), "", scope, handles, source)
        with contextlib.suppress(TooLarge):
            self._outputs(body, self._body(self.document.body, body))

    # the document's own parts

    def document_scope(self) -> Scope:
        """The document's parameters; one may be an expression of those before it."""
        scope = Scope()
        for param in self.document.params:
            assert param.default is not None
            try:
                scope.bind(param.name.text, evaluate(param.default, slot_of(param), scope, self.faults))
            except Missing:
                scope.known.add(param.name.text)
        return scope

    def open_inputs(self, scope: Scope) -> dict[str, Handle]:
        """The document's inputs as values."""
        handles = {}
        for name, spec in self.document.inputs:
            type = self._input_type(name, spec, scope)
            handles[name.text] = Handle(len(handles), type, name.text, name.mark)
            self.inputs[name.text] = type or Vector(1)
        return handles

    def _input_type(self, name: Scalar, spec: Mapping, scope: Scope) -> Type | None:
        tree = spec.get("map") or spec.get("vector")
        wanted = 3 if spec.get("map") else 1
        items = (tree,) if isinstance(tree, Scalar) else tree.items if tree and not isinstance(tree, Mapping) else ()
        if len(items) != wanted:
            help = "map: [channels, height, width]" if wanted == 3 else "vector: 64"
            self.faults.add("wrong-shape", f"the input `{name.text}` has {wanted} size{'s' * (wanted > 1)}", spec.mark, help=help)
            return None
        slot = Slot("size of an input", "int", (), True, "an integer of at least 1")
        try:
            sizes = [evaluate(item, slot, scope, self.faults) for item in items]
        except Missing:
            return None
        numbers = [size for size in sizes if isinstance(size, int)]
        for item, number in zip(items, numbers, strict=True):
            if not 1 <= number <= MAX_CHANNELS:
                self.faults.add("bad-value", f"a size of an input is 1 to {MAX_CHANNELS:,}, got {number}", item.mark)
                return None
        dtype = spec.get("dtype")
        word = dtype.text if isinstance(dtype, Scalar) else "float32"
        if dtype is not None and word not in ("float32", "float16", "bfloat16"):
            self.faults.add("bad-value", f"`{word}` is no dtype", dtype.mark, help="float32, float16 or bfloat16")
            return None
        if wanted == 1:
            return Vector(numbers[0], word)  # type: ignore[arg-type]
        return Map(numbers[0], numbers[1] + self.extra, numbers[2] + self.extra, dtype=word)  # type: ignore[arg-type]

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

    def _prune(self, graph: Graph) -> Graph:
        """Without the nodes that no output needs: those that are `unused: ok`."""
        first = len(graph.inputs)
        needed = set(graph.outputs.values())
        for index in range(len(graph.types) - 1, first - 1, -1):
            if index in needed:
                needed.update(graph.nodes[index - first].sources)
        if len(needed | set(range(first))) == len(graph.types):
            return graph
        kept = [index for index in range(len(graph.types)) if index < first or index in needed]
        place = {old: new for new, old in enumerate(kept)}
        nodes = tuple(
            Node(n.address, n.block, tuple(place[source] for source in n.sources), n.type, n.mark)
            for n in (graph.nodes[index - first] for index in kept[first:])
        )
        return Graph(graph.name, graph.inputs, nodes, {k: place[v] for k, v in graph.outputs.items()}, graph.document)

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
            self.faults.add("bad-value", f"`repeat` takes an integer from 0 to {MAX_NODES:,}, got {count}", step.repeat.mark)
            raise Missing
        if len(sources) != 1:
            self._fault("arity", "a repeated step has one input", step.mark, body.frame)
            raise Missing
        handle = sources[0]
        for number in range(count):
            handle = self._action(step.action, (handle,), f"{address}.{number}", body, step.first if number == 0 else None)
        return handle

    def _sources(self, step: Step, previous: Handle | None, body: Body) -> tuple[Handle, ...] | None:
        if step.sources is None:
            if previous is None:
                help = f"from: {one_of(body.handles)}" if body.handles else ""
                self._fault("missing-key", "the first step of several inputs needs a `from`", step.mark, body.frame, help=help)
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
            self.faults.add("expression", f"`when` is true or false, `{tree.text}` is {value}", tree.mark, help="compare it with something")
            raise Missing
        return value

    # actions

    def _action(self, action: Action, sources: tuple[Handle, ...], address: str, body: Body, first: Mapping | None) -> Handle:
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

    def _group(self, mark: Mark, steps: tuple[Step, ...], sources: tuple[Handle, ...], address: str, body: Body) -> Handle:
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
        given = _merge(call.arguments, first)
        values = self._arguments(call, given, slots_of(kind), body)
        return self._apply(kind, values, call, given, sources, address, body)

    def _apply(
        self,
        kind: type[Primitive],
        values: dict[str, Argument],
        call: Call,
        given: dict[str, tuple[Scalar, Tree]],
        sources: tuple[Handle, ...],
        address: str,
        body: Body,
    ) -> Handle:
        notes = tuple(f"{handle.name} ({handle.mark}) is {handle.type}" for handle in sources) if len(sources) > 1 else ()
        try:
            block = make_block(kind, tuple(values.items()))
            if any(handle.type is None or handle.value is None for handle in sources):
                raise Missing
            type = infer_type(block, tuple(handle.type for handle in sources if handle.type is not None))
        except ValidationError as error:
            for name in dict.fromkeys(str(detail["loc"][0]) for detail in error.errors(include_url=False)):
                message = f"`{name}` takes {slots_of(kind)[name].wants}, got {_shown(values[name])}"
                self._fault("bad-value", message, given[name][1].mark, body.frame, argument=name, address=address)
            raise Missing from None
        except RuleError as error:
            mark = given[error.argument][1].mark if error.argument in given else call.key.mark
            self._fault(error.kind, error.message, mark, body.frame, help=error.help, notes=notes, argument=error.argument, address=address)
            raise Missing from None
        if max(type.shape) > MAX_CHANNELS and isinstance(type, Map):
            self._too_large(f"`{address}` is {type}: at most {MAX_CHANNELS:,} channels, rows and columns", call.key.mark, body.frame)
        if len(self.nodes) >= MAX_NODES:
            self._too_large(f"the document expands to more than {MAX_NODES:,} nodes", call.key.mark, body.frame)
        self.nodes.append(Node(address, block, tuple(h.value for h in sources if h.value is not None), type, call.key.mark))
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
            self._fault("arity", f"`{template.name.text}` takes one input, got {len(sources)}", call.key.mark, body.frame)
            raise Missing
        frame: Frame | None = body.frame
        while frame is not None:
            if frame.template is template:
                self._fault("recursion", f"`{template.name.text}` is made of itself", call.key.mark, body.frame)
                raise Missing
            frame = frame.parent
        if body.frame.depth >= MAX_NESTING:
            self._too_large(f"blocks are nested more than {MAX_NESTING} deep", call.key.mark, body.frame)
        given = _merge(call.arguments, first)
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
        scope.bind_type("in", sources[0].type)
        inner = Frame(template, address, call.key.mark, Mapping(tuple(given.values()), call.key.mark), body.frame, body.frame.depth + 1)
        return self._body(template.body, Body(inner, f"{address}.", scope, {}, sources[0])) or sources[0]

    def _arguments(
        self, call: Call, given: dict[str, tuple[Scalar, Tree]], slots: dict[str, Slot], body: Body
    ) -> dict[str, Argument]:
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
        """A fault at its step, or, inside a shipped block, at the step that called it."""
        inside: Frame | None = frame
        while mark.source.builtin and inside is not None and inside.template is not None:
            passed = inside.arguments.get(argument) if inside.arguments and argument else None
            mark = passed.mark if passed is not None else inside.mark
            inside = inside.parent
        chain = []
        while inside is not None and inside.template is not None and inside.parent is not None:
            chain.append(f"in `{inside.template.name.text}` at {inside.address}, called from {inside.mark}")
            inside = inside.parent
        self.faults.add(slug, message, mark, help=help, notes=(*notes, *chain), address=address)

    def _too_large(self, message: str, mark: Mark, frame: Frame) -> None:
        self._fault("limit", message, mark, frame)
        raise TooLarge


def check_arguments(
    call: Call, given: AbstractMapping[str, tuple[Scalar, Tree]], slots: dict[str, Slot], faults: FaultList
) -> bool:
    """Whether a call has arguments that the block doesn't take, or lacks one that it needs."""
    wrong = False
    key = call.key.text
    for name, (mark, _) in given.items():
        if name not in slots:
            help = nearest(name, slots) or (f"it takes {one_of(slots)}" if slots else f"write `{key}: {{}}`")
            faults.add("unknown-argument", f"`{key}` has no argument `{name}`", mark.mark, help=help)
            wrong = True
    for name, slot in slots.items():
        if slot.required and name not in given:
            faults.add("missing-argument", f"`{key}` needs `{name}`, {slot.wants}", call.key.mark, help=f"{key}: {{{name}: ...}}")
            wrong = True
    return wrong


def refuse_unknown_block(call: Call, templates: AbstractMapping[str, Template], faults: FaultList) -> None:
    """The fault of a block that nobody knows, with the nearest name."""
    names = [*templates, *(block.key for block in CATALOG), "parallel", "sequential"]
    help = nearest(call.key.text, names) or f"{len(names)} blocks are known; `blocks:` defines your own"
    faults.add("unknown-block", f"there is no block `{call.key.text}`", call.key.mark, help=help)


def _merge(arguments: Mapping, first: Mapping | None) -> dict[str, tuple[Scalar, Tree]]:
    merged = {key.text: (key, tree) for key, tree in arguments}
    if first is not None:
        merged.update({key.text: (key, tree) for key, tree in first})
    return merged


def _shown(value: Argument) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
