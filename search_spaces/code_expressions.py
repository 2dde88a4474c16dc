"""Expressions and arguments as Python expressions, for the functions of `search_spaces.code_program`.

The code of one gives what `graphs.arguments` evaluates, or raises `NotLegal`. Nothing of a document's text gets into it
but numbers, words as literals, and the variables that its names stand for in the function.
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


class Code(NamedTuple):
    """A Python expression whose value is of a kind: `int`, `bool`, or anything. One that `may_lack` it is None then."""

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
class Names:
    """The names in scope: parameters, their slots by the same names, and the variables of the types of nodes."""

    values: dict[str, Code]
    slots: dict[str, Slot]
    nodes: dict[str, str]

    def inside(self, source: str) -> Names:
        """The same where another type is the input."""
        return replace(self, nodes={**self.nodes, "in": source})


def condition(tree: Scalar, scope: Names, writer: Writer) -> str:
    """The code that is true where a condition holds."""
    if isinstance(tree.value, bool):
        return repr(tree.value)
    found = _expression(tree.text, scope, writer)
    return found.code if found.kind == "bool" else f"({found.code}) is True"


def argument(tree: Tree, slot: Slot, scope: Names, writer: Writer) -> str:
    """The code of an argument, or of a parameter."""
    if isinstance(tree, Sequence):
        return f"({' '.join(f'{argument(item, slot, scope, writer)},' for item in tree.items)})"
    if not isinstance(tree, Scalar) or tree.broken or tree.value is None:
        return "refuse()"
    value = tree.value
    if not isinstance(value, str):
        return repr(value) if fits(value, slot.kind) else "refuse()"
    if value in scope.values:
        found, own = _named(value, scope, writer), scope.slots[value]
        if own.kind == slot.kind and set(own.words) <= set(slot.words):
            return found.code
    elif value in slot.words:
        return repr(value)
    else:
        found = _expression(value, scope, writer)
    if (found.kind, slot.kind) in (("int", "int"), ("int", "size"), ("int", "float"), ("bool", "bool")):
        return found.code
    return f"fit({found.code}, {writer.keep('slot', slot)})"


def kind_of(slot: Slot) -> str:
    """The kind of code that gives what a parameter is."""
    return slot.kind if slot.kind in ("int", "bool") and not slot.words else ""


def _expression(text: str, scope: Names, writer: Writer) -> Code:
    try:
        expression = parse_expression(text)
    except ExpressionError:
        return Code("refuse()")
    read = {name: _named(name, scope, writer) for name in sorted(expression.names)}  # all, before any is skipped
    return _term(expression.term, read)


def _named(name: str, scope: Names, writer: Writer) -> Code:
    """A name in scope; what may lack is looked at first."""
    found = scope.values.get(name)
    if found is not None:
        if found.may_lack:
            writer.add(f"if {found.code} is None: refuse()")
        return found
    node, _, trait = name.rpartition(".")
    if node not in scope.nodes:
        return Code("refuse()")
    type, value = scope.nodes[node], writer.fresh("x")
    kind = "Vector" if trait == "features" else "Map"
    what = f"stride({type})" if trait == "stride" else f"{type}.{trait}"
    writer.add(f"{value} = {what} if {type}.__class__ is {kind} else refuse()")
    return Code(value, "" if trait == "stride" else "int")


def _term(term: Term, read: dict[str, Code]) -> Code:
    sign, value = term.sign, term.value
    if sign == "name":
        return read[str(value)]
    if sign in ("number", "word"):
        return Code(repr(value) if not isinstance(value, int) or value >= 0 else f"({value})", _kind(value))
    parts = [_term(part, read) for part in term.parts]
    codes = [part.code for part in parts]
    whole = all(part.kind == "int" for part in parts)
    if sign in ("not", "and", "or"):
        claims = [part.code if part.kind == "bool" else f"claim({part.code})" for part in parts]
        return Code(f"(not {claims[0]})" if sign == "not" else f"({claims[0]} {sign} {claims[1]})", "bool")
    if sign in ("==", "!=") or (sign in _ORDERS and whole):
        return Code(f"({codes[0]} {sign} {codes[1]})", "bool")
    if sign in _ORDERS:
        return Code(f"compare({sign!r}, {codes[0]}, {codes[1]})", "bool")
    if sign in ("min", "max") and whole:
        return Code(f"{sign}({', '.join(codes)})", "int")
    if sign in FUNCTIONS:
        return Code(f"apply({sign!r}, [{', '.join(codes)}])", "int" if sign in ("round_to", "ceil") else "")
    if not whole:
        return Code(f"calculate({sign!r}, {codes[0]}, {codes[1]})")
    if sign in ("//", "%"):
        divisor = codes[1] if codes[1].isdigit() and codes[1] != "0" else f"({codes[1]} or refuse())"
        return Code(f"({codes[0]} {sign} {divisor})", "int")
    most = MAX_MAGNITUDE
    return Code(f"(n if -{most} <= (n := {codes[0]} {sign} {codes[1]}) <= {most} else refuse())", "int")


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


# What the code calls.
RUNTIME: dict[str, object] = {
    "refuse": refuse,
    "stride": stride_of,
    "fit": _fit,
    "claim": _sure(truth),
    "compare": _sure(compared),
    "calculate": _sure(calculated),
    "apply": _sure(applied),
}
