"""Figures of trials as people read them."""

from __future__ import annotations

from nas.lookup import Lookup


def shown_accuracy(value: float, lookup: Lookup | None = None) -> str:
    """98.06%; of a run that looks its trials up, the value as its table has it."""
    return f"{value:.2%}" if lookup is None else shown_value(lookup.sign * value)


def shown_value(value: float) -> str:
    """A value of a table, to six digits."""
    return f"{round(value, 6) + 0.0:.6g}"
