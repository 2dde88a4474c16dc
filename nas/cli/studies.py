"""Studies as flags: one for every key of a study, for every bound of its budget and every key of its recipe."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, get_args

import typer
from pydantic.fields import FieldInfo

from graphs.budget import BOUNDS
from nas.cli.budgets import SHOWN, bound_flag
from nas.cli.inputs import parse_settings, scalar
from nas.lookup import Lookup
from nas.recipe import DIGITS, PHOTOS, Recipe
from nas.study import Study, StudyError, StudyFault, keys_of, places

NAMES = {"objectives": "--objective"}  # given once for each; all other flags have the name of their key
OF_TABLE = {"file": ("--table", "FILE"), "seen": ("--seen", "COLUMN"), "report": ("--report", "COLUMN")}
OF_TABLE |= {"key": ("--key", "COLUMN"), "cost": ("--cost", "COLUMN"), "minimize": ("--minimize", "")}
SHOWN_OF_RECIPE = ("epochs", "final_epochs")
KINDS = {int: "N", float: "NUMBER"}


def with_study(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes the `keys` of a study, as one that takes their flags in its place."""
    return _with_flags(command, dict(_flags(hides_rare=True)))


def with_places(command: Callable[..., None]) -> Callable[..., None]:
    """The same for the keys that say where trials run."""
    return _with_flags(command, {name: kind for name, kind in _flags(hides_rare=False) if name in places()})


def _with_flags(command: Callable[..., None], kinds: Mapping[str, Any]) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    flags = [inspect.Parameter(name, keyword_only, default=None, annotation=kind) for name, kind in kinds.items()]

    @functools.wraps(command)
    def flagged(**given: Any) -> None:
        asked = {flag.name: given.pop(flag.name) for flag in flags}
        command(keys=_keys({name: value for name, value in asked.items() if value not in (None, [])}), **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += flags if name == "keys" else [parameter.replace(kind=keyword_only)]
    vars(flagged)["__signature__"] = signature.replace(parameters=parameters)
    flagged.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flagged


@contextmanager
def blaming_flags(keys: Mapping[str, Any], *, are_all: bool = False) -> Iterator[None]:
    """Inside, a mistake in a key that was given as a flag is one of usage; any, where the flags `are_all` there is."""
    try:
        yield
    except StudyError as error:
        if not are_all and not all(_is_in(fault.place, keys) for fault in error.faults):
            raise
        raise typer.BadParameter("\n".join(map(_told, error.faults))) from None


def _flags(*, hides_rare: bool) -> Iterator[tuple[str, Any]]:
    """The parameters of a command: their names and, for typer, their types."""
    singles = keys_of()
    for name, field in Study.model_fields.items():
        if name in singles:
            kind: Any = list[str] if name in ("set", "objectives", "sampler") else str
            key = singles[name]
            is_hidden = hides_rare and key.is_rare
            option = typer.Option(_flag(name), metavar=key.metavar, help=_help(field), hidden=is_hidden)
            yield name, Annotated[kind | None, option]
        elif name == "budget":
            yield from ((bound, bound_flag(bound)) for bound in sorted(BOUNDS, key=lambda bound: bound not in SHOWN))
        elif name == "table":
            for part, of_part in Lookup.model_fields.items():
                flag, metavar = OF_TABLE[part]
                part_kind, shown = (str, flag) if metavar else (bool, _switch(part))
                of_table = typer.Option(shown, metavar=metavar or None, help=of_part.description, hidden=part != "file")
                yield part, Annotated[part_kind | None, of_table]
        elif name == "recipe":
            for part, of_part in Recipe.model_fields.items():
                yield part, _of_recipe(part, of_part)


def _of_recipe(name: str, field: FieldInfo) -> Any:
    """The type of a recipe's flag for typer: it takes a word, a number, or is one of two for yes and no."""
    is_hidden, kind = name not in SHOWN_OF_RECIPE, field.annotation
    of_photos, of_glyphs = str(getattr(PHOTOS, name)).lower(), str(getattr(DIGITS, name)).lower()
    default = of_photos if of_photos == of_glyphs else f"{of_photos}, of small images {of_glyphs}"
    help = f"{field.description}{f'  [default: {default}]' if is_hidden else ''}"
    if kind is bool:
        return Annotated[bool | None, typer.Option(_switch(name), help=help, hidden=is_hidden)]
    metavar = KINDS.get(kind) if isinstance(kind, type) else "|".join(get_args(kind))
    return Annotated[str | None, typer.Option(_flag(name), metavar=metavar, help=help, hidden=is_hidden)]


def _switch(key: str) -> str:
    """`--flip/--no-flip`: a flag that can also take back what a study file says."""
    flag = _flag(key)
    return f"{flag}/--no-{flag.removeprefix('--')}"


def _flag(key: str) -> str:
    if key in OF_TABLE:
        return OF_TABLE[key][0]
    return NAMES.get(key, f"--{key.replace('_', '-')}")


def _help(field: FieldInfo) -> str:
    default = field.get_default()
    shown = isinstance(default, int | str) and not field.is_required()
    return f"{field.description}{f'  [default: {default}]' if shown else ''}"


def _keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that were given as keys of a study."""
    keys: dict[str, Any] = {}
    for name, value in given.items():
        if name in BOUNDS:
            keys.setdefault("budget", {})[name] = value
        elif name in Recipe.model_fields:
            keys.setdefault("recipe", {})[name] = scalar(value) if isinstance(value, str) else value
        elif name in Lookup.model_fields:
            keys.setdefault("table", {})[name] = value
        elif name == "set":
            keys[name] = parse_settings(value)
        else:
            is_text = name == "time" or _is_text(Study.model_fields[name])  # a time has a unit
            keys[name] = value if is_text or isinstance(value, list) else scalar(value)
    return keys


def _is_text(field: FieldInfo) -> bool:
    return field.annotation is str or str in get_args(field.annotation)


def _is_in(path: tuple[str | int, ...], keys: Mapping[str, Any]) -> bool:
    """Whether the key of a fault was given as a flag."""
    first, *rest = path or ("",)
    inner = keys.get(str(first))
    return first in keys and (not rest or not isinstance(inner, Mapping) or rest[0] in inner)


def _told(fault: StudyFault) -> str:
    last = fault.path[-1] if isinstance(fault.path[-1], str) and fault.path[0] != "set" else fault.path[0]
    help = f"; {fault.help}" if fault.help and fault.slug != "missing-key" else ""
    return f"{_flag(str(last))}: {fault.message}{help}"
