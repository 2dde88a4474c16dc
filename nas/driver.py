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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, Protocol

from blocks.errors import FixpointError
from blocks.types import Map, Vector
from graphs import Budget
from nas.brain import Brain
from nas.executors import make_executor, refuse_misuse
from nas.finishing import finish
from nas.history import History
from nas.ledger import Ledger, RunError, is_locked, not_written, read_ledger
from nas.recipe import Recipe, default_recipe
from nas.records import Record, Resumed, Started
from nas.results import Result, SearchInterrupted, is_over, summarize
from nas.samplers import SAMPLERS, make_sampler
from nas.trainer import Trainer, refuse_device
from nas.trials import Diverged, Event, Executor, Progress
from nas.verbs import DEFAULT_TRIALS
from search_spaces import Space, load, parse

if TYPE_CHECKING:
    from nas.data import Data

RUNS = Path("runs")
WAIT_SECONDS = 0.5


class Observer(Protocol):
    """Is told of every line that was written, with the state after it. The first is `Started` or `Resumed`."""

    def __call__(self, record: Record, history: History) -> None: ...


def search(
    space: Space | str | Path,
    budget: Budget | Mapping[str, int | float | str | None] | None = None,
    data: str | Path = "digits",
    *,
    trials: int = DEFAULT_TRIALS,
    sampler: str = "tpe",
    executor: str = "inline",
    workers: int | None = None,
    address: str | None = None,
    storage: str | None = None,
    device: str = "auto",
    recipe: Recipe | None = None,
    epochs: int | None = None,
    final_epochs: int | None = None,
    seed: int = 0,
    candidates: int = 4,
    final_seeds: int = 3,
    max_seconds: float | None = None,
    settings: Mapping[str, bool | int | float | str] | None = None,
    run: str | Path | None = None,
    on_event: Observer | None = None,
) -> Result:
    """See `nas.search`."""
    from nas.data import load_data

    counts = {"trials": trials, "candidates": candidates, "final_seeds": final_seeds}
    lengths = {"epochs": epochs, "final_epochs": final_epochs}
    for what, number in {**counts, **lengths}.items():
        if number is not None and number < 1:
            raise FixpointError(f"{what} is {number}", help="at least 1 is needed")
    if sampler not in SAMPLERS:
        raise FixpointError(f"there is no sampler `{sampler}`", help=f"there is {', '.join(SAMPLERS)}")
    refuse_misuse(executor, workers, address, storage)
    if max_seconds is not None and not max_seconds > 0:
        raise FixpointError(f"max_seconds is {max_seconds}", help="more than 0 is needed")
    if address is None:
        refuse_device(device)
    budget = budget if isinstance(budget, Budget) else Budget.of(budget or {})
    images = load_data(data)
    if not isinstance(space, Space):
        space = _load_space(space, images, dict(settings or {}))
    space.refuse_impossible(budget)
    _refuse_misfit(space, budget, images)
    _, height, width = images.search.image_shape
    recipe = (recipe or default_recipe(height, width)).model_copy(
        update={name: number for name, number in lengths.items() if number is not None}
    )
    proposer = make_sampler(sampler, space, budget, seed)  # imports Optuna: better before there is a run to interrupt
    folder = _make_folder(run, f"{space.name}-{Path(images.source).stem}")
    started = Started(
        name=folder.name,
        space=space.name,
        space_text=space.text(),
        budget=budget.as_dict(),
        data=images.source,
        split_seed=images.split_seed,
        fingerprint=images.fingerprint,
        recipe=recipe.model_dump(),
        sampler=sampler,
        executor=executor,
        workers=workers,
        seed=seed,
        num_trials=trials,
        num_candidates=candidates,
        num_final_seeds=final_seeds,
        max_seconds=max_seconds,
        versions=_versions(),
    )
    with Ledger.create(folder) as ledger:
        first = ledger.append(started)
        history = History(folder, first)
        if on_event:
            on_event(started, history)
        brain = Brain(space, budget, proposer, history)
        make = _executor_factory(executor, images, recipe, device, workers, address, storage)
        return _drive(ledger, brain, images, budget, make, device, on_event)


def resume(
    run: str | Path,
    *,
    executor: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    storage: str | None = None,
    device: str = "auto",
    on_event: Observer | None = None,
) -> Result:
    """See `nas.resume`."""
    from nas.data import load_data

    folder = Path(run)
    with Ledger.open(folder) as ledger:
        history = History.of(folder, ledger.lines)
        if is_over(history):
            return summarize(history, driver_is_alive=False)
        started = history.started
        images = load_data(started.data, started.split_seed)
        if images.fingerprint != started.fingerprint:
            raise RunError(
                f"the images at {started.data} are not those that {folder} began with",
                help="bring back the images as they were, or begin a new run",
            )
        space, budget = parse(started.space_text, f"the space of {folder}"), Budget.of(started.budget)
        sampler = make_sampler(started.sampler, space, budget, started.seed)
        brain = Brain(space, budget, sampler, History(folder, ledger.lines[0]))
        for line in ledger.lines[1:]:
            brain.apply(line)
        recipe = Recipe.model_validate(started.recipe)
        workers = workers if workers is not None or executor else started.workers
        refuse_misuse(executor or started.executor, workers, address, storage)
        make = _executor_factory(executor or started.executor, images, recipe, device, workers, address, storage)
        _commit(ledger, brain, Resumed(_versions()), on_event)
        return _drive(ledger, brain, images, budget, make, device, on_event)


