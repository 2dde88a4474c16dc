"""A study: all that was asked for of a search, as data. Every key is also a flag of `nas search` and a keyword of
`nas.search`; the first line of a ledger holds the whole.

Free of torch, and knows nothing of what is behind the names: whether a space, a data set or a sampler exists is found
out where it is looked up, and what can't stand together by `nas.contradictions`; by a `StudyError` that names the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self, Unpack

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic_core import ErrorDetails

from blocks.errors import FixpointError
from graphs import Budget
from graphs.faults import nearest, one_of
from nas.fidelity import METHODS
from nas.lookup import Lookup
from nas.objectives import ACCURACY
from nas.recipe import Recipe
from nas.study_values import PROXIES, Address, BudgetMap, Count, Method, Objectives, Proxy, Seconds, Settings, Share

if TYPE_CHECKING:
    from nas.study_keys import StudyKeys

DEFAULT_TRIALS = 60
KNEE = "knee"


@dataclass(frozen=True)
class StudyFault:
    """One mistake of a study: `path` leads to the key, as in ("budget", "max_params"); `slug` is that of a fault."""

    path: tuple[str | int, ...]
    message: str
    help: str = ""
    slug: str = "bad-value"

    @property
    def place(self) -> tuple[str | int, ...]:
        """What there is of the path: of a key that is missing, the map that it is missing from."""
        return self.path[:-1] if self.slug == "missing-key" else self.path

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.help}" if self.help else self.message


class StudyError(FixpointError):
    """Keys of a study that are wrong, contradict each other, or name what doesn't exist."""

    def __init__(self, *faults: StudyFault) -> None:
        first, *rest = faults
        super().__init__("\n".join(map(str, faults)) if rest else first.message, help="" if rest else first.help)
        self.args = faults
        self.faults = faults

    @classmethod
    def at(cls, key: str, message: str, *, help: str = "") -> Self:
        """The error of one key."""
        return cls(StudyFault((key,), message, help))


@dataclass(frozen=True)
class Key:
    """How a key is met outside of Python: `metavar` is what its flag takes.

    `is_path` is the name of a file where it is none that ships: in a study file it is relative to that. `is_place` says
    where trials run, not what is searched: it may be another when a run is resumed. What `is_rare` stands in the long
    help alone.
    """

    metavar: str
    is_path: bool = False
    is_place: bool = False
    is_rare: bool = False


RecipeMap = Annotated[Recipe, PlainSerializer(lambda recipe: recipe.model_dump(exclude_unset=True))]
LookupMap = Annotated[Lookup, PlainSerializer(lambda lookup: lookup.model_dump(mode="json", exclude_unset=True))]


