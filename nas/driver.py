"""The driver: one loop between the brain, the ledger and an executor, and the three verbs on runs.

    search   begins a run in a folder of its own and brings it to its end
    resume   brings a run to its end that another driver began
    status   says how a run stands, also while it goes on

Every event is written to the ledger before the brain hears of it, so that whatever the brain knows can be known again.
Nothing is printed: an observer is called after every line. Importing this module imports no torch, Optuna or Ray.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from nas.answers import Answers
from nas.brain import Brain
from nas.checkpoints import CHECKPOINTS, Checkpoints
from nas.executors import make_executor
from nas.executors.tabular import TabularExecutor
from nas.finishing import finish
from nas.history import MAX_LOSSES, History
from nas.ledger import Follower, Journal, Ledger, has_begun, is_locked, no_folder, not_written, refuse_begun
from nas.objectives import LATENCY
from nas.opening import Opening, final_device, open_study, reopen, versions
from nas.records import Record, Reported, Resumed
from nas.results import Result, SearchInterrupted, is_over, resume_command, summarize
from nas.samplers import Sampler, make_sampler
from nas.screening import GraphScore
from nas.study import Study
from nas.study_values import TENSOR_PROXIES
from nas.trainer import Trainer
from nas.trials import ENDS, Diverged, Event, Executor, Failed, Progress
from search_spaces import Space

RUNS = Path("runs")
WAIT_SECONDS = 0.5


class Observer(Protocol):
    """Is told of every line that was written, with the state after it. The first is `Started` or `Resumed`."""

    def __call__(self, record: Record, history: History) -> None: ...


def search(
    study: Study,
    *,
    space: Space | None = None,
    run: str | Path | None = None,
    on_event: Observer | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Result:
    """Brings a study to its end, in a new folder. `space` is that of the study, where it stands in no file.

    Raises: as `nas.search`.
    """
    if run is not None:
        refuse_begun(Path(run))  # before what takes seconds
    opening = open_study(study, space, on_wait=on_wait)
    sampler = sampler_of(study, opening.space)  # imports Optuna: better before there is a run to interrupt
    started = opening.started("")
    with ExitStack() as opened:
        with _new_folder(run, f"{opening.space.name}-{Path(started.data).stem}") as folder:
            started = replace(started, name=folder.name)
            # Before there is a line: where there is no cluster, there is no run either.
            executor = opened.enter_context(_executor(opening, folder, folder.name))
            ledger = opened.enter_context(Ledger.create(folder))
            history = History(folder, ledger.append(started))
        with _resumable(folder):
            if on_event:
                on_event(started, history)
            return _drive(ledger, _make_brain(opening, sampler, history), opening, executor, on_event)


def resume(run: str | Path, places: Mapping[str, object] | None = None, on_event: Observer | None = None) -> Result:
    """Brings a run to its end that another driver began; `places` are the keys that say where trials run from now on.

    Raises: as `nas.resume`.
    """
    folder = Path(run)
    ledger, history = Ledger.open(folder, lambda lines: History.of(folder, lines))
    with ledger, _resumable(folder):
        if is_over(history):
            result = summarize(history, driver_is_alive=False)
            if not result.damage:
                return result
        opening = reopen(folder, history.started, places or {})
        sampler = sampler_of(history.study, opening.space)
        lines = Follower(folder).read()
        brain = _make_brain(opening, sampler, History(folder, next(lines)))
        for line in lines:
            brain.apply(line)
        take_over(ledger, brain, opening.study.executor, on_event)
        if is_over(history):  # a bundle is all that is missing
            return _drive(ledger, brain, opening, None, on_event)
        with _executor(opening, folder, history.started.name) as executor:
            return _drive(ledger, brain, opening, executor, on_event)


def take_over(ledger: Ledger, brain: Brain, executor: str, on_event: Observer | None = None) -> None:
    """What a new driver notes first, whose trials will run with this executor.

    Where the one before trained trials itself, and died of it or of something else, the trial that it was at may be the
    cause. It is given up where that happened `MAX_LOSSES` times in a row at the same place.
    """
    history = brain.history
    suspect = history.at_work if ledger.was_killed else None
    _commit(ledger, brain, Resumed(versions(), executor, suspect), on_event)
    if suspect is not None and (num_deaths := history.trials[suspect].num_deaths) >= MAX_LOSSES:
        why = f"the process that trained it was killed, or crashed, {num_deaths} times in a row at the same place"
        _commit(ledger, brain, Failed(suspect, why), on_event)


def status(run: str | Path) -> Result:
    """See `nas.status`."""
    folder = Path(run)
    is_driven = is_locked(folder)  # asked before the look: what a driver wrote before its end is read
    return summarize(History.of(folder, Follower(folder).read()), driver_is_alive=is_driven)


def _executor(opening: Opening, run: Path, name: str) -> Executor:
    """Where the trials of a run of this name go. Raises: RayError."""
    study = opening.study
    if opening.answers is not None:
        return TabularExecutor(opening.answers, study.workers or 1)
    assert opening.images is not None
    checkpoints = _checkpoints(run, name, study.storage)
    # Which never sees the test part.
    trainer = Trainer(
        opening.images.search, opening.recipe, study.device, checkpoints, LATENCY.name in study.objectives
    )
    last_word = f"error: Ray has gone down, or this process was killed; go on with: {resume_command(run)}"
    return make_executor(study, trainer, _name_in_storage(run, name), last_word)


def _drive(
    ledger: Ledger, brain: Brain, opening: Opening, executor: Executor | None, on_event: Observer | None
) -> Result:
    """From wherever the run is to its end; without an executor no trial is run any more."""
    if opening.answers is not None:
        assert isinstance(executor, TabularExecutor)
        return _look_up(ledger, brain, opening.answers, executor, on_event)
    assert opening.images is not None
    history, study = brain.history, opening.study
    checkpoints = _checkpoints(history.run, history.started.name, study.storage)
    on_event = _giving_up(checkpoints, history, on_event)
    with _one_thread():
        if executor is not None:
            with executor:
                run_trials(ledger, brain, executor, on_event)
        if checkpoints:
            checkpoints.close()
        for record in finish(history, brain.graph, opening.images, study.budget, final_device(study)):
            _commit(ledger, brain, record, on_event)
    return summarize(history, driver_is_alive=False)


def _checkpoints(run: Path, name: str, storage: str | None) -> Checkpoints | None:
    """Where trainings are kept: in the run's folder, or where all nodes see them. None where that is no folder."""
    if storage is None:
        return Checkpoints(run.resolve() / CHECKPOINTS)
    if "://" in storage:
        return None
    return Checkpoints(Path(storage).resolve() / CHECKPOINTS / _name_in_storage(run, name))


