"""Names and order of the steps of one body. A step may read a later one, as long as there is no cycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable

from graphs.document import Call, Share, Step, source_names
from graphs.faults import FaultList
from graphs.text import Scalar

MOST_SHOWN = 8


def step_names(steps: tuple[Step, ...], faults: FaultList, *, taken: Container[str]) -> list[str]:
    """The name of every step: the one it was given, or its block's key, numbered where several steps need that.

    All names of a body differ, and differ from those that are `taken`.
    """
    given: dict[str, Scalar] = {}
    for step in steps:
        if step.name is None:
            continue
        name = step.name.text
        if name in given:
            first = given[name].mark
            faults.add(
                "duplicate-name",
                f"two steps are called `{name}`",
                step.name.mark,
                notes=(f"first at {first}:{first.column}",),
                help="rename one of them, and what reads it",
            )
        elif name in taken:
            message, help = f"`{name}` is the name of an input", "take another name for the step"
            faults.add("duplicate-name", message, step.name.mark, help=help)
        given.setdefault(name, step.name)
    unnamed = Counter(step.action.key.text for step in steps if step.name is None)
    numbers: Counter[str] = Counter()
    used = set(given)
    names = []
    for step in steps:
        if step.name is not None:
            names.append(step.name.text)
            continue
        key = step.action.key.text
        name = key if unnamed[key] == 1 else ""
        while not name or name in used or name in taken:
            numbers[key] += 1
            name = f"{key}{numbers[key]}"
        used.add(name)
        names.append(name)
    return names


def step_order(
    steps: tuple[Step, ...], names: list[str], references: Callable[[Call], Iterable[str]], faults: FaultList
) -> tuple[list[int], set[int]]:
    """The positions of the steps, each after all that it reads, in text order where possible; and those in a cycle.

    `references` gives the steps that a call names in its arguments, as `shortcut: {like: main}` does. A cycle is a
    fault.
    """
    needs = step_needs(steps, names, references)
    if all(need < position for position, wanted in enumerate(needs) for need in wanted):
        return list(range(len(steps))), set()
    cyclic: set[int] = set()
    order: list[int] = []
    state = [0] * len(steps)  # 0 new, 1 open, 2 done
    waiting = [iter(wanted) for wanted in needs]
    for start in range(len(steps)):
        path = [start] if state[start] == 0 else []
        while path:
            position = path[-1]
            state[position] = 1
            following = next((need for need in waiting[position] if state[need] != 2), None)
            if following is None:
                state[position] = 2
                order.append(path.pop())
            elif state[following] == 1:
                cycle = path[path.index(following) :]
                _refuse_cycle(cycle, steps, names, faults)
                cyclic.update(cycle)
                for member in cycle:
                    state[member] = 2
                del path[path.index(following) :]
                order += reversed(cycle)
            else:
                path.append(following)
    return order, cyclic


def step_needs(
    steps: tuple[Step, ...], names: list[str], references: Callable[[Call], Iterable[str]]
) -> list[list[int]]:
    """The positions of the steps that each step reads, or names."""
    place = {name: position for position, name in enumerate(names) if steps[position].name is not None}
    return [_needs(step, position, place, references) for position, step in enumerate(steps)]


def _needs(step: Step, position: int, place: dict[str, int], references: Callable[[Call], Iterable[str]]) -> list[int]:
    if step.sources is None:
        wanted = [position - 1] if position else []
    else:
        wanted = [place[source.text] for source in source_names(step.sources) if source.text in place]
    if isinstance(step.action, Call):
        calls = [step.action, *([Call(step.action.key, step.first)] if step.first else [])]
        wanted += [place[name] for call in calls for name in references(call) if name in place]
    if isinstance(step.action, Share) and step.action.target.text in place:
        wanted.append(place[step.action.target.text])
    return wanted


def _refuse_cycle(cycle: list[int], steps: tuple[Step, ...], names: list[str], faults: FaultList) -> None:
    start = cycle.index(min(cycle))
    cycle = cycle[start:] + cycle[:start]
    read = cycle[1 % len(cycle)]
    sources = source_names(steps[cycle[0]].sources or ())
    mark = next((source.mark for source in sources if source.text == names[read]), steps[cycle[0]].mark)
    if len(cycle) == 1:
        help = "let it read an earlier step, or `in`"
        faults.add("cycle", f"`{names[read]}` reads itself", mark, help=help)
        return
    around = [
        f"`{names[one]}` reads `{names[other]}`" for one, other in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    ]
    more = ", ..." if len(around) > MOST_SHOWN else ""
    faults.add(
        "cycle",
        f"{', '.join(around[:MOST_SHOWN])}{more}",
        mark,
        notes=tuple(f"{names[position]} is at {steps[position].mark}" for position in sorted(cycle)[:MOST_SHOWN]),
        help="let one of them read an earlier step, or `in`",
    )