class Study(BaseModel):
    """What to search, with what, for what, and until when.

    `recipe` holds what is to be other than the images suggest. `time` is a number of seconds, or a text with its unit
    (`2h`), which alone a study file and a flag take;
    `target` an accuracy, 0.95 or `95%`. The search proper ends with the first of `trials`, `time` and `target`; where
    neither `trials` nor `time` is given, after `DEFAULT_TRIALS`. `prefer` is an objective, or `knee`: the network of
    the front that is nearest to the best of each objective.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    space: Annotated[str, Key("NAME|FILE", is_path=True)] = Field(
        description="A shipped space, or a document with holes."
    )
    set: Annotated[Settings, Key("NAME=VALUE")] = Field({}, description="Set a parameter of the space; repeatable.")
    data: Annotated[str | None, Key("PATH", is_path=True)] = Field(
        None, description="A folder of class folders, .npz, or digits."
    )
    budget: BudgetMap = Field(Budget(), description="Bounds on what a network may cost.")
    objectives: Annotated[Objectives, Key("accuracy|params|macs|latency")] = Field(
        (ACCURACY.name,), description="What networks are judged by; repeatable."
    )
    prefer: Annotated[str | None, Key("OBJECTIVE|knee", is_rare=True)] = Field(
        None,
        description="Of several objectives, the one whose best network is trained and exported; accuracy if not given.",
    )
    sampler: Annotated[str, Key("NAME")] = Field(
        "auto", description="What proposes networks: gp, evolution, local, tpe, nsga2, random, or auto."
    )
    table: LookupMap | None = Field(None, description="A table of results in place of data and trainings.")
    recipe: RecipeMap = Field(Recipe(), description="Training settings; defaults follow from the image size.")
    fidelity: Annotated[Method, Key("|".join(METHODS))] = Field(
        "asha", description="Train all trials fully, or stop the worse ones early."
    )
    eta: Annotated[int, Key("N", is_rare=True), Field(ge=2, strict=True)] = Field(
        3, description="Promote one in N trials at each rung."
    )
    first_rung: Annotated[Count | None, Key("N", is_rare=True)] = Field(
        None, description="Epochs before trials are first compared; 4 % if not given."
    )
    screening: Annotated[Proxy, Key("|".join(PROXIES), is_rare=True)] = Field(
        "none", description="Train the best of several draws by this proxy."
    )
    screening_draws: Annotated[int, Key("N", is_rare=True), Field(ge=2, strict=True)] = Field(
        10, description="Draws of which the best is trained."
    )
    screening_control: Annotated[float, Key("SHARE", is_rare=True), Field(ge=0, le=1, strict=True)] = Field(
        0.25, description="Share of trials that are not screened, to compare with."
    )
    trials: Annotated[Count | None, Key("N")] = Field(None, description="End after so many trained networks.")
    time: Annotated[Seconds | None, Key("TIME")] = Field(
        None, description="Propose nothing more after 30s, 20m, 2h, 1d."
    )
    target: Annotated[Share | None, Key("ACCURACY")] = Field(
        None, description="End at this validation accuracy, as in 95%."
    )
    starts: Annotated[int, Key("N", is_rare=True), Field(ge=0, strict=True)] = Field(
        8, description="Hand-designed networks to begin with, at most, narrowed where they are too large."
    )
    candidates: Annotated[Count, Key("N", is_rare=True)] = Field(4, description="Best networks to compare once more.")
    final_seeds: Annotated[Count, Key("N", is_rare=True)] = Field(3, description="Seeds that the winner is trained on.")
    rivals: Annotated[int, Key("N", is_rare=True), Field(ge=0, strict=True)] = Field(
        1, description="Hand-designed networks to retrain and compare with the winner."
    )
    seed: Annotated[int, Key("N"), Field(strict=True)] = Field(0, description="Where randomness comes from.")
    executor: Annotated[str, Key("inline|ray", is_place=True)] = Field(
        "inline", description="Where trials run: here, or in Ray's workers."
    )
    workers: Annotated[Count | None, Key("N", is_place=True)] = Field(
        None, description="Trials at a time; else as many as cores."
    )
    address: Annotated[Address | None, Key("HOST:PORT", is_place=True, is_rare=True)] = Field(
        None, description="A Ray cluster, instead of this machine."
    )
    storage: Annotated[str | None, Key("DIR", is_path=True, is_place=True, is_rare=True)] = Field(
        None, description="A folder that all nodes of the cluster see."
    )
    trials_per_gpu: Annotated[Count | None, Key("N", is_place=True, is_rare=True)] = Field(
        None, description="Trials that share a GPU and its memory; with `ray`."
    )
    device: Annotated[str, Key("NAME", is_place=True)] = Field("auto", description="cpu, cuda, cuda:1 or auto.")

    def __init__(self, **keys: Unpack[StudyKeys]) -> None:
        """The study of these keys, each on its own. Raises: StudyError, with all faults."""
        try:
            super().__init__(**keys)
        except ValidationError as error:
            raise StudyError(*study_faults(error)) from None

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        return self.as_dict().items()

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> Self:
        """The same of a map."""
        named: dict[str, Any] = {str(name): value for name, value in keys.items()}
        return cls(**named)

    def changed(self, **keys: object) -> Self:
        """The study with other values for these keys; of maps, for those entries that are given. Raises: StudyError."""
        return self.of(merged(self.as_dict(), keys))

    def as_dict(self) -> dict[str, Any]:
        """What was asked for, without the defaults, as JSON data that `of` takes."""
        return self.model_dump(mode="json", exclude_unset=True)

    @property
    def max_trials(self) -> int | None:
        """How many networks are trained at most; None where only time or target end the search."""
        return self.trials if self.trials is not None or self.time is not None else DEFAULT_TRIALS


def merged(keys: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys with others in their place; of maps (`budget`, `set`, `recipe`, `table`) the entries that are given."""
    both = {**keys, **given}
    for name in keys.keys() & given.keys():
        before, after = _as_map(keys[name]), _as_map(given[name])
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            both[name] = {**before, **after}
    return both