def status(run: str | Path) -> Result:
    """See `nas.status`."""
    folder = Path(run)
    history = History.of(folder, read_ledger(folder))
    return summarize(history, driver_is_alive=is_locked(folder))


def _drive(
    ledger: Ledger,
    brain: Brain,
    images: Data,
    budget: Budget,
    make: Callable[[], Executor],
    device: str,
    on_event: Observer | None,
) -> Result:
    """From wherever the run is to its end."""
    history = brain.history
    try:
        with _one_thread():
            with make() as executor:
                run_trials(ledger, brain, executor, on_event)
            winner = history.winner()
            if winner is not None:
                graph = brain.graph(winner.number)
                for record in finish(history, graph, winner, images, budget, device):
                    _commit(ledger, brain, record, on_event)
    except KeyboardInterrupt:
        raise SearchInterrupted(history.run) from None
    return summarize(history, driver_is_alive=False)


def run_trials(ledger: Ledger, brain: Brain, executor: Executor, on_event: Observer | None = None) -> None:
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
            if isinstance(event, Progress) and (brain.wants_stopped(event.trial) or not brain.is_running(event.trial)):
                executor.stop(event.trial)


def _commit(ledger: Ledger, brain: Brain, record: Record, on_event: Observer | None) -> None:
    brain.apply(ledger.append(record))
    if on_event:
        on_event(record, brain.history)


def _finite(event: Event) -> Event:
    """An epoch whose value is no number is the end of its trial; other figures that are none are left out."""
    if not isinstance(event, Progress):
        return event
    if not math.isfinite(event.value):
        return Diverged(event.trial, f"the validation accuracy became {event.value} in epoch {event.epoch}")
    metrics = {name: figure for name, figure in event.metrics.items() if math.isfinite(figure)}
    return Progress(event.trial, event.epoch, event.value, metrics, event.seconds)


def _load_space(space: str | Path, images: Data, settings: dict[str, bool | int | float | str]) -> Space:
    """The space, its `params` of these names set to what the images are, unless the user has set them."""
    channels, height, _ = images.search.image_shape
    facts = {
        "classes": len(images.search.classes),
        "channels": channels,
        "resolution": height,
    }
    declared = {param.name.text for param in load(space).document.params}
    return load(space, {name: value for name, value in facts.items() if name in declared} | settings)


def _refuse_misfit(space: Space, budget: Budget, images: Data) -> None:
    """Raises DataError where the networks of the space don't take these images, or tell other classes apart."""
    from nas.data import DataError

    graph = space.sample(1, budget).points[0].graph
    shape, num_classes = images.search.image_shape, len(images.search.classes)
    wanted = [(type.channels, type.height, type.width) for type in graph.inputs.values() if isinstance(type, Map)]
    if wanted != [shape]:
        raise DataError(
            f"the networks of `{space.name}` take {_shapes(wanted)}, the images are {_shapes([shape])}",
            help="set the `params` of the space that give its input",
        )
    outputs = [graph.in_training.types[value] for value in graph.in_training.outputs.values()]
    fitting = all(isinstance(output, Vector) and output.features == num_classes for output in outputs)
    if len(graph.outputs) != 1 or not fitting:
        raise DataError(
            f"the networks of `{space.name}` give {', '.join(map(str, outputs))}, the images {num_classes} classes",
            help="a space for classification has one output, a vector with one feature per class; training outputs too",
        )


def _shapes(shapes: list[tuple[int, int, int]]) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes) or "no images"


def _make_folder(run: str | Path | None, name: str) -> Path:
    """A new folder: the one that was asked for, or runs/NAME-1, -2, ... Raises: RunError."""
    try:
        if run is not None:
            folder = Path(run)
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


def _executor_factory(
    name: str,
    images: Data,
    recipe: Recipe,
    device: str,
    workers: int | None,
    address: str | None,
    storage: str | None,
) -> Callable[[], Executor]:
    """Only the training and the validation part go to an executor."""
    return lambda: make_executor(name, Trainer(images.search, recipe, device), workers, address, storage)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Gives torch its number of threads back after trials in this process have set it to one."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _versions() -> dict[str, str]:
    """What the run was made with; asked of the package data, so that nothing is imported for it."""
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, Any] = {"python": python_version()}
    for package in ("fixpoint-nas", "torch", "optuna", "ray"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
