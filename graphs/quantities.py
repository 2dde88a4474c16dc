"""Numbers as people write them in budgets: 4000, 4k, 600M, 4.2G."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from blocks.errors import BudgetError

_SUFFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "m": 10**6, "G": 10**9, "g": 10**9, "B": 10**9, "T": 10**12}
_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,12})?)\s*([kKMmGgBT]?)")
_SHOWN = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def parse_quantity(value: int | float | str, name: str = "the number") -> int:
    """4000 from 4000, "4000" or "4k". Raises `BudgetError` for all else: fractions, negative numbers, words."""
    text = "" if isinstance(value, bool) else str(value).strip().replace("_", "").replace(",", "")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise BudgetError(f"{name} is a number, got `{value}`", help="as in 4000, 4k, 1.5M or 4.2G")
    number = Fraction(match[1]) * _SUFFIXES[match[2]]
    if number.denominator != 1:
        raise BudgetError(f"{name} is a whole number, got `{value}`")
    return int(number)


def format_count(value: int) -> str:
    """1,234,567; from 10^15 on two digits and a power of ten, as in 7.8e173."""
    return f"{value:,}" if value < 10**15 else f"{Decimal(value):.1e}".replace("e+", "e")


def format_quantity(value: int) -> str:
    """Four digits and a suffix: 25.56M, 4.089G; small numbers in full."""
    for size, suffix in _SHOWN:
        if abs(value) >= size:
            return f"{value / size:.4g}{suffix}"
    return str(value)
