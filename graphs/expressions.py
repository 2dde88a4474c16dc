"""Expressions in numeric fields: `4*width`, `in.channels // 16`, `norm == 'batch'`, `round_to(1.2*width, 8)`.

The grammar, loosest first; nothing else parses, and there is no power operator, so that a value can't explode:

    or  and  not  == != < <= > >=  + -  * // %  unary -  ( )  numbers  'words'  names  min max round_to ceil

Names are those of the enclosing scope, and dotted ones of a node: `in.channels`. `True` and `False` come out of
comparisons. A name may stand for a pair, [height, width]: it is calculated with height by height and width by width, a
number standing for both. Text and nesting are bounded.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

MAX_LENGTH = 200
MAX_NESTING = 16
MAX_MAGNITUDE = 2**53

Number = int | float
Value = bool | Number | str | tuple[Number, ...]
Names = Mapping[str, Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\d+(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<word>'[^']*')"
    r"|(?P<operator>//|==|!=|<=|>=|[-+*%<>(),]))",
    re.ASCII,
)


_FOREIGN = {
    "/": "; `//` divides and rounds down",
    "=": "; `==` compares",
    "&": "; write `and`",
    "|": "; write `or`",
    "!": "; write `not`",
    '"': "; a word is quoted by ' '",
}


class ExpressionError(ValueError):
    """Not an expression, or no value."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of an expression: a `number`, a `word` or a `name`, which `value` is, or what a `sign` makes of others: an
    operator, `not`, or the name of a function."""

    sign: str
    value: Number | str = 0
    parts: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: the names it reads, its evaluation, and its parts."""

    names: frozenset[str]
    evaluate: Callable[[Names], Value]
    term: Term


def round_to(value: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to `value`, never below it by more than a tenth and never below `divisor`.

    Source: `make_divisible` of the MobileNet reference code (Sandler 2018).
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


# How many numbers each takes; 0 for two or more.
FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "min": (0, min),
    "max": (0, max),
    "round_to": (2, round_to),
    "ceil": (1, ceil),
}
_HOW_MANY = ("two or more numbers", "one number", "2 numbers")
_COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Parse, or raise `ExpressionError`."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters, this one has {len(text)}")
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].lstrip()
            hint = next((hint for sign, hint in _FOREIGN.items() if rest.startswith(sign)), "")
            raise ExpressionError(f"`{rest[:12]}` is no part of an expression{hint}")
        assert match.lastgroup is not None
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


_Node = Callable[[Names], Value]


