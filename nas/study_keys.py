"""The keys of a study as keywords, for editors and for `help`: their types as people write them.

What each means, and how its value is read, stands in `nas.study.Study`, whose fields these are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

if TYPE_CHECKING:
    from graphs import Budget
    from nas.lookup import Lookup
    from nas.recipe import Recipe
    from search_spaces import Space

Verb = TypeVar("Verb", bound=Callable[..., Any])


class _OfStudy:
    """The default of a key in a signature, as stubs have it: what it is stands in `nas.study.Study`."""

    def __repr__(self) -> str:
        return "..."


_OF_STUDY = _OfStudy()


class PlaceKeys(TypedDict, total=False):
    """Where trials run: what may be another when a run is resumed."""

    executor: Literal["inline", "ray"]
    workers: int | None
    address: str | None
    storage: str | PathLike[str] | None
    trials_per_gpu: int | None
    device: str


class StudyKeys(PlaceKeys, total=False):
    """All keys of a study."""

    space: str | PathLike[str] | Space
    set: Mapping[str, bool | float | str]
    data: str | PathLike[str] | None
    budget: Budget | Mapping[str, int | str]
    objectives: str | Sequence[Literal["accuracy", "params", "macs", "latency"]]
    prefer: str | None
    sampler: Literal["auto", "gp", "tpe", "nsga2", "evolution", "local", "random"]
    table: Lookup | Mapping[str, Any] | None
    recipe: Recipe | Mapping[str, Any]
    fidelity: Literal["asha", "hyperband", "full"]
    eta: int
    first_rung: int | None
    screening: Literal["none", "params", "macs", "naswot", "synflow"]
    screening_draws: int
    screening_control: float
    trials: int | None
    time: str | float | None
    target: str | float | None
    starts: int
    candidates: int
    final_seeds: int
    rivals: int
    seed: int


def showing_keys(kind: type) -> Callable[[Verb], Verb]:
    """A verb that takes these `keys`, whose signature has each of them by name, as `help` shows it."""
    places_last = sorted(kind.__annotations__.items(), key=lambda one: one[0] in PlaceKeys.__annotations__)
    names = {name: reference.__forward_arg__ for name, reference in places_last}

    def shown(verb: Verb) -> Verb:
        signature = inspect.signature(verb)
        *before, _ = signature.parameters.values()  # the last are the keys
        taken = {parameter.name for parameter in before}
        keys = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_OF_STUDY, annotation=annotation)
            for name, annotation in names.items()
            if name not in taken
        ]
        vars(verb)["__signature__"] = signature.replace(parameters=[*before, *keys])
        return verb

    return shown


def refuse_callback(name: str, callback: Callable[..., Any] | None, *arguments: str) -> None:
    """Raises TypeError where a callback can't be called with these arguments. What has no signature is trusted."""
    if callback is None:
        return
    told = f"`{name}` is called with {len(arguments)} argument{'s' * (len(arguments) != 1)}: {', '.join(arguments)}"
    if not callable(callback):
        raise TypeError(f"{told}; got `{callback!r}`, which can't be called")
    try:
        signature = inspect.signature(callback)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise TypeError(f"{told}; {getattr(callback, '__name__', callback)}{signature} does not take them") from error