def _as_map(value: object) -> object:
    if isinstance(value, Budget):
        return value.as_dict()
    return value.model_dump(exclude_unset=True) if isinstance(value, Recipe | Lookup) else value


def places() -> tuple[str, ...]:
    """The keys that say where trials run."""
    return tuple(name for name, key in keys_of().items() if key.is_place)


def keys_of() -> dict[str, Key]:
    """The keys that are a single flag each, with how they are met."""
    found = {
        name: [one for one in field.metadata if isinstance(one, Key)] for name, field in Study.model_fields.items()
    }
    return {name: keys[0] for name, keys in found.items() if keys}


def study_faults(error: ValidationError) -> Iterable[StudyFault]:
    """What pydantic found, in our words."""
    found = [fault for details in error.errors(include_url=False) for fault in _faults(details)]
    meant = {fault.help for fault in found if fault.slug == "unknown-key"}  # a key that is misspelt is not missing, too
    return [one for one in found if one.slug != "missing-key" or f"did you mean `{one.path[-1]}`?" not in meant]


def _faults(details: ErrorDetails) -> Iterator[StudyFault]:
    if details["type"] != "study":
        yield _fault(details)
        return
    path = tuple(details["loc"])
    for one in details["ctx"]["found"]:
        yield StudyFault(path if one.at is None else (*path, one.at), one.message, one.help, one.slug)


def _fault(details: ErrorDetails) -> StudyFault:
    """What pydantic itself found."""
    kind, context, given = details["type"], details.get("ctx", {}), _as_written(details["input"])
    path = tuple(details["loc"])
    name, whole = str(path[-1]), f"`{path[0]}`" if len(path) > 1 else "a study"
    if kind == "extra_forbidden":
        known = _PARTS.get(str(path[0]), Study.model_fields) if len(path) > 1 else Study.model_fields
        help = nearest(name, known) or f"it takes {one_of(known, most=len(known))}"
        help = _NO_KEYS.get(name, help) if len(path) == 1 else help
        return StudyFault(path, f"{whole} has no key `{name}`", help, "unknown-key")
    if kind == "missing":
        return StudyFault(path, f"`{name}` is missing: {whole} needs it", f"{name}: ...", "missing-key")
    for bound, words in _BOUNDS.items():
        if bound in context:
            return StudyFault(path, f"`{name}` is {given}", f"{words} {context[bound]:g} is needed")
    if kind == "literal_error":
        return StudyFault(path, f"`{name}` is {context['expected']}, got `{given}`".replace("'", "`"))
    return StudyFault(path, f"`{name}` is {_KINDS.get(kind.partition('_')[0], 'something else')}, got `{given}`")


def _as_written(value: object) -> str:
    """A value as a study has it."""
    return json.dumps(value) if value is None or isinstance(value, bool | list | dict) else str(value)


_NO_KEYS = {
    "seeds": "a study has one `seed`; samplers are compared over several by `nas search STUDY --seeds N`, or "
    "`nas.compare(STUDY, seeds=N)`"
}
_PARTS = {"recipe": Recipe.model_fields, "table": Lookup.model_fields}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "dict": "a map",
    "model": "a map",
    "finite": "a finite number",
}