class _Parser:
    """Recursive descent."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._position = 0
        self._names: set[str] = set()
        self._nesting = 0

    def whole(self) -> Expression:
        term = self._or()
        if self._position < len(self._tokens):
            raise ExpressionError(f"`{self._tokens[self._position][1]}` is not expected here")
        return Expression(frozenset(self._names), _evaluation(term), term)

    def _peek(self, *texts: str) -> bool:
        if self._position >= len(self._tokens):
            return False
        group, text = self._tokens[self._position]
        return group != "word" and text in texts

    def _take(self) -> tuple[str, str]:
        if self._position >= len(self._tokens):
            raise ExpressionError("the expression ends too early")
        self._position += 1
        return self._tokens[self._position - 1]

    def _or(self) -> Term:
        term = self._and()
        while self._peek("or"):
            self._take()
            term = Term("or", parts=(term, self._and()))
        return term

    def _and(self) -> Term:
        term = self._not()
        while self._peek("and"):
            self._take()
            term = Term("and", parts=(term, self._not()))
        return term

    def _not(self) -> Term:
        if self._peek("not"):
            self._take()
            self._nest()
            inner = self._not()
            self._nesting -= 1
            return Term("not", parts=(inner,))
        return self._comparison()

    def _comparison(self) -> Term:
        left = self._sum()
        if self._peek(*_COMPARISONS):
            symbol = self._take()[1]
            right = self._sum()
            if self._peek(*_COMPARISONS):
                raise ExpressionError("comparisons do not chain: join them by `and`")
            return Term(symbol, parts=(left, right))
        return left

    def _sum(self) -> Term:
        term = self._product()
        while self._peek("+", "-"):
            symbol = self._take()[1]
            term = Term(symbol, parts=(term, self._product()))
        return term

    def _product(self) -> Term:
        term = self._unary()
        while self._peek("*", "//", "%"):
            symbol = self._take()[1]
            if self._peek("*"):
                raise ExpressionError("there is no power")
            term = Term(symbol, parts=(term, self._unary()))
        return term

    def _unary(self) -> Term:
        if self._peek("-"):
            self._take()
            self._nest()
            inner = self._unary()
            self._nesting -= 1
            return Term("*", parts=(Term("number", -1), inner))
        return self._atom()

    def _atom(self) -> Term:
        group, text = self._take()
        if group == "number":
            return Term("number", _bounded(int(text) if text.isdigit() else float(text)))
        if group == "word":
            return Term("word", text[1:-1])
        if group == "name" and text not in ("and", "or", "not"):
            if self._peek("("):
                return self._call(text)
            self._names.add(text)
            return Term("name", text)
        if text == "(":
            self._nest()
            term = self._or()
            self._close()
            return term
        raise ExpressionError(f"`{text}` is not expected here")

    def _call(self, name: str) -> Term:
        if name not in FUNCTIONS:
            raise ExpressionError(f"`{name}` is not a function: there are min, max, round_to and ceil")
        count, _ = FUNCTIONS[name]
        self._take()
        self._nest()
        arguments = [self._or()]
        while self._peek(","):
            self._take()
            arguments.append(self._or())
        self._close()
        if len(arguments) != count if count else len(arguments) < 2:
            raise ExpressionError(f"`{name}` takes {_HOW_MANY[count]}")
        return Term(name, parts=tuple(arguments))

    def _nest(self) -> None:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionError(f"an expression nests at most {MAX_NESTING} deep")

    def _close(self) -> None:
        self._nesting -= 1
        if self._take()[1] != ")":
            raise ExpressionError("a `)` is missing")


def _evaluation(term: Term) -> _Node:
    """A term as a closure from names to a value."""
    sign, value = term.sign, term.value
    parts = [_evaluation(part) for part in term.parts]
    if sign == "name":
        assert isinstance(value, str)
        return lambda names: names[value]
    if sign in ("number", "word"):
        return lambda _: value
    if sign == "not":
        [inner] = parts
        return lambda names: not truth(inner(names))
    if sign in FUNCTIONS:
        return lambda names: applied(sign, [part(names) for part in parts])
    left, right = parts
    if sign == "or":
        return lambda names: truth(left(names)) or truth(right(names))
    if sign == "and":
        return lambda names: truth(left(names)) and truth(right(names))
    if sign in _COMPARISONS:
        return lambda names: compared(sign, left(names), right(names))
    return lambda names: calculated(sign, left(names), right(names))


def applied(name: str, values: list[Value]) -> Value:
    """What a function makes of some values. Raises `ExpressionError`."""
    numbers = [_number(value) for value in values]
    if name == "round_to" and (not isinstance(numbers[1], int) or numbers[1] < 1):
        raise ExpressionError("`round_to` takes a number and a positive integer")
    return FUNCTIONS[name][1](*numbers)


def compared(symbol: str, left: Value, right: Value) -> bool:
    """Whether a comparison holds. Raises `ExpressionError`."""
    if symbol not in ("==", "!="):
        left, right = _number(left), _number(right)
    return _COMPARISONS[symbol](left, right)


def calculated(symbol: str, left: Value, right: Value) -> Value:
    """A sum, a difference, a product, a quotient or a rest. Raises `ExpressionError`."""
    if isinstance(left, tuple) or isinstance(right, tuple):
        pairs = zip(_pair(left), _pair(right), strict=True)
        return tuple(_of_numbers(symbol, _number(one), _number(other)) for one, other in pairs)
    return _of_numbers(symbol, _number(left), _number(right))


def _of_numbers(symbol: str, left: Number, right: Number) -> Number:
    if symbol in ("//", "%") and right == 0:
        raise ExpressionError("division by zero")
    return _bounded(_ARITHMETIC[symbol](left, right))


def _pair(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value, value)


def _number(value: Value) -> Number:
    if isinstance(value, tuple):
        raise ExpressionError(f"{list(value)} is a pair, not a number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{value!r} is not a number")
    return value


def truth(value: Value) -> bool:
    """A condition's value. Raises `ExpressionError` where that is neither true nor false."""
    if not isinstance(value, bool):
        raise ExpressionError(f"{value!r} is neither true nor false: compare it with something")
    return value


def _bounded(value: int | float) -> int | float:
    if not -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE:
        raise ExpressionError("the value is larger than 2^53")
    return value
