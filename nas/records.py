"""What a ledger is made of: one frozen dataclass per kind of line, and their JSON.

The events of an executor are records themselves; beside them stand the decisions of the brain and of the driver. The
whole state of a run is a fold over its records (`nas.history`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from nas.fidelity import Fidelity
from nas.recipe import Recipe
from nas.study import Study
from nas.trials import Completed, Diverged, Event, Failed, Lost, OutOfMemory, Paused, Progress, Stopped
from search_spaces.decisions import Alternative

Decisions = Mapping[str, Alternative]


@dataclass(frozen=True)
class Start:
    """A point that a search begins with, and the name of the network that it is; or, without a name, that of the
    network which it `narrows`."""

    name: str
    decisions: Decisions
    narrows: str = ""


@dataclass(frozen=True)
class Started:
    """The first line, all that `resume` needs.

    `space` is the name of the space and `space_text` its document as it was; `data` is where the images were found,
    `fingerprint` what they were; `recipe` is the whole of it, with what the images suggest. `starts` are the
    hand-designed networks that fit, or were made to, which are tried before anything else. Before epoch
    `earliest_rung` no trial is judged. `notes` is what was remarked of the images or the table. `extremes` are the
    worst and the best value that there could be, so that higher is better: of a table those that it has.
    """

    name: str
    study: Study
    space: str
    space_text: str
    data: str
    split_seed: int
    fingerprint: str
    recipe: Recipe
    versions: Mapping[str, str]
    starts: tuple[Start, ...] = ()
    earliest_rung: int = 1
    notes: tuple[str, ...] = ()
    extremes: tuple[float, float] = (0.0, 1.0)

    @property
    def fidelity(self) -> Fidelity:
        """How far trials are trained."""
        return fidelity_of(self.study, self.earliest_rung)


def fidelity_of(study: Study, earliest_rung: int) -> Fidelity:
    """How far the trials of a study are trained."""
    known = study.table.epochs if study.table else None
    return Fidelity(study.fidelity, study.eta, study.first_rung, earliest_rung, known)


@dataclass(frozen=True)
class Proposed:
    """A network that will be trained, at first to epoch `until`; None is to the end.

    `inactive` are decisions that the sampler made and this point doesn't have. `confirms` is the trial whose network
    this is once more, after the search. `arm` and `score` as in `nas.screening`, where there is one.
    """

    trial: int
    decisions: Decisions
    hash: str
    params: int
    macs: int
    seed: int
    epochs: int
    confirms: int | None = None
    inactive: Decisions = field(default_factory=dict)
    until: int | None = None
    arm: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Promoted:
    """A paused trial goes on to epoch `until`."""

    trial: int
    until: int


@dataclass(frozen=True)
class Rejected:
    """A proposal that was never trained: over budget (`violations`: ratio - 1 for each bound) or no legal network."""

    decisions: Decisions
    violations: Mapping[str, float]
    reason: str = ""


@dataclass(frozen=True)
class Duplicate:
    """A proposal whose network is that of an earlier trial."""

    decisions: Decisions
    hash: str
    of: int


@dataclass(frozen=True)
class Resumed:
    """A new driver took over, with this executor; what was running is handed in again.

    `suspect` is the trial that the driver before, which was killed or crashed, trained then itself.
    """

    versions: Mapping[str, str]
    executor: str = ""
    suspect: int | None = None


@dataclass(frozen=True)
class Ended:
    """No more trials are proposed: `trials`, `time`, `target`, `space exhausted`, `table exhausted`,
    `nothing new found` or `failures`."""

    by: str


@dataclass(frozen=True)
class Finalised:
    """One seed of the final training of a trial's network: `accuracy` and `loss` on the test part.

    `weights` is relative to the run, and empty for a network that the winner is only compared with.
    """

    trial: int
    seed: int
    accuracy: float
    loss: float
    seconds: float
    weights: str


@dataclass(frozen=True)
class Unfinished:
    """The final training of a network came to no end; the next candidate wins in its place, where it would have.

    `traceback` is that of an exception that nobody expects.
    """

    trial: int
    reason: str
    traceback: str = ""


@dataclass(frozen=True)
class Reported:
    """What the table has in the column that is reported of the winner; the end of a run without trainings."""

    trial: int
    value: float


@dataclass(frozen=True)
class Exported:
    """The bundle stands; `bundle` is relative to the run."""

    bundle: str
    files: Mapping[str, str]


Record = (
    Started
    | Proposed
    | Promoted
    | Rejected
    | Duplicate
    | Resumed
    | Ended
    | Finalised
    | Unfinished
    | Reported
    | Exported
    | Event
)

KINDS: dict[str, type[Any]] = {
    "started": Started,
    "proposed": Proposed,
    "promoted": Promoted,
    "rejected": Rejected,
    "duplicate": Duplicate,
    "progress": Progress,
    "paused": Paused,
    "complete": Completed,
    "stopped": Stopped,
    "diverged": Diverged,
    "out_of_memory": OutOfMemory,
    "failed": Failed,
    "lost": Lost,
    "resumed": Resumed,
    "ended": Ended,
    "finalised": Finalised,
    "unfinished": Unfinished,
    "reported": Reported,
    "exported": Exported,
}
_KIND_OF = {record_class: kind for kind, record_class in KINDS.items()}
_NAMES = {record_class: tuple(one.name for one in fields(record_class)) for record_class in KINDS.values()}


def encode(record: Record) -> dict[str, Any]:
    """The record as JSON data, `kind` first."""
    data: dict[str, Any] = {"kind": _KIND_OF[type(record)]}
    data.update((name, getattr(record, name)) for name in _NAMES[type(record)])
    if isinstance(record, Started):
        starts = [asdict(start) for start in record.starts]
        data |= {
            "study": record.study.model_dump(mode="json"),
            "recipe": record.recipe.model_dump(mode="json"),
            "starts": starts,
        }
    return data


def decode(data: Mapping[str, Any]) -> Record:
    """The inverse of `encode`; keys that this version doesn't know are left out.

    Raises: KeyError, TypeError, ValueError; StudyError.
    """
    record_class = KINDS[data["kind"]]
    values = {name: data[name] for name in _NAMES[record_class] if name in data}
    if record_class is Started:
        values |= {"study": Study.of(values["study"]), "recipe": Recipe.model_validate(values["recipe"])}
        values["starts"] = tuple(
            Start(one["name"], _points(one["decisions"]), one.get("narrows", "")) for one in values["starts"]
        )
        values["notes"] = tuple(values.get("notes", ()))
        values["extremes"] = tuple(values.get("extremes", (0.0, 1.0)))
    for key in ("decisions", "inactive"):
        if key in values:
            values[key] = _points(values[key])
    record: Record = record_class(**values)
    return record


def _points(decisions: Mapping[str, Any]) -> Decisions:
    return {address: _tuples(value) if isinstance(value, list) else value for address, value in decisions.items()}


def _tuples(value: Any) -> Alternative:
    """JSON has lists where alternatives are tuples."""
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
