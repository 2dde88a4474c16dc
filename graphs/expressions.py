"""Expressions in numeric fields: `4*width`, `in.channels // 16`, `norm == 'batch'`, `round_to(1.2*width, 8)`.

The grammar, loosest first; nothing else parses, and there is no power operator, so that a value can't explode:

    or  and  not  == != < <= > >=  + -  * // %  unary -  ( )  numbers  'words'  names  min max round_to ceil

Names are those of the enclosing scope, and dotted ones of a node: `in.channels`. `True` and `False` come out of
comparisons. A name may stand for a pair, [height, width]: it is calculated with height by height and width by width, a
number standing for both. Text and nesting are bounded.
"""

from __future__ import annotations

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
class Expression:
    """A parsed expression: the names it reads, and its evaluation."""

    names: frozenset[str]
    evaluate: Callable[[Names], Value]


def round_to(value: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to `value`, never below it by more than a tenth and never below `divisor`.

    Source: `make_divisible` of the MobileNet reference code (Sandler 2018).
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


# How many numbers each takes; 0 for two or more.
_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "min": (0, min),
    "max": (0, max),
    "round_to": (2, round_to),
    "ceil": (1, ceil),
}
_HOW_MANY = ("two or more numbers", "one number", "2 numbers")
_COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
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
    """Recursive descent; a node is a closure from names to a value."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._position = 0
        self._names: set[str] = set()
        self._nesting = 0

    def whole(self) -> Expression:
        node = self._or()
        if self._position < len(self._tokens):
            raise ExpressionError(f"`{self._tokens[self._position][1]}` is not expected here")
        return Expression(frozenset(self._names), node)

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

    def _or(self) -> _Node:
        node = self._and()
        while self._peek("or"):
            self._take()
            left, right = node, self._and()
            node = _either(left, right)
        return node

    def _and(self) -> _Node:
        node = self._not()
        while self._peek("and"):
            self._take()
            left, right = node, self._not()
            node = _both(left, right)
        return node

    def _not(self) -> _Node:
        if self._peek("not"):
            self._take()
            self._nest()
            inner = self._not()
            self._nesting -= 1
            return lambda names: not _truth(inner(names))
        return self._comparison()

    def _comparison(self) -> _Node:
        left = self._sum()
        if self._peek(*_COMPARISONS):
            symbol = self._take()[1]
            right = self._sum()
            if self._peek(*_COMPARISONS):
                raise ExpressionError("comparisons do not chain: join them by `and`")
            return _compare(symbol, left, right)
        return left

    def _sum(self) -> _Node:
        node = self._product()
        while self._peek("+", "-"):
            symbol = self._take()[1]
            node = _calculate(symbol, node, self._product())
        return node

    def _product(self) -> _Node:
        node = self._unary()
        while self._peek("*", "//", "%"):
            symbol = self._take()[1]
            if self._peek("*"):
                raise ExpressionError("there is no power")
            node = _calculate(symbol, node, self._unary())
        return node

    def _unary(self) -> _Node:
        if self._peek("-"):
            self._take()
            self._nest()
            inner = self._unary()
            self._nesting -= 1
            return _calculate("*", lambda _: -1, inner)
        return self._atom()

    def _atom(self) -> _Node:
        group, text = self._take()
        if group == "number":
            number = _bounded(int(text) if text.isdigit() else float(text))
            return lambda _: number
        if group == "word":
            word = text[1:-1]
            return lambda _: word
        if group == "name" and text not in ("and", "or", "not"):
            if self._peek("("):
                return self._call(text)
            self._names.add(text)
            return lambda names: names[text]
        if text == "(":
            self._nest()
            node = self._or()
            self._close()
            return node
        raise ExpressionError(f"`{text}` is not expected here")

    def _call(self, name: str) -> _Node:
        if name not in _FUNCTIONS:
            raise ExpressionError(f"`{name}` is not a function: there are min, max, round_to and ceil")
        count, function = _FUNCTIONS[name]
        self._take()
        self._nest()
        arguments = [self._or()]
        while self._peek(","):
            self._take()
            arguments.append(self._or())
        self._close()
        if len(arguments) != count if count else len(arguments) < 2:
            raise ExpressionError(f"`{name}` takes {_HOW_MANY[count]}")

        def call(names: Names) -> Value:
            values = [_number(argument(names)) for argument in arguments]
            if name == "round_to" and (not isinstance(values[1], int) or values[1] < 1):
                raise ExpressionError("`round_to` takes a number and a positive integer")
            return function(*values)

        return call

    def _nest(self) -> None:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionError(f"an expression nests at most {MAX_NESTING} deep")

    def _close(self) -> None:
        self._nesting -= 1
        if self._take()[1] != ")":
            raise ExpressionError("a `)` is missing")


def _either(left: _Node, right: _Node) -> _Node:
    return lambda names: _truth(left(names)) or _truth(right(names))


def _both(left: _Node, right: _Node) -> _Node:
    return lambda names: _truth(left(names)) and _truth(right(names))


def _compare(symbol: str, left: _Node, right: _Node) -> _Node:
    compare = _COMPARISONS[symbol]

    def node(names: Names) -> Value:
        a, b = left(names), right(names)
        if symbol not in ("==", "!="):
            a, b = _number(a), _number(b)
        return compare(a, b)

    return node


def _calculate(symbol: str, left: _Node, right: _Node) -> _Node:
    calculate = _ARITHMETIC[symbol]

    def node(names: Names) -> Value:
        a, b = left(names), right(names)
        if isinstance(a, tuple) or isinstance(b, tuple):
            return tuple(number(_number(x), _number(y)) for x, y in zip(_pair(a), _pair(b), strict=True))
        return number(_number(a), _number(b))

    def number(a: Number, b: Number) -> Number:
        if symbol in ("//", "%") and b == 0:
            raise ExpressionError("division by zero")
        return _bounded(calculate(a, b))

    return node


def _pair(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value, value)


def _number(value: Value) -> Number:
    if isinstance(value, tuple):
        raise ExpressionError(f"{list(value)} is a pair, not a number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{value!r} is not a number")
    return value


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"{value!r} is neither true nor false: compare it with something")
    return value


def _bounded(value: int | float) -> int | float:
    if not -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE:
        raise ExpressionError("the value is larger than 2^53")
    return value
