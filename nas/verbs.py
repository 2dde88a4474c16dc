"""The verbs of this floor as Python calls them: what each takes, and what it does.

What does the work is imported when a verb is called, so that the package itself, and a command that needs none of it,
costs next to nothing to start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphs import Budget
    from graphs.document import Settings
    from nas.driver import Observer
    from nas.manifest import Bundle
    from nas.recipe import Recipe
    from nas.results import Result
    from search_spaces import Space

DEFAULT_TRIALS = 60


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
    """Searches a space for the network that classifies the images best within a budget.

    `budget` is a `Budget`, or its bounds, as in {"max_params": "4k"}.
    `trials` counts networks that were trained, in full or in part; what is over budget or known already doesn't count.
    `max_seconds` bounds the search proper: after it nothing more is proposed. The best `candidates` are trained longer
    on two seeds and compared again on the validation part; the winner is trained on `final_seeds` seeds on all that is
    not the test part, measured on that, and exported to `bundle` in the run's folder. Unless given, `recipe` follows
    from the size of the images, `epochs` and `final_epochs` from the recipe. `settings` are for the space's own
    `params`; `classes`, `channels` and `resolution` follow from the images.

    Raises: BudgetError before anything is written, where nothing in the space fits; DataError; RunError, where the
    folder can't be used; ExportError; SearchInterrupted on Ctrl-C.
    """
    from nas import driver

    return driver.search(
        space,
        budget,
        data,
        trials=trials,
        sampler=sampler,
        executor=executor,
        workers=workers,
        address=address,
        storage=storage,
        device=device,
        recipe=recipe,
        epochs=epochs,
        final_epochs=final_epochs,
        seed=seed,
        candidates=candidates,
        final_seeds=final_seeds,
        max_seconds=max_seconds,
        settings=settings,
        run=run,
        on_event=on_event,
    )


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
    """Goes on with a run: finished trials stay, running ones are begun again. A run that is over is left as it is.

    What was asked for stands in the ledger; the executor may be another one now.

    Raises: RunError, also where the images have changed or a driver is at work; otherwise as `search`.
    """
    from nas import driver

    return driver.resume(
        run,
        executor=executor,
        workers=workers,
        address=address,
        storage=storage,
        device=device,
        on_event=on_event,
    )


def status(run: str | Path) -> Result:
    """How a run stands. Takes no lock and changes nothing. Raises: RunError."""
    from nas import driver

    return driver.status(run)


def export(
    source: str | Path,
    to: str | Path | None = None,
    *,
    weights: str | Path | None = None,
    settings: Settings | None = None,
    variant: str | None = None,
    overwrite: bool = False,
) -> Bundle:
    """A bundle of the winner of a run, of a bundle again, or of a network with the weights of a file.

    The file is of safetensors or of torch; its keys are those of the network, or of a library that builds it as well.

    Written to `to`; if that is None, a run's or bundle's own place is checked and written anew, and a network goes to
    bundles/NAME. A network without `weights` gets random ones, to see that it can be exported.

    Raises: ExportError, RunError, WeightsError, DocumentError; FixpointError where weights, settings or a variant are
    given for a run.
    """
    from nas import exporting

    return exporting.export(
        source,
        to,
        weights=weights,
        settings=settings,
        variant=variant,
        overwrite=overwrite,
    )
