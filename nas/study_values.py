"""How the values of a study's keys are read: times, shares, bounds, settings, and names of what there is.

Each is a type for pydantic, with the JSON Schema of what people write. What is wrong is a `wrong`, whose words
`nas.study` hands on as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from blocks.errors import BudgetError
from graphs import Budget
from graphs.budget import BOUNDS
from graphs.faults import nearest, one_of
from nas.fidelity import METHODS
from nas.objectives import ACCURACY, BY_NAME

TENSOR_PROXIES = ("naswot", "synflow")  # which look at more of a network than its costs
PROXIES = ("none", "params", "macs", *TENSOR_PROXIES)
SAMPLERS = ("auto", "gp", "tpe", "nsga2", "evolution", "local", "random")
EXECUTORS = ("inline", "ray")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*(%?)")

Setting = bool | int | float | str


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong with a value; `at` is the part of it that is meant, `slug` that of a fault."""

    message: str
    help: str = ""
    at: str | int | None = None
    slug: str = "bad-value"


def wrong(message: str, help: str = "", *, slug: str = "bad-value") -> PydanticCustomError:
    """What a validator raises."""
    return all_wrong(Wrong(message, help, slug=slug))


def all_wrong(*found: Wrong) -> PydanticCustomError:
    """What a validator raises that finds several things, of which there is at least one."""
    return PydanticCustomError("study", "{message}", {"message": found[0].message, "found": found})


def _read_budget(given: object) -> Budget:
    if isinstance(given, Budget):
        return given
    if not isinstance(given, Mapping):
        raise wrong("`budget` is a map of bounds", "budget: {max_params: 1M, max_macs: 100M}", slug="wrong-shape")
    found: list[Wrong] = []
    for name, value in given.items():
        try:
            Budget.of({str(name): value})
        except BudgetError as error:
            slug = "bad-value" if str(name) in BOUNDS else "unknown-key"
            found.append(Wrong(error.message, error.help, str(name), slug))
    if found:
        raise all_wrong(*found)
    try:
        return Budget.of(given)
    except BudgetError as error:  # a minimum above its maximum
        raise all_wrong(Wrong(error.message, error.help, error.bound)) from None


def _read_settings(given: object) -> object:
    if not isinstance(given, Mapping):
        raise wrong("`set` is a map of parameters", "set: {width: 32}", slug="wrong-shape")
    found = [
        Wrong(f"`{name}` is set to a number, a word, true or false, got `{value}`", at=str(name))
        for name, value in given.items()
        if not isinstance(value, Setting)
    ]
    if found:
        raise all_wrong(*found)
    return dict(given)


def _read_seconds(given: object) -> object:
    """7200.0 from "2h"; a number is seconds already."""
    if not isinstance(given, str):
        return given
    match = _TIME.fullmatch(given.strip())
    if match is not None and not match[2]:
        number = match[1]
        help = f"did you mean {number}s, {number}m or {number}h? These are seconds, minutes and hours"
        raise wrong(f"`time` is a number with a unit, got `{given}`", help)
    if match is None or match[2] not in _UNITS:
        raise wrong(f"`time` is a number with a unit, got `{given}`", "as in 30s, 20m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2]]


def _read_share(given: object) -> object:
    """0.95 from "95%"."""
    match = _SHARE.fullmatch(given.strip()) if isinstance(given, str) else None
    share = float(match[1]) / (100 if match[2] else 1) if match else given
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise wrong(f"`target` is an accuracy, got `{given}`", "as in 95% or 0.95")
    if not 0 < share <= 1:
        meant = f"did you mean {share:g}%?" if not (match and match[2]) and 1 < share <= 100 else "as in 95% or 0.95"
        raise wrong(f"`target` is an accuracy above 0 and up to 100%, got `{given}`", meant)
    return share


def _read_objectives(given: object) -> object:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names:
        raise wrong("`objectives` is a list of objectives", f"there is {one_of(BY_NAME)}", slug="wrong-shape")
    found: list[Wrong] = []
    for index, name in enumerate(names):
        if name not in BY_NAME:
            help = nearest(str(name), BY_NAME) or f"there is {one_of(BY_NAME)}"
            found.append(Wrong(f"there is no objective `{name}`", help, index))
        elif name in names[:index]:
            found.append(Wrong(f"the objective `{name}` stands here twice", "remove one of them", index))
    if found:
        raise all_wrong(*found)
    if ACCURACY.name not in names:
        raise wrong("`objectives` are without accuracy, so training would be for nothing", "add accuracy to them")
    return tuple(names)


def _read_method(given: str) -> str:
    if given not in METHODS:
        raise wrong(f"there is no fidelity `{given}`", nearest(given, METHODS) or f"there is {one_of(METHODS)}")
    return given


def _read_proxy(given: str) -> str:
    if given not in PROXIES:
        raise wrong(f"there is no proxy `{given}`", nearest(given, PROXIES) or f"there is {one_of(PROXIES)}")
    return given


def _read_address(given: str) -> str:
    host, _, port = given.rpartition(":")
    is_port = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
    if given != "auto" and not (host and is_port and "/" not in host):
        help = "HOST:PORT of the head node, as seen from the cluster's network, to which the driver belongs"
        raise wrong(f"`address` is that of a Ray cluster's head, got `{given}`", help)
    return given


Count = Annotated[int, Field(ge=1, strict=True)]
Seconds = Annotated[
    float,
    BeforeValidator(_read_seconds),
    Field(gt=0, strict=True),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME.pattern}$".replace("[a-zA-Z]*", "[smhd]")}),
]
Share = Annotated[float, BeforeValidator(_read_share), WithJsonSchema({"type": ["string", "number"]})]
Objectives = Annotated[
    tuple[str, ...],
    BeforeValidator(_read_objectives),
    WithJsonSchema({"type": "array", "items": {"enum": [*BY_NAME]}, "minItems": 1, "uniqueItems": True}),
]
Settings = Annotated[
    dict[str, Setting],
    PlainValidator(_read_settings),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["boolean", "number", "string"]}}),
]
BudgetMap = Annotated[
    Budget,
    PlainValidator(_read_budget),
    PlainSerializer(Budget.as_dict),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {"type": ["integer", "string"]} for name in BOUNDS},
        }
    ),
]
Address = Annotated[str, AfterValidator(_read_address)]
Method = Annotated[str, AfterValidator(_read_method)]
Proxy = Annotated[str, AfterValidator(_read_proxy)]
