"""What the columns of a table of results mean to a search, as data. Free of torch; reads no table.

key       the columns that hold the key of a row, which the space's `key` spells
seen      what the search sees of a network: a column, or one for each number of epochs
report    what is told of the network that was chosen by it
cost      seconds of a whole training, or until each number of epochs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from nas.study_values import wrong

WHOLE = 1  # the epochs of a training of which the table has one column alone
OF_ALL = 0  # in place of epochs, for the seconds of a whole training, however many it has


def _names(given: object) -> object:
    """("a", "b") from "a,b" or ["a", "b"]."""
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise wrong(f"`key` is a column of the table, or several, got `{given}`", "as in key: arch, or [depth, width]")
    return tuple(name.strip() for name in names)


def _seen(given: object) -> object:
    return _columns(given, WHOLE)


def _cost(given: object) -> object:
    return None if given is None else _columns(given, OF_ALL)


def _columns(given: object, alone: int) -> object:
    """{12: "a", 200: "b"} from "12=a,200=b" or the map of it; of "a" alone {alone: "a"}."""
    if isinstance(given, str) and "=" not in given and given.strip():
        return {alone: given.strip()}
    pairs: Mapping[Any, Any] = given if isinstance(given, Mapping) else {}
    if isinstance(given, str):
        pairs = dict(part.partition("=")[::2] for part in given.split(","))
    found = {_epoch(epoch, given, min(alone, 1)): str(column).strip() for epoch, column in pairs.items()}
    if not found or not all(found.values()):
        raise _not_columns(given)
    return dict(sorted(found.items()))


def _epoch(text: object, given: object, least: int) -> int:
    try:
        epoch = int(str(text).strip())
    except ValueError:
        raise wrong(f"`{text}` is no number of epochs, in `{_shown(given)}`", _help(given)) from None
    if epoch < least:
        raise wrong(f"`{_shown(given)}` names a column after {epoch} epochs", "at least 1 is needed")
    return epoch


def _not_columns(given: object) -> PydanticCustomError:
    return wrong(f"`{_shown(given)}` names no columns", _help(given))


def _help(given: object) -> str:
    """How columns are given: as in a flag where a text was given, else as in a study file."""
    return f"a column, or one for each number of epochs: {_shown({12: 'acc12', 200: 'acc200'}, isinstance(given, str))}"


def _shown(given: object, as_flag: bool = False) -> str:
    """A map of columns as a flag or a study file has it; anything else as it is."""
    if not isinstance(given, Mapping):
        return str(given)
    pairs = ("=" if as_flag else ": ").join
    shown = ("," if as_flag else ", ").join(pairs(map(str, pair)) for pair in given.items())
    return shown if as_flag else f"{{{shown}}}"


class Lookup(BaseModel):
    """A table in place of trainings. Values are taken as they are; higher is better, unless `minimize`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(description="A table in place of data, with --key, --seen, --report, --cost, --minimize.")
    key: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(description="The column of the key, or several.")
    seen: Annotated[dict[int, str], BeforeValidator(_seen)] = Field(
        description="What the search sees: a column, or EPOCHS=COLUMN,... for early ones."
    )
    report: str | None = Field(None, description="The column that is told of the best; what was seen if not given.")
    cost: Annotated[dict[int, str] | None, BeforeValidator(_cost)] = Field(
        None, description="The column of a training's seconds, which the clock then shows."
    )
    minimize: bool = Field(False, description="Lower values are better, as for a loss.")

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs after which there is something to see, rising; the last is the end of a training."""
        return tuple(self.seen)

    @property
    def sign(self) -> int:
        """What makes a value one of which more is better."""
        return -1 if self.minimize else 1
