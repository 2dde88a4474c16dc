"""Expressions and arguments as phrases of Python, for functions that are written to walk a document
(`search_spaces.programs`).

A phrase gives what `graphs.arguments` evaluates, or raises `NotLegal`: nothing of a document's text gets into it but
numbers, words as literals, and what its names are called in the function.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from graphs.arguments import Argument, fits, fitted, stride_of
from graphs.expressions import (
    FUNCTIONS,
    MAX_MAGNITUDE,
    ExpressionError,
    Term,
    Value,
    applied,
    calculated,
    compared,
    parse_expression,
    truth,
)
from graphs.slots import Slot
from graphs.text import Scalar, Sequence, Tree

_ORDERS = ("<", "<=", ">", ">=")
_PLAIN = {"bool": bool, "int": int, "size": int, "float": float}  # what fits as it is


class NotLegal(Exception):
    """The decisions lead to no legal network."""


class Phrase(NamedTuple):
    """Python that gives a value of a kind: `int`, `bool`, or anything. One that `may_lack` it gives None then."""

    code: str
    kind: str = ""
    may_lack: bool = False


@dataclass
class Writer:
    """Lines of Python, and the objects that they name."""

    objects: dict[str, object]
    lines: list[str] = field(default_factory=list)
    depth: int = 0
    number: int = 0

    def add(self, line: str) -> None:
        """One line more."""
        self.lines.append("    " * self.depth + line)

    @contextlib.contextmanager
    def under(self, line: str) -> Iterator[None]:
        """What is added meanwhile belongs to this line."""
        self.add(line)
        self.depth += 1
        yield
        self.depth -= 1

    def fresh(self, letter: str) -> str:
        """A name that no other has."""
        self.number += 1
        return f"{letter}{self.number}"

    def keep(self, letter: str, thing: object) -> str:
        """The name of an object."""
        name = f"{letter}{len(self.objects)}"
        self.objects[name] = thing
        return name


@dataclass
class Reach:
    """What phrases may read: parameters, their kinds by the same names, and the types of nodes as they are called in
    the function."""

    values: dict[str, Phrase]
    slots: dict[str, Slot]
    nodes: dict[str, str]

    def inside(self, source: str) -> Reach:
        """The same where another type is the input."""
        return replace(self, nodes={**self.nodes, "in": source})


def condition(tree: Scalar, reach: Reach, writer: Writer) -> str:
    """A phrase that is true where a condition holds."""
    if isinstance(tree.value, bool):
        return repr(tree.value)
    found = _expression(tree.text, reach, writer)
    return found.code if found.kind == "bool" else f"({found.code}) is True"


def argument(tree: Tree, slot: Slot, reach: Reach, writer: Writer) -> str:
    """The value of an argument, or of a parameter."""
    if isinstance(tree, Sequence):
        return f"({' '.join(f'{argument(item, slot, reach, writer)},' for item in tree.items)})"
    if not isinstance(tree, Scalar) or tree.broken or tree.value is None:
        return "refuse()"
    value = tree.value
    if not isinstance(value, str):
        return repr(value) if fits(value, slot.kind) else "refuse()"
    if value in reach.values:
        found, own = _named(value, reach, writer), reach.slots[value]
        if own.kind == slot.kind and set(own.words) <= set(slot.words):
            return found.code
    elif value in slot.words:
        return repr(value)
    else:
        found = _expression(value, reach, writer)
    if (found.kind, slot.kind) in (("int", "int"), ("int", "size"), ("int", "float"), ("bool", "bool")):
        return found.code
    return f"fit({found.code}, {writer.keep('slot', slot)})"


def kind_of(slot: Slot) -> str:
    """The kind of phrase that gives what a parameter is."""
    return slot.kind if slot.kind in ("int", "bool") and not slot.words else ""


def _expression(text: str, reach: Reach, writer: Writer) -> Phrase:
    try:
        expression = parse_expression(text)
    except ExpressionError:
        return Phrase("refuse()")
    read = {name: _named(name, reach, writer) for name in sorted(expression.names)}  # all, before any is skipped
    return _term(expression.term, read)


def _named(name: str, reach: Reach, writer: Writer) -> Phrase:
    """A name in scope; what may lack is looked at first."""
    found = reach.values.get(name)
    if found is not None:
        if found.may_lack:
            writer.add(f"if {found.code} is None: refuse()")
        return found
    node, _, trait = name.rpartition(".")
    if node not in reach.nodes:
        return Phrase("refuse()")
    type, value = reach.nodes[node], writer.fresh("x")
    kind = "Vector" if trait == "features" else "Map"
    what = f"stride({type})" if trait == "stride" else f"{type}.{trait}"
    writer.add(f"{value} = {what} if {type}.__class__ is {kind} else refuse()")
    return Phrase(value, "" if trait == "stride" else "int")


def _term(term: Term, read: dict[str, Phrase]) -> Phrase:
    sign, value = term.sign, term.value
    if sign == "name":
        return read[str(value)]
    if sign in ("number", "word"):
        return Phrase(repr(value) if not isinstance(value, int) or value >= 0 else f"({value})", _kind(value))
    parts = [_term(part, read) for part in term.parts]
    codes = [part.code for part in parts]
    whole = all(part.kind == "int" for part in parts)
    if sign in ("not", "and", "or"):
        claims = [part.code if part.kind == "bool" else f"claim({part.code})" for part in parts]
        return Phrase(f"(not {claims[0]})" if sign == "not" else f"({claims[0]} {sign} {claims[1]})", "bool")
    if sign in ("==", "!=") or (sign in _ORDERS and whole):
        return Phrase(f"({codes[0]} {sign} {codes[1]})", "bool")
    if sign in _ORDERS:
        return Phrase(f"compare({sign!r}, {codes[0]}, {codes[1]})", "bool")
    if sign in ("min", "max") and whole:
        return Phrase(f"{sign}({', '.join(codes)})", "int")
    if sign in FUNCTIONS:
        return Phrase(f"apply({sign!r}, [{', '.join(codes)}])", "int" if sign in ("round_to", "ceil") else "")
    if not whole:
        return Phrase(f"calculate({sign!r}, {codes[0]}, {codes[1]})")
    if sign in ("//", "%"):
        divisor = codes[1] if codes[1].isdigit() and codes[1] != "0" else f"({codes[1]} or refuse())"
        return Phrase(f"({codes[0]} {sign} {divisor})", "int")
    most = MAX_MAGNITUDE
    return Phrase(f"(n if -{most} <= (n := {codes[0]} {sign} {codes[1]}) <= {most} else refuse())", "int")


def _kind(value: object) -> str:
    return "int" if type(value) is int else ""


def refuse() -> Value:
    """Nothing: there is no such network."""
    raise NotLegal


def _fit(found: Value, slot: Slot) -> Argument:
    """What a name or an expression gives, as an argument."""
    if type(found) is _PLAIN.get(slot.kind):
        return found
    value = fitted(found, slot)
    return refuse() if value is None else value


def _sure(what: Callable[..., Argument]) -> Callable[..., Argument]:
    def found(*given: Value) -> Argument:
        try:
            return what(*given)
        except ExpressionError:
            raise NotLegal from None

    return found


# What phrases call.
WORDS: dict[str, object] = {
    "refuse": refuse,
    "stride": stride_of,
    "fit": _fit,
    "claim": _sure(truth),
    "compare": _sure(compared),
    "calculate": _sure(calculated),
    "apply": _sure(applied),
}
