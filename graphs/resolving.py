"""What a step reads, whether it is done at all, and how often."""

from __future__ import annotations

from graphs.arguments import Argument, Missing, Scope, names_in, shown
from graphs.assembly import MAX_NODES, Assembly
from graphs.document import Step, hole_alternatives, source_names
from graphs.faults import Mark, nearest, one_of
from graphs.frames import Body, Frame, Handle
from graphs.slots import Slot
from graphs.text import Scalar, Tree

BEFORE = "before"

REPEAT = Slot("repeat", "int", (), True, f"an integer from 0 to {MAX_NODES:,}")


def lookup(source: Scalar, body: Body, assembly: Assembly) -> Handle | None:
    """The value that a name stands for in a body; None, with a fault, where there is none."""
    if source.text == "in" and body.source is not None:
        return body.source
    handle = body.handles.get(source.text)
    if handle is None:
        body.doubtful = True
    if handle is None and not body.incomplete and source.text not in body.possible_names:
        names = [*body.handles, *(["in"] if body.source else [])]
        help = nearest(source.text, names) or f"there is {one_of(names)}"
        if source.text in body.unnamed:
            help = f"a step that is read has a name: {{name: {source.text}, ...}}"
        elif "," in source.text:
            help = f"several names are a list: [{source.text}]"
        assembly.faults.add("unknown-name", f"no step here is called `{source.text}`", source.mark, help=help)
    return handle


def sources_of(step: Step, previous: Handle | None, body: Body, assembly: Assembly) -> tuple[Handle, ...]:
    """The values that a step reads. Raises `Missing` after a fault."""
    if step.sources is None:
        if previous is None:
            message = "the first step of a document with several inputs says which it reads"
            help = f"from: {next(iter(body.handles))}"
            assembly.fault("missing-key", message, step.mark, body.frame, help=help)
            raise Missing
        assembly.mark_read([previous])
        return (previous,)
    named, guide = step.sources, assembly.guide
    if guide is not None:
        named = tuple(source if isinstance(source, Scalar) else guide.source(source) for source in named)
    looked = [[lookup(name, body, assembly) for name in source_names((source,))] for source in named]
    assembly.mark_read(handle for handles in looked for handle in handles if handle is not None)
    found = [handles[0] for handles in looked]  # one of them, where a blind walk meets a hole
    if any(handle is None for handles in looked for handle in handles):
        raise Missing
    return tuple(handle for handle in found if handle is not None)


def named_node(param: str, tree: Tree, source: Handle, body: Body, assembly: Assembly) -> Handle:
    """The step that an argument names, for a call that reads `source`; `before` is what its step read. Raises `Missing`
    after a fault."""
    if not isinstance(tree, Scalar):
        assembly.faults.add("wrong-shape", f"`{param}` is the name of a step", tree.mark, help=f"{param}: main")
        raise Missing
    if tree.text == BEFORE and BEFORE not in body.handles:
        if source.type is None:
            raise Missing
        if source.before is None:
            message = f"nothing is `before`: `{source.name}` is not a step here that reads one value"
            assembly.fault("unknown-name", message, tree.mark, body.frame, help="name the step, or `in`")
            raise Missing
        return source.before
    handle = lookup(tree, body, assembly)
    if handle is None:
        raise Missing
    return handle


def alone(handle: Handle, name: str = "") -> Handle:
    """A value as another body knows it: nothing is before it."""
    return Handle(handle.value, handle.type, name or handle.name, handle.mark)


def after(sources: tuple[Handle, ...], handle: Handle) -> Handle:
    """The value of a step that read these."""
    return Handle(handle.value, handle.type, handle.name, handle.mark, sources[0] if len(sources) == 1 else None)


def excuse(step: Step, previous: Handle | None, body: Body, assembly: Assembly) -> None:
    """What a step at fault reads is not dead."""
    if step.sources is None:
        sources = [previous]
    else:
        names = (source.text for source in source_names(step.sources))
        sources = [body.source if name == "in" else body.handles.get(name) for name in names]
    assembly.mark_read(handle for handle in sources if handle is not None)


def is_done(step: Step, body: Body, assembly: Assembly, *, blind: bool) -> bool:
    """Whether the condition of a step holds. Every one does in a blind walk, but for steps of shipped blocks, whose
    faults are those of what is given. Raises `Missing` after a fault, and where that is not decided."""
    if step.when is None:
        return True
    blind = blind and not step.mark.source.builtin
    try:
        value = assembly.condition(step.when, body.scope, body.frame)
    except Missing:
        if blind:
            return True
        raise
    if not isinstance(value, bool):
        text = step.when.text
        message = f"`when` is true or false, `{text}` is {value}"
        assembly.fault("expression", message, step.when.mark, body.frame, help=f"compare it: {text} > 0")
        raise Missing
    return value or blind


def refuse_unkept(where: tuple[Scalar, ...], scope: Scope, mark: Mark | None, frame: Frame, assembly: Assembly) -> bool:
    """Whether any of these conditions does not hold: a fault at `mark`, the call of its block, or at the condition."""
    broken = False
    for condition in where:
        try:
            value = assembly.condition(condition, scope, frame)
        except Missing:
            broken = True
            continue
        text = condition.text
        if not isinstance(value, bool):
            message = f"a condition is true or false, `{text}` is {shown(value)}"
            assembly.fault("expression", message, condition.mark, frame, help=f"compare it: {text} > 0")
        elif not value:
            read = ", ".join(f"{name} is {shown(scope.values[name])}" for name in sorted(names_in(condition)))
            notes = (f"the condition is at {condition.mark}",) if mark else ()
            message = f"`{text}` does not hold: {read}"
            assembly.fault("where", message, mark or condition.mark, frame, notes=notes, help="change one of them")
        broken = broken or value is not True
    return broken


def count_repeats(step: Step, body: Body, assembly: Assembly, *, blind: bool) -> int:
    """How often a step is repeated; once in a blind walk, as `is_done` says. Raises `Missing` as that does."""
    assert step.repeat is not None
    blind = blind and not step.mark.source.builtin
    try:
        count = assembly.evaluate(step.repeat, REPEAT, body.scope, body.frame)
    except Missing:
        for alternative in hole_alternatives(step.repeat) or ():
            if isinstance(alternative, Scalar) and type(alternative.value) is int:
                _refuse_count(alternative.value, alternative, body, assembly)
        if blind:
            return 1
        raise
    if _refuse_count(count, step.repeat, body, assembly):
        raise Missing
    assert isinstance(count, int)
    return 1 if blind else count


def _refuse_count(count: Argument, tree: Tree, body: Body, assembly: Assembly) -> bool:
    """Whether a step can't be repeated so often; a fault then."""
    if isinstance(count, int) and 0 <= count <= MAX_NODES:
        return False
    message = f"`repeat` takes {REPEAT.wants}, got {shown(count)}"
    assembly.fault("bad-value", message, tree.mark, body.frame)
    return True


def single(sources: tuple[Handle, ...], key: Scalar, body: Body, assembly: Assembly) -> Handle:
    """The one source of a step that takes one. Raises `Missing` after a fault."""
    if len(sources) != 1:
        message = f"`{key.text}` takes one input, got {len(sources)}"
        help = "join them before it: `concat` or `add`"
        assembly.fault("arity", message, key.mark, body.frame, help=help)
        raise Missing
    return sources[0]
