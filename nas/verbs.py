"""The verbs of this floor as Python calls them: what each takes, and what it does.

What does the work is imported when a verb is called, so that the package itself, and a command that needs none of it,
costs next to nothing to start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from graphs.document import Settings
    from nas.comparing import Comparison
    from nas.driver import Observer
    from nas.manifest import Bundle
    from nas.results import Result
    from nas.study import Study
    from search_spaces import Space

Answer = TypeVar("Answer")


def search(
    study: Study | str | Path | None = None,
    *,
    run: str | Path | None = None,
    on_event: Observer | None = None,
    on_wait: Callable[[str], None] | None = None,
    **keys: Any,
) -> Result:
    """Searches a space for the network that classifies the images best within a budget.

    What is asked for is a `nas.study.Study`, the path of a study file, or the keys of one: `nas.search(space="small",
    data="digits", trials=20, budget={"max_params": "4k"})`; keys beside a study are taken in place of its own. `space`
    may be a `Space` as well.

    `trials` counts networks that were trained, in full or in part; what is over budget or known already doesn't count.
    The best `candidates` are trained longer on two seeds and compared again on the validation part; the winner is
    trained on `final_seeds` seeds on all that is not the test part, measured on that, and exported to `bundle` in the
    run's folder: `run`, or runs/NAME. The space's own `params` called `classes`, `channels` and `size` follow from the
    images, unless `set` sets them. `on_event` is told of every line of the ledger, `on_wait` of what may take some
    seconds before there is one.

    Raises: StudyError for keys that are wrong, DocumentError where they stand in a file; BudgetError before anything is
    written, where nothing in the space fits; DataError; RunError, where the folder can't be used; ExportError;
    SearchInterrupted on Ctrl-C.
    """
    from nas import driver

    return _with_study(
        study,
        keys,
        lambda asked, space: driver.search(asked, space=space, run=run, on_event=on_event, on_wait=on_wait),
    )


def compare(
    study: Study | str | Path | None = None,
    *,
    samplers: Sequence[str] = (),
    seeds: int = 100,
    processes: int | None = None,
    on_done: Callable[[int, int], None] | None = None,
    **keys: Any,
) -> Comparison:
    """Compares samplers over many seeds, on a table of results in place of trainings; writes nothing.

    What is asked for is a study with a `table`, or its keys, as of `search`. Each of the samplers, or that of the study
    alone, searches with each of so many seeds, from that of the study on; so many `processes` at a time, by default as
    many as there are cores.
    `on_done` is told after every search how many have come to their end, of how many. Ctrl-C ends it with those.

    Raises: StudyError, TableError, BudgetError, DecisionError; FixpointError where a process is killed.
    """
    from nas import comparing

    return _with_study(
        study,
        keys,
        lambda asked, space: comparing.compare(
            asked, samplers, seeds, space=space, processes=processes, on_done=on_done
        ),
    )


def _with_study(
    study: Study | str | Path | None, keys: dict[str, Any], do: Callable[[Study, Space | None], Answer]
) -> Answer:
    """Does something with a study and these keys, and with its space where that stands in no file.

    Raises: StudyError, or DocumentError where the mistake stands in the study's file; what `do` raises.
    """
    from nas.contradictions import study_of
    from nas.opening import study_in
    from nas.study import Study
    from nas.study_files import read_study
    from search_spaces import Space

    space = keys.get("space")
    given = space if isinstance(space, Space) else None
    if given is not None:
        keys["space"] = given.name
    if study is None or isinstance(study, Study):
        return do(study.changed(**keys) if study else study_of(keys), given)
    file = read_study(study)
    asked = study_in(file, keys)
    with file.located(keys):
        return do(asked, given)


def resume(run: str | Path, *, on_event: Observer | None = None, **places: Any) -> Result:
    """Goes on with a run: finished trials stay, running ones go on from their last rung. A run that is over stays
    as it is; its bundle is written anew where it is gone or damaged, from the weights in the run's `final` folder.

    What was asked for stands in the ledger; `executor` and what goes with it (`workers`, `address`, `storage`,
    `trials_per_gpu`, `device`) may be others now.

    Raises: RunError, also where the images have changed or a driver is at work; otherwise as `search`.
    """
    from nas import driver

    return driver.resume(run, places, on_event)


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
    on_wait: Callable[[str], None] | None = None,
) -> Bundle:
    """A bundle of the winner of a run, of a bundle again, or of a network with the weights of a file.

    The file is of safetensors or of torch; its keys are those of the network, or of a library that builds it as well.

    Written to `to`; if that is None, a run's or bundle's own place is checked and written anew, and a network goes to
    bundles/NAME. A network without `weights` gets random ones, to see that it can be exported. `on_wait` is told what
    takes some seconds, before it does.

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
        on_wait=on_wait,
    )
