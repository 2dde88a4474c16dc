"""Templates that are made of themselves, called or not: found on the calls alone, before anything is expanded."""

from __future__ import annotations

from collections.abc import Iterator

from graphs.document import Call, Document, Template, calls_within
from graphs.faults import FaultList


def refuse_recursion(document: Document, faults: FaultList) -> None:
    """A fault for every call that closes a circle of templates."""
    templates = document.templates
    done: set[str] = set()
    for start in templates:
        if start in done:
            continue
        open_: dict[str, Iterator[Call]] = {start: calls_within(templates[start].body)}
        while open_:
            name, calls = next(reversed(open_.items()))
            call = next((call for call in calls if call.key.text in templates and call.key.text not in done), None)
            if call is None:
                done.add(name)
                del open_[name]
            elif call.key.text in open_:
                circle = [*open_][[*open_].index(call.key.text) :]
                _refuse(call, circle, templates, faults)
            else:
                open_[call.key.text] = calls_within(templates[call.key.text].body)


def _refuse(call: Call, circle: list[str], templates: dict[str, Template], faults: FaultList) -> None:
    name = call.key.text
    through = f", through {' and '.join(f'`{other}`' for other in circle[1:6])}" if len(circle) > 1 else ""
    notes = tuple(f"`{other}` is at {templates[other].name.mark}" for other in circle[1:6])
    help = "a block can't call itself: use `repeat`"
    faults.add("recursion", f"`{name}` is made of itself{through}", call.key.mark, help=help, notes=notes)
