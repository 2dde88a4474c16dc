"""A run as a study in an Optuna storage, so that whatever reads those, optuna-dashboard for one, shows it.

One trial for each proposal, in their order; its user attribute `line` is that of the ledger, by which a later export
finds it again. Trials that still run are RUNNING there, and brought up to date by the next export; what has ended stays
as it is. The longer trainings after the search are left out. The ledger remains the truth: nothing is read back.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

import search_spaces
from blocks.errors import FixpointError
from graphs.costs import flops_of
from nas.history import History, all_trials
from nas.ledger import Line
from nas.objectives import ACCURACY, BY_NAME
from nas.records import Decisions, Duplicate, Proposed, Rejected
from nas.states import COMPLETE, DIVERGED, FAILED, REJECTED, STOPPED, Trial
from nas.trials import ENDS
from search_spaces.decisions import Alternative

RUN = "run"
LINE = "line"
STATES = {
    COMPLETE: TrialState.COMPLETE,
    STOPPED: TrialState.PRUNED,
    DIVERGED: TrialState.PRUNED,
    REJECTED: TrialState.PRUNED,
    FAILED: TrialState.FAIL,
}


class StorageError(FixpointError):
    """An Optuna storage that can't be opened or written, or that holds something else under the run's name."""


@dataclass(frozen=True)
class Export:
    """How many trials of the study are new, and how many were running before and are brought up to date."""

    study: str
    num_new: int
    num_updated: int


def export_to_optuna(history: History, lines: list[Line], url: str) -> Export:
    """Brings the study of a run in the storage at `url` up to date; `history` is that of the `lines`.

    Raises: StorageError.
    """
    with _told_clearly(url):
        storage = RDBStorage(url)
        try:
            return _export(history, lines, storage, url)
        finally:
            storage.engine.dispose()


def _export(history: History, lines: list[Line], storage: RDBStorage, url: str) -> Export:
    name = history.started.name
    identity = f"{name}, begun at {lines[0].at:.3f}"
    metrics = _metrics(history)
    directions = [StudyDirection.MAXIMIZE if sign > 0 else StudyDirection.MINIMIZE for _, sign in metrics]
    study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
    before = study.get_trials(deepcopy=False)
    if study.user_attrs.get(RUN, identity if not before else None) != identity:
        raise StorageError(f"{url} holds another study `{name}`", help="give another storage, or delete that study")
    study.set_user_attr(RUN, identity)
    study.set_metric_names([name for name, _ in metrics])
    known = {trial.user_attrs.get(LINE): trial for trial in before}
    num_new = num_updated = 0
    for number, trial in _trials(history, lines):
        if number not in known:
            storage.create_new_trial(study._study_id, trial)
            num_new += 1
        elif not known[number].state.is_finished():
            _update(storage, known[number], trial)
            num_updated += 1
    return Export(name, num_new, num_updated)


def _metrics(history: History) -> list[tuple[str, int]]:
    """The objectives by name, and whether more (1) or less (-1) is better; of a table, what is seen is its column."""
    lookup = history.study.table
    found = [(name, BY_NAME[name].sign) for name in history.study.objectives]
    if lookup is None:
        return found
    return [
        (lookup.seen[lookup.epochs[-1]], lookup.sign) if name == ACCURACY.name else (name, sign) for name, sign in found
    ]


def _sign(history: History) -> int:
    """What makes a value of the ledger, of which more is better, one of its table."""
    return history.study.table.sign if history.study.table else 1


def _update(storage: RDBStorage, there: FrozenTrial, trial: FrozenTrial) -> None:
    for step, value in trial.intermediate_values.items():
        if there.intermediate_values.get(step) != value:
            storage.set_trial_intermediate_value(there._trial_id, step, value)
    for name, value in trial.user_attrs.items():
        if there.user_attrs.get(name) != value:
            storage.set_trial_user_attr(there._trial_id, name, value)
    if trial.state.is_finished():
        storage.set_trial_state_values(there._trial_id, trial.state, trial.values)


def _trials(history: History, lines: list[Line]) -> Iterator[tuple[int, FrozenTrial]]:
    """What the storage is to hold, by the number of the line that proposed it."""
    distributions = {
        decision.address: _distribution(decision.alternatives)
        for decision in search_spaces.parse(history.started.space_text).decisions
    }
    trials = all_trials(history.run, lines)
    ends = {line.record.trial: line.at for line in lines if isinstance(line.record, ENDS)}
    for number, line in enumerate(lines, start=1):
        match line.record:
            case Proposed(confirms=None) as record:
                trial = trials[record.trial]
                yield number, _trained(number, trial, history, distributions, line.at, ends.get(record.trial))
            case Rejected() as record:
                attributes = {LINE: number, "reason": record.reason or "over budget"}
                state, of = TrialState.PRUNED, dict(record.violations)
                yield number, _frozen(state, record.decisions, distributions, attributes, line.at, line.at, of)
            case Duplicate() as record:
                original = trials[record.of]
                attributes = {LINE: number, "duplicate of": record.of, "hash": record.hash}
                is_known = original.state == COMPLETE
                state = TrialState.COMPLETE if is_known else TrialState.PRUNED
                values = _values(original, history) if is_known else None
                constraints = _constraints(original, history)
                yield (
                    number,
                    _frozen(
                        state, record.decisions, distributions, attributes, line.at, line.at, constraints, values=values
                    ),
                )
            case _:
                pass


def _trained(
    number: int,
    trial: Trial,
    history: History,
    distributions: Mapping[str, BaseDistribution],
    began_at: float,
    ended_at: float | None,
) -> FrozenTrial:
    state = STATES.get(trial.state, TrialState.RUNNING)
    attributes: dict[str, Any] = {
        LINE: number,
        "trial": trial.number,
        "hash": trial.hash,
        "params": trial.params,
        "macs": trial.macs,
        "state": trial.state,
    }
    if trial.reason:
        attributes["reason"] = trial.reason.strip().rpartition("\n")[2]
    return _frozen(
        state,
        trial.decisions,
        distributions,
        attributes,
        began_at,
        ended_at if state.is_finished() else None,
        _constraints(trial, history),
        values=_values(trial, history) if state == TrialState.COMPLETE else None,
        curve={epoch.epoch: _sign(history) * epoch.value for epoch in trial.curve},
    )


def _frozen(
    state: TrialState,
    decisions: Decisions,
    distributions: Mapping[str, BaseDistribution],
    attributes: dict[str, Any],
    began_at: float,
    ended_at: float | None,
    constraints: dict[str, float],
    *,
    values: list[float] | None = None,
    curve: dict[int, float] | None = None,
) -> FrozenTrial:
    params = {address: _category(chosen) for address, chosen in decisions.items() if address in distributions}
    trial = create_trial(
        state=state,
        values=values,
        params=params,
        distributions={address: distributions[address] for address in params},
        user_attrs=attributes,
        intermediate_values=curve,
        constraints=constraints,
    )
    trial.datetime_start = datetime.fromtimestamp(began_at)  # noqa: DTZ006  Optuna's times are local, and say no zone
    trial.datetime_complete = None if ended_at is None else datetime.fromtimestamp(ended_at)  # noqa: DTZ006
    return trial


def _values(trial: Trial, history: History) -> list[float] | None:
    """The figures of the objectives as they are; Optuna knows their directions."""
    found = {**trial.figures}
    if (value := found[ACCURACY.name]) is not None:
        found[ACCURACY.name] = _sign(history) * value
    figures = [found[name] for name in history.study.objectives]
    known = [figure for figure in figures if figure is not None]
    return known if len(known) == len(figures) else None


def _constraints(trial: Trial, history: History) -> dict[str, float]:
    """The ratio to each bound that the ledger has the cost of, less one: at most 0 within the budget."""
    costs = {"params": trial.params, "macs": trial.macs, "flops": flops_of(trial.macs)}
    found: dict[str, float] = {}
    for bound, value in history.study.budget.as_dict().items():
        kind, _, what = bound.partition("_")
        if what in costs and value:
            ratio = costs[what] / value
            found[bound] = ratio - 1 if kind == "max" else 1 - ratio
    return found


def _distribution(alternatives: tuple[Alternative, ...]) -> BaseDistribution:
    """Whole numbers in even steps are a range, all else are categories in their order."""
    numbers = [value for value in alternatives if isinstance(value, int) and not isinstance(value, bool)]
    if len(numbers) == len(alternatives) > 1:
        step = numbers[1] - numbers[0]
        if step > 0 and numbers == list(range(numbers[0], numbers[-1] + 1, step)):
            return IntDistribution(numbers[0], numbers[-1], step=step)
    return CategoricalDistribution([_category(value) for value in alternatives])


def _category(value: Alternative) -> bool | int | float | str | None:
    return json.dumps(value) if isinstance(value, tuple) else value


@contextmanager
def _told_clearly(url: str) -> Iterator[None]:
    """Optuna says nothing meanwhile; of a storage that doesn't work, one sentence."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, ValueError, OSError) as error:
        why = next(iter(str(error.__cause__ or error).splitlines()), type(error).__name__)
        raise StorageError(
            f"the Optuna storage {url} can't be used: {why}",
            help="a URL of SQLAlchemy's, as in sqlite:///runs.db or postgresql://user@host/name",
        ) from None
    finally:
        optuna.logging.set_verbosity(verbosity)