def _name_in_storage(run: Path, name: str) -> str:
    """What is a run's in a storage, which serves many."""
    return f"{name}-{zlib.crc32(str(run.resolve()).encode()):08x}"


def _giving_up(checkpoints: Checkpoints | None, history: History, on_event: Observer | None) -> Observer | None:
    """An observer that deletes the checkpoints of trials that have ended, and tells the other one of everything."""
    if checkpoints is None:
        return on_event
    for trial in checkpoints.by_trial():
        if trial not in history.trials or history.trials[trial].is_over:  # what is forgotten is over
            checkpoints.remove(trial)

    def observe(record: Record, history: History) -> None:
        if isinstance(record, ENDS) and history.trials[record.trial].is_over:
            checkpoints.remove(record.trial)
        if on_event:
            on_event(record, history)

    return observe


def _make_brain(opening: Opening, sampler: Sampler, history: History) -> Brain:
    study = history.study
    score: GraphScore | None = None
    if study.screening in TENSOR_PROXIES:
        from nas.proxies import Proxy

        assert opening.images is not None
        score = Proxy(study.screening, opening.images.search, study.seed)
    return Brain(opening.space, study.budget, sampler, history, score, opening.answers)


def _look_up(
    ledger: Ledger, brain: Brain, answers: Answers, executor: TabularExecutor, on_event: Observer | None
) -> Result:
    """The same for a run without trainings, whose clock begins where its last line stands."""
    history = brain.history
    begin = ledger.last_at
    ledger.clock = lambda: begin + executor.now
    run_trials(ledger, brain, executor, on_event)
    winner = history.winner()
    if winner is not None and history.reported is None:
        row = answers.row(winner.decisions)
        assert row is not None
        _commit(ledger, brain, Reported(winner.number, answers.reported(row)), on_event)
    return summarize(history, driver_is_alive=False)


