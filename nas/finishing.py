"""The end of a run: the winner trained on training and validation part together, measured on the test part, exported.

The best of the hand-designed networks that the search began with are trained in the same way, on the same seeds, so
that the report can say whether the winner is better; nothing is chosen by that.

Every seed is a line of the ledger and a file of weights, so that a run that is killed here goes on with the next seed.
This is the one place that touches the test part. Imports torch when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nas.files import replace_file
from nas.history import History
from nas.ledger import RunError, not_written
from nas.manifest import BUNDLE, damage_of
from nas.recipe import Recipe
from nas.records import Exported, Finalised, Record, Unfinished
from nas.seeds import derive_seed
from nas.states import Trial
from nas.trainer import choose_device, is_small

if TYPE_CHECKING:
    from graphs import Budget, Graph
    from nas.data import Data

WEIGHTS = "final"


def finish(
    history: History, graph_of: Callable[[int], Graph], winner: Trial, data: Data, budget: Budget, device: str
) -> Iterator[Record]:
    """What is missing of the end of a run, record by record; each is to be applied to the history before the next.

    A bundle that is gone or damaged is written anew, from the weights that its training has left. `graph_of` gives the
    network of a trial. The bundle gets the weights of the first seed, not those of the best: that would be choosing by
    the test part.

    Raises: RunError where nothing can be written or a training comes to no end, and what the export raises.
    """
    recipe = history.started.recipe
    device = choose_device(device, data.search.image_shape)
    seeds = [derive_seed(history.study.seed, "final", index) for index in range(history.study.final_seeds)]
    graph = graph_of(winner.number)
    rivals = history.rivals()[: history.study.rivals]
    for trial in [winner, *rivals]:
        for seed in seeds:
            if seed in history.finals.get(trial.number, {}) or trial.number in history.unfinished:
                continue
            try:
                yield _train_seed(history.run, graph_of(trial.number), trial, winner, data, recipe, seed, device)
            except RunError as error:
                if trial is winner:
                    raise
                yield Unfinished(trial.number, error.message)
    if history.exported is None or damage_of(history.run / history.exported.bundle):
        yield _export(history, graph, winner, data, budget, history.finals[winner.number][seeds[0]])


def _train_seed(
    run: Path, graph: Graph, trial: Trial, winner: Trial, data: Data, recipe: Recipe, seed: int, device: str
) -> Finalised:
    import torch
    from safetensors.torch import save

    from nas.heap import freed_memory_kept
    from nas.training import DivergedError, Training, is_out_of_memory

    torch.set_num_threads(1 if is_small(data.search.image_shape) else os.cpu_count() or 1)
    begin = perf_counter()
    try:
        with freed_memory_kept():
            training = Training(graph, data.final.train, data.final, recipe, seed, recipe.final_epochs, device)
            for _ in range(recipe.final_epochs):
                training.run_epoch()
            score = training.score(training.place(data.final.test))
    except DivergedError as error:
        raise RunError(
            f"the final training of trial {trial.number} diverged: {error}",
            help="begin a new run with a lower learning rate",
        ) from None
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RunError(
            f"the final training of trial {trial.number} ran out of memory",
            help=f"make room, then: nas resume {run}",
        ) from None
    seconds = perf_counter() - begin
    if trial is not winner:
        return Finalised(trial.number, seed, score.accuracy, score.loss, seconds, "")
    weights = Path(WEIGHTS) / f"{trial.number}-{seed}.safetensors"
    try:
        (run / WEIGHTS).mkdir(exist_ok=True)
        replace_file(run / weights, save(training.state()), durable=True)  # as the ledger's line is that names it
    except OSError as error:
        raise not_written(run, error) from None
    return Finalised(winner.number, seed, score.accuracy, score.loss, seconds, str(weights))


def _export(history: History, graph: Graph, winner: Trial, data: Data, budget: Budget, final: Finalised) -> Exported:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from nas.bundle import export

    weights = history.run / final.weights
    try:
        state = load_file(weights)
    except (OSError, SafetensorError) as error:
        why = str(error).splitlines()[0]
        raise RunError(
            f"{weights} can't be read: {why}",
            help="the bundle has its weights from there: restore the file, or begin a new run",
        ) from None
    metadata = _metadata(history, winner, data, final)
    # A bundle may stand there whose record was not written: the driver was killed between the two.
    bundle = export(graph, state, history.run / BUNDLE, budget=budget, metadata=metadata, overwrite=True)
    return Exported(BUNDLE, dict(bundle.files))


def _metadata(history: History, winner: Trial, data: Data, final: Finalised) -> dict[str, Any]:
    """What a user of the bundle has to know: the classes, how images are normalised, and where the network is from."""
    started = history.started
    return {
        "classes": list(data.search.classes),
        "preprocessing": {"scale": "raw", "mean": list(data.search.mean), "std": list(data.search.std)},
        "test": {
            "accuracy": final.accuracy,
            "accuracies": list(history.scores(winner.number)),
        },
        "validation": {"accuracy": winner.value, "confirmed": history.confirmed_value(winner.number)},
        "search": {
            "run": started.name,
            "space": started.space,
            "trial": winner.number,
            "trials": history.counts(),
            "decisions": dict(winner.decisions),
            "sampler": started.study.sampler,
            "seed": started.study.seed,
        },
        "training": {"recipe": started.recipe.model_dump(), "seed": final.seed},
        "data": {"source": Path(started.data).name, "fingerprint": started.fingerprint},
    }
