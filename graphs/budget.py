"""Budgets: bounds on the cost of a network, known before a tensor exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blocks.errors import BudgetError
from graphs.costs import Costs, Totals
from graphs.faults import nearest
from graphs.quantities import format_quantity, parse_quantity

METRICS = ("params", "macs", "flops", "activation_bytes", "peak_bytes")
BOUNDS = tuple(f"{side}_{metric}" for metric in METRICS for side in ("max", "min"))


Bounds = Mapping[str, int | float | str | None]


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds by name, `max_params`, `min_macs`, ...: both ends belong to the budget. An empty one admits everything."""

    bounds: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def of(bounds: Bounds | None = None, **more: int | float | str | None) -> Budget:
        """A budget of numbers or texts such as "4k"; None is no bound.

        Raises `BudgetError` for an unknown bound, a text that is no number, and a minimum above its maximum.
        """
        found: dict[str, int] = {}
        for name, value in {**(bounds or {}), **more}.items():
            if name not in BOUNDS:
                raise BudgetError(
                    f"there is no bound `{name}`", help=nearest(name, BOUNDS) or f"there is {', '.join(BOUNDS)}"
                )
            if value is not None:
                found[name] = parse_quantity(value, name)
        for metric in METRICS:
            least, most = found.get(f"min_{metric}", 0), found.get(f"max_{metric}")
            if most is not None and least > most:
                message = f"min_{metric} {least:,} is above max_{metric} {most:,}: no network fits"
                raise BudgetError(message, bound=f"min_{metric}")
        return Budget(tuple((name, found[name]) for name in BOUNDS if name in found))

    @staticmethod
    def read(given: Budget | Bounds | None) -> Budget:
        """A budget, or one of these bounds; None is an empty one. Raises: as `of` does."""
        return given if isinstance(given, Budget) else Budget.of(given)

    def violations(self, costs: Costs | Totals) -> dict[str, float]:
        """For every bound by how much it is missed, relative to it: above 0 where violated, at most 0 where kept."""
        missed = {}
        for name, bound in self.bounds:
            side, _, metric = name.partition("_")
            value = getattr(costs, metric)
            missed[name] = (value - bound if side == "max" else bound - value) / max(bound, 1)
        return missed

    def admits(self, costs: Costs | Totals) -> bool:
        """Whether all bounds are kept."""
        return all(missed <= 0 for missed in self.violations(costs).values())

    def as_dict(self) -> dict[str, int]:
        """The bounds as `Budget.of` takes them."""
        return dict(self.bounds)

    def __bool__(self) -> bool:
        return bool(self.bounds)

    def __str__(self) -> str:
        signs = {"max": "<=", "min": ">="}
        parts = []
        for name, bound in self.bounds:
            side, _, metric = name.partition("_")
            parts.append(f"{metric} {signs[side]} {format_quantity(bound)}")
        return ", ".join(parts) or "no budget"
