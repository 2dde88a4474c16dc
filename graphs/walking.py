"""The steps of bodies, one after the other: what each reads, does and gives, templates and groups included.

A step at fault gives a value without a type; what depends on it is passed over in silence, so that one mistake is told
once and the rest of the document is still checked. A fault inside a block that ships with the product is shown at the
step that called it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from functools import partial

from graphs.arguments import Missing
from graphs.assembly import Assembly
from graphs.binding import bind
from graphs.calls import Given, merge_arguments, with_one_filled
from graphs.document import Action, Call, Choice, Document, Parallel, Sequential, Share, Step, Template
from graphs.faults import Mark
from graphs.fragments import fragment_of, is_closed, recall, remember
from graphs.frames import Body, Frame, Handle
from graphs.graph import Group
from graphs.guides import Guide
from graphs.lexicon import Lexicon
from graphs.library import block_class
from graphs.ordering import step_names, step_order
from graphs.resolving import (
    REPEAT,
    after,
    alone,
    count_repeats,
    excuse,
    is_done,
    lookup,
    refuse_unkept,
    single,
    sources_of,
)
from graphs.slots import Slot
from graphs.tally import MAX_ADDRESS, MAX_NESTING, Tally, recall_part, remember_part
from graphs.text import Mapping


@dataclass
class Walk:
    """One walk over a document. A blind one knows no types and takes every alternative."""

    document: Document
    assembly: Assembly
    blind: bool = False
    lexicon: Lexicon = field(init=False)
    _plans: dict[int, tuple[list[str], list[int], set[int]]] = field(default_factory=dict)
    _sharing: int = 0

    def __post_init__(self) -> None:
        self.lexicon = Lexicon(self.document, self.assembly, blind=self.blind)

    # bodies and steps

    def body(self, steps: tuple[Step, ...], body: Body) -> Handle | None:
        """Expand the steps of a body; the value of the last one in the text, of the body's input if there is none."""
        names, order, cyclic = self._plan(steps, body)
        body.unnamed = {name for name, step in zip(names, steps, strict=True) if step.name is None}
        body.steps = {step.name.text: step for step in steps if step.name is not None}
        done: dict[int, Handle] = {}

        def part(turn: int) -> bool:
            position = order[turn]
            step, name = steps[position], names[position]
            self.assembly.count_step(step.mark, body.frame)
            previous = done.get(position - 1) if position else body.source
            if position in cyclic or step.broken:
                done[position] = poison(step.mark, name)
            else:
                done[position] = self._step(step, name, previous, body)
            if step.name is not None:
                body.handles[step.name.text] = done[position]
            return turn + 1 < len(order)

        if self.assembly.guide is not None and order:
            self.assembly.guide.in_turn(part)
        else:
            for turn in range(len(order)):
                part(turn)
        for position in {*cyclic, *(position for position, step in enumerate(steps) if step.broken)}:
            excuse(steps[position], done.get(position - 1) if position else body.source, body, self.assembly)
        body.cyclic = bool(cyclic)
        if body.doubtful:
            self.assembly.mark_read(done.values())
        return done[len(steps) - 1] if steps else body.source

    def inside(self, template: Template, body: Body) -> Handle | None:
        """The value of a template: of its body, or of the first alternative whose condition holds, which stands at the
        address of the template itself; of its input where none does. A blind walk takes every alternative of one that
        does not ship."""
        if not template.alternatives:
            return self.body(template.body, body)
        assert body.source is not None
        self.assembly.mark_read((body.source,))
        for step in template.body:
            self.assembly.count_step(step.mark, body.frame)
            try:
                if not step.broken and is_done(step, body, self.assembly, blind=self.blind):
                    handle = self._outcome(step, body.prefix.removesuffix("."), (body.source,), body)
                    if not self.blind or step.mark.source.builtin:
                        return handle
            except Missing:
                if not self.blind or step.mark.source.builtin:
                    raise
        return body.source

    def _plan(self, steps: tuple[Step, ...], body: Body) -> tuple[list[str], list[int], set[int]]:
        """Names and order of the steps of a body, found once however often it is expanded."""
        plan = self._plans.get(id(steps))
        if plan is None:
            names = step_names(steps, self.assembly.faults, taken=body.handles.keys())
            plan = (names, *step_order(steps, names, self.lexicon.references, self.assembly.faults))
            self._plans[id(steps)] = plan
        return plan

    def _step(self, step: Step, name: str, previous: Handle | None, body: Body) -> Handle:
        try:
            sources = sources_of(step, previous, body, self.assembly)
            if step.unused and self.assembly.guide is not None:
                handle = self.assembly.guide.spare(partial(self._outcome, step, f"{body.prefix}{name}", sources, body))
            else:
                handle = self._outcome(step, f"{body.prefix}{name}", sources, body)
        except Missing:
            if self.assembly.guide is not None:
                raise self.assembly.guide.turn_back() from None
            return poison(step.mark, name)
        if step.unused and handle.value is not None:
            self.assembly.spare.add(handle.value)
        return Handle(handle.value, handle.type, name, step.name.mark if step.name else step.mark, handle.before)

    def _outcome(self, step: Step, address: str, sources: tuple[Handle, ...], body: Body) -> Handle:
        if not is_done(step, body, self.assembly, blind=self.blind):
            return sources[0]
        if step.when is not None and body.scope.open:  # perhaps it is not done with an alternative at fault
            decided = replace(body, scope=replace(body.scope, open={}))
            return self._outcome(replace(step, when=None), address, sources, decided)
        if step.repeat is None:
            return after(sources, self._action(step.action, sources, address, body, None))
        if len(sources) != 1:
            message, help = "a repeated step has one input", "join its inputs before it"
            self.assembly.fault("arity", message, step.mark, body.frame, help=help)
            raise Missing
        if self.assembly.guide is not None:
            return self._repeat(step, address, sources[0], body, self.assembly.guide)
        count = count_repeats(step, body, self.assembly, blind=self.blind)
        place = len(self.assembly.groups)
        self.assembly.groups.append(Group(address, step.action.key.text, count))
        handle = sources[0]
        for number in range(count):
            self.assembly.count_step(step.mark, body.frame)
            first, source, made = step.first if number == 0 else None, handle, len(self.assembly.nodes)
            handle = after((handle,), self._action(step.action, (handle,), f"{address}.{number}", body, first))
            if handle.type is None and not self.blind:
                break
            if isinstance(self.assembly, Tally) and first is None and self.assembly.repeats(made, source, handle):
                return self._repeated(handle, count - number - 1, body)
        self._name_repetitions(place, step.action)
        return handle

    def _repeated(self, handle: Handle, times: int, body: Body) -> Handle:
        """The last node of a tally so many times more, which it would come to by itself."""
        assert isinstance(self.assembly, Tally)
        assert handle.value is not None
        part = self.assembly.parts.get(len(self.assembly.nodes) - 1)
        for _ in range(times):
            self.assembly.count_step(handle.mark, body.frame)
            if part is not None:
                self.assembly.take(part, body)
        self.assembly.repeat(times)
        return Handle(handle.value + times, handle.type, handle.name, handle.mark)

    def _repeat(self, step: Step, address: str, source: Handle, body: Body, guide: Guide) -> Handle:
        """Repeat a step for as long as the guide goes on."""
        assert step.repeat is not None
        handles, begun = [source], len(self.assembly.inputs) + len(self.assembly.nodes)

        def part(number: int) -> bool:
            del handles[number + 1 :]
            if not guide.goes_on(step, REPEAT, body.scope, handles, begun):
                return False
            self.assembly.count_step(step.mark, body.frame)
            first = step.first if number == 0 else None
            action = step.action
            if step.each:
                assert isinstance(action, Sequential)
                action = action.body[number].action
            source = handles[number]
            handle = self._action(action, (source,), f"{address}.{number}", body, first)
            handles.append(after((source,), handle))
            return True

        guide.in_turn(part)
        return handles[-1]

    def _name_repetitions(self, place: int, action: Action) -> None:
        """Call the repetitions of a block of alternatives what all of them turned out to be."""
        groups = self.assembly.groups
        template = self.lexicon.templates(action).get(action.key.text) if isinstance(action, Call) else None
        if template is not None and template.alternatives:
            found = {
                group.block
                for group in groups[place + 1 :]
                if group.address.rpartition(".")[0] == groups[place].address
            }
            if len(found) == 1:
                groups[place] = replace(groups[place], block=found.pop())

    # actions

    def _action(
        self, action: Action, sources: tuple[Handle, ...], address: str, body: Body, first: Mapping | None
    ) -> Handle:
        match action:
            case Call():
                return self._call(action, sources, address, body, first)
            case Sequential(key=key, body=steps):
                return self._group(key.text, key.mark, steps, single(sources, key, body, self.assembly), address, body)
            case Parallel():
                return self._parallel(action, single(sources, action.key, body, self.assembly), address, body)
            case Share():
                return self._share(action, sources, address, body)
            case Choice(key=key, alternatives=alternatives):
                if self.assembly.guide is not None:
                    return self._action(self.assembly.guide.pick(action), sources, address, body, first)
                assert self.blind, f"a hole is left at {key.mark}"
                for name, alternative in alternatives:
                    with contextlib.suppress(Missing):
                        self._action(alternative, sources, f"{address}.{name.text}", body, first)
                raise Missing

    def _group(
        self, block: str, mark: Mark, steps: tuple[Step, ...], source: Handle, address: str, body: Body
    ) -> Handle:
        self._check_nesting(mark, body)
        self.assembly.groups.append(Group(address, block))
        scope = body.scope
        scope.bind_type("in", source.type)  # for as long as the group is open
        try:
            inner = Body(body.frame, f"{address}.", scope, {}, source, body.depth + 1, possible_names(steps))
            return self.body(steps, inner) or source
        finally:
            if body.source is None:
                scope.unbind_type("in")
            else:
                scope.bind_type("in", body.source.type)

    def _parallel(self, action: Parallel, source: Handle, address: str, body: Body) -> Handle:
        self.assembly.groups.append(Group(address, action.key.text))
        ends = []
        for name, steps in action.branches:
            handle = self._group("branch", name.mark, steps, source, f"{address}.{name.text}", body)
            ends.append(Handle(handle.value, handle.type, name.text, name.mark))
        self.assembly.mark_read(ends)
        join, kind = Call(action.join, Mapping((), action.join.mark)), block_class(action.join.text)
        assert kind is not None
        if self.assembly.guide is not None:
            self.assembly.guide.expect(kind, tuple(ends))
        return self.assembly.apply(kind, {}, join, {}, tuple(ends), f"{address}.{action.join.text}", body.frame)

    def _share(self, share: Share, sources: tuple[Handle, ...], address: str, body: Body) -> Handle:
        """The nodes of another step once more, with its weights."""
        name = share.target.text
        target = body.steps.get(name)
        if target is None or target.broken:
            lookup(share.target, body, self.assembly)
            raise Missing
        if self._sharing >= MAX_NESTING:
            message = f"more than {MAX_NESTING} steps share from each other in a chain"
            self.assembly.too_large(message, share.target.mark, body.frame, "share from the first of them")
        start = len(self.assembly.nodes)
        self._sharing += 1
        try:
            handle = self._outcome(target, address, sources, body)
        finally:
            self._sharing -= 1
        self.assembly.share_weights(start, address, f"{body.prefix}{name}", share.target, body.frame)
        return handle

    def _call(self, call: Call, sources: tuple[Handle, ...], address: str, body: Body, first: Mapping | None) -> Handle:
        slots = self.lexicon.slots(call)
        if slots is None:
            raise Missing
        given = merge_arguments(call.arguments, first)
        if self.blind:
            for filled in with_one_filled(given):
                with contextlib.suppress(Missing):
                    self._call_with(filled, slots, call, sources, address, body)
        return self._call_with(given, slots, call, sources, address, body)

    def _call_with(
        self, given: Given, slots: dict[str, Slot], call: Call, sources: tuple[Handle, ...], address: str, body: Body
    ) -> Handle:
        template = self.lexicon.templates(call).get(call.key.text)
        if template is not None:
            source = single(sources, call.key, body, self.assembly)
            return self._expand_template(template, call, given, slots, source, address, body)
        kind = block_class(call.key.text)
        assert kind is not None
        if self.assembly.guide is not None:
            self.assembly.guide.expect(kind, sources)
        values = self.lexicon.arguments(call, given, slots, body)
        return self.assembly.apply(kind, values, call, given, sources, address, body.frame)

    def _expand_template(
        self,
        template: Template,
        call: Call,
        given: Given,
        slots: dict[str, Slot],
        source: Handle,
        address: str,
        body: Body,
    ) -> Handle:
        if template.broken or body.frame.calls(template):  # a fault of `check_templates`
            raise Missing
        self._check_nesting(call.key.mark, body)
        scope, nodes = bind(template, call, given, slots, source, body, self.lexicon, self.assembly)
        if self.blind and not template.name.mark.source.builtin:  # it is walked on its own
            raise Missing
        frame, guide = Frame(template, address, call.key.mark, given, body.frame), self.assembly.guide
        if guide is None and refuse_unkept(template.where, scope, call.key.mark, body.frame, self.assembly):
            raise Missing
        if not template.alternatives:
            self.assembly.groups.append(Group(address, template.name.text))
        inner = Body(frame, f"{address}.", scope, nodes, alone(source), body.depth + 1, possible_names(template.body))
        if guide is not None:
            handle = self.inside(template, inner) or source
            if refuse_unkept(template.where, scope, call.key.mark, body.frame, self.assembly):
                raise guide.turn_back()
            return handle
        if isinstance(self.assembly, Tally):
            return self._expand_part(template, nodes, source, inner, body)
        if not template.name.mark.source.builtin or source.value is None or template.alternatives:
            return self.inside(template, inner) or source
        return self._expand_shipped(template, nodes, source, source.value, inner)

    def _expand_shipped(
        self, template: Template, nodes: dict[str, Handle], source: Handle, value: int, inner: Body
    ) -> Handle:
        """A shipped block: placed from memory where this call was expanded before, else expanded and remembered.
        `value` is that of the source."""
        same = tuple(node.value == value for node in nodes.values())
        key = (template.name.text, source.type, tuple(inner.scope.values.items()), same)
        fragment = recall(key)
        if fragment is not None:
            return self.assembly.place(fragment, source, inner.frame)
        start, faults = len(self.assembly.nodes), len(self.assembly.faults.faults)
        start_of_groups = len(self.assembly.groups)
        handle = self.inside(template, inner) or source
        if handle.value is not None and len(self.assembly.faults.faults) == faults:
            added, first = self.assembly.nodes[start:], start + len(self.assembly.inputs)
            groups = self.assembly.groups[start_of_groups:]
            if is_closed(added, first, value, handle.value):
                remember(key, fragment_of(added, groups, first, value, handle.value, inner.prefix))
                self.assembly.read_by_nodes(start)
        return handle

    def _expand_part(
        self, template: Template, nodes: dict[str, Handle], source: Handle, inner: Body, body: Body
    ) -> Handle:
        """A block as one part, where it reads nothing but its input."""
        tally = self.assembly
        assert isinstance(tally, Tally)
        same = tuple(node.value == source.value for node in nodes.values())
        key = (self.lexicon.meaning(template), source.type, tuple(inner.scope.values.items()), same)
        part = recall_part(key)
        if part is None:
            begun = tally.begin()
            handle = self.inside(template, inner) or source
            part = tally.end(begun, source, handle, body)
            if part is None:
                return handle
            remember_part(key, part)
        else:
            tally.take(part, body)
        return tally.place_part(part, source, inner.frame)

    def _check_nesting(self, mark: Mark, body: Body) -> None:
        if mark.source.builtin:
            return  # a shipped block is as deep as it is: what is remembered of it must not decide
        if isinstance(self.assembly, Tally):
            self.assembly.note_nesting(body)
        if body.depth >= MAX_NESTING:
            message = f"blocks are nested more than {MAX_NESTING} deep"
            self.assembly.too_large(message, mark, body.frame, "put fewer blocks and groups into each other")
        if len(body.prefix) > MAX_ADDRESS:
            message = f"the address of this step has more than {MAX_ADDRESS} characters"
            self.assembly.too_large(message, mark, body.frame, "give the blocks around it shorter names")


def poison(mark: Mark, name: str) -> Handle:
    """The value of something at fault."""
    return Handle(None, None, name, mark)


def possible_names(steps: tuple[Step, ...]) -> frozenset[str]:
    """The words that may be names of steps whose names can't be read."""
    return frozenset[str]().union(*(step.possible_names for step in steps))
