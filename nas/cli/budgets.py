"""Budgets as flags: `--max-params 4k --max-macs 400k`, and so on for every figure and both ends."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from blocks.errors import BudgetError
from graphs import Budget
from graphs.budget import BOUNDS

Params = Annotated[str | None, typer.Option(metavar="N", help="Parameters at most, as in 4k.")]
Macs = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="MACs at most, as in 400k; likewise flops, activation-bytes, peak-bytes, and min for max.",
    ),
]

SHOWN: dict[str, Any] = {"max_params": Params, "max_macs": Macs}
FIGURES = {
    "params": "Parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "activation_bytes": "Bytes of all activations",
    "peak_bytes": "Bytes of activations at the peak",
}


def bound_flag(bound: str) -> Any:
    """The type of a bound's flag, for typer; most stand in the long help alone."""
    end, _, figure = bound.partition("_")
    help = f"{FIGURES[figure]} at {'most' if end == 'max' else 'least'}."
    return SHOWN.get(bound) or Annotated[str | None, typer.Option(metavar="N", help=help, hidden=True)]


def read_budget(**bounds: str | None) -> Budget:
    """The budget of flags. Raises: typer.BadParameter."""
    try:
        return Budget.of(bounds)
    except BudgetError as error:
        raise typer.BadParameter(f"{error.message}; {error.help}".removesuffix("; ")) from None


def with_budget(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes a `budget`, as one that takes a flag for each of its bounds in its place."""
    signature = inspect.signature(command, eval_str=True)
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=bound_flag(name))
        for name in (*SHOWN, *(name for name in BOUNDS if name not in SHOWN))
    ]

    @functools.wraps(command)
    def flagged(*arguments: Any, **given: Any) -> None:
        bounds = {name: given.pop(name, None) for name in BOUNDS}
        command(*arguments, budget=read_budget(**bounds), **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += flags if name == "budget" else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
    vars(flagged)["__signature__"] = signature.replace(parameters=parameters)
    flagged.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flagged