def sampler_of(study: Study, space: Space) -> Sampler:
    """The sampler that a study asks for, on its space."""
    return make_sampler(
        study.sampler,
        space,
        study.budget,
        study.seed,
        num_objectives=len(study.objectives),
        num_trials=study.max_trials,
    )


def run_trials(ledger: Journal, brain: Brain, executor: Executor, on_event: Observer | None = None) -> None:
    """The main loop: until nothing runs and nothing is left to propose."""
    occupied: set[int] = set()
    while True:
        while len(occupied) < executor.capacity and not brain.waits_for_room(len(occupied)):
            job = brain.next_job(len(occupied))
            if job is not None:
                executor.submit(job)
                occupied.add(job.trial)
                continue
            record = brain.propose()
            if record is None:
                break
            _commit(ledger, brain, record, on_event)
        if not occupied:
            return
        for event in executor.events(WAIT_SECONDS):
            if not isinstance(event, Progress):
                occupied.discard(event.trial)
            if brain.is_running(event.trial):
                _commit(ledger, brain, _finite(event), on_event)
            if isinstance(event, Progress) and not brain.is_running(event.trial):
                executor.stop(event.trial)


def _commit(ledger: Journal, brain: Brain, record: Record, on_event: Observer | None) -> None:
    brain.apply(ledger.append(record))
    if on_event:
        on_event(record, brain.history)


def _finite(event: Event) -> Event:
    """An epoch whose value is no number is the end of its trial; other figures that are none are left out."""
    if not isinstance(event, Progress):
        return event
    if not math.isfinite(event.value):
        return Diverged(event.trial, f"the validation accuracy became {event.value} in epoch {event.epoch}")
    if all(map(math.isfinite, event.metrics.values())):
        return event
    return replace(event, metrics={name: one for name, one in event.metrics.items() if math.isfinite(one)})


@contextmanager
def _new_folder(run: str | Path | None, name: str) -> Iterator[Path]:
    """A folder for a run that begins here; what was made for it is gone again where it doesn't.

    Raises: RunError; SearchInterrupted where the interruption came just after the beginning.
    """
    place = RUNS if run is None else Path(run)
    missing = [path for path in (place, *place.parents) if not path.exists()]
    folder = place
    try:
        folder = _make_folder(run, name)
        yield folder
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and has_begun(folder):
            raise SearchInterrupted(folder) from None
        for path in dict.fromkeys([*([folder] if run is None else []), *missing]):  # innermost first
            with suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def _resumable(run: Path) -> Iterator[None]:
    """Where Ctrl-C leaves a run that can be gone on with."""
    try:
        yield
    except KeyboardInterrupt:
        raise SearchInterrupted(run) from None


def _make_folder(run: str | Path | None, name: str) -> Path:
    """The folder that was asked for, or a new one, runs/NAME-1, -2, ... Raises: RunError."""
    try:
        if run is not None:
            folder = Path(run)
            if folder.exists() and not folder.is_dir():
                raise no_folder(folder)
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        RUNS.mkdir(parents=True, exist_ok=True)
        slug = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-") or "run"
        number = 1
        while True:
            folder = RUNS / f"{slug}-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        raise not_written(Path(run) if run is not None else RUNS, error) from None


@contextmanager
def _one_thread() -> Iterator[None]:
    """Gives torch its number of threads back after trials in this process have set it to one."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
