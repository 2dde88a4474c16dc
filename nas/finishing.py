"""The end of a run: the winner trained on training and validation part together, measured on the test part, exported.

The best of the hand-designed networks that the search began with are trained in the same way, on the same seeds, so
that the report can say whether the winner is better; nothing is chosen by that.

Every seed is a line of the ledger and a file of weights, so that a run that is killed here goes on with the next seed.
A training that comes to no end is a line as well, and the next candidate is the winner in place of its network. This is
the one place that touches the test part. Imports torch when it is called.
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
from nas.trials import Diverged, Failed, OutOfMemory

if TYPE_CHECKING:
    from graphs import Budget, Graph
    from nas.data import Data

WEIGHTS = "final"
DIVERGED = "its final training diverged"


def finish(
    history: History, graph_of: Callable[[int], Graph], data: Data, budget: Budget, device: str
) -> Iterator[Record]:
    """What is missing of the end of a run, record by record; each is to be applied to the history before the next.

    A bundle that is gone or damaged is written anew, from the weights that its training has left. `graph_of` gives the
    network of a trial. The bundle gets the weights of the first seed, not those of the best: that would be choosing by
    the test part. It ends without one where no candidate can be trained to its end.

    Raises: RunError where nothing can be written or a winner runs out of memory, and what the export raises.
    """
    recipe = history.started.recipe
    device = choose_device(device, data.search.image_shape)
    seeds = [derive_seed(history.study.seed, "final", index) for index in range(history.study.final_seeds)]

    def train(trial: Trial, winner: Trial) -> Iterator[Record]:
        for seed in seeds:
            if trial.number in history.unfinished:
                return
            if seed not in history.finals.get(trial.number, {}):
                yield _train_seed(history.run, graph_of, trial, winner, data, recipe, seed, device)

    while (winner := history.winner()) is not None:
        yield from train(winner, winner)
        if winner.number not in history.unfinished:
            break
    if winner is None:
        return
    for rival in history.rivals()[: history.study.rivals]:
        yield from train(rival, winner)
    if history.exported is None or damage_of(history.run / history.exported.bundle):
        final = history.finals[winner.number][seeds[0]]
        yield _export(history, graph_of(winner.number), winner, data, budget, final)


def _train_seed(
    run: Path,
    graph_of: Callable[[int], Graph],
    trial: Trial,
    winner: Trial,
    data: Data,
    recipe: Recipe,
    seed: int,
    device: str,
) -> Finalised | Unfinished:
    import torch
    from safetensors.torch import save

    from nas.heap import freed_memory_kept
    from nas.training import Training, outcome

    torch.set_num_threads(1 if is_small(data.search.image_shape) else os.cpu_count() or 1)
    begin = perf_counter()
    try:
        graph = graph_of(trial.number)
        with freed_memory_kept():
            training = Training(graph, data.final.train, data.final, recipe, seed, recipe.final_epochs, device)
            for _ in range(recipe.final_epochs):
                training.run_epoch()
            score = training.score(training.place(data.final.test))
    except Exception as error:  # noqa: BLE001  a training may fail in any way, and the search is worth more than one
        match outcome(trial.number, error):
            case Diverged(reason=reason):
                return Unfinished(trial.number, f"{DIVERGED}: {reason}")
            case OutOfMemory() if trial is winner:  # it had room in the search, so that it is the machine that is full
                raise RunError(
                    f"the final training of trial {trial.number} ran out of memory",
                    help=f"make room, or take another device, then: nas resume {run}",
                ) from None
            case Failed(traceback=traceback):
                why = traceback.strip().rpartition("\n")[2]
                return Unfinished(trial.number, f"its final training failed: {why}", traceback)
            case _:
                return Unfinished(trial.number, "its final training ran out of memory")
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
