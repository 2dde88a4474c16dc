"""The verbs of this floor as Python calls them: what each takes, and what it does.

What does the work is imported when a verb is called, so that the package itself, and a command that needs none of it,
costs next to nothing to start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from nas.study_keys import PlaceKeys, StudyKeys, refuse_callback, showing_keys

if TYPE_CHECKING:
    from graphs.document import Settings
    from nas.comparing import Comparison
    from nas.driver import Observer
    from nas.listing import TrialRecord
    from nas.manifest import Bundle
    from nas.results import Result
    from nas.study import Study
    from search_spaces import Space

Answer = TypeVar("Answer")


@showing_keys(StudyKeys)
def search(
    study: Study | str | Path | None = None,
    *,
    run: str | Path | None = None,
    on_event: Observer | None = None,
    on_wait: Callable[[str], None] | None = None,
    **keys: Unpack[StudyKeys],
) -> Result:
    """Searches a space for the network that classifies the images best within a budget.

    What is asked for is a `nas.Study`, the path of a study file, or the keys of one: `nas.search(space="small",
    data="digits", trials=20, budget={"max_params": "4k"})`; keys beside a study are taken in place of its own. `space`
    may be a `Space` as well. docs/search.md says what each key means.

    `trials` counts networks that were trained, in full or in part; what is over budget or known already doesn't count.
    The best `candidates` are trained longer on two seeds and compared again on the validation part; the winner is
    trained on `final_seeds` seeds on all that is not the test part, measured on that, and exported to `bundle` in the
    run's folder: `run`, or runs/NAME. The space's own `params` called `classes`, `channels` and `size` follow from the
    images, unless `set` sets them. `on_event(record, history)` is told of every line of the ledger, after it was
    written: a record of `nas.records`, and the `nas.history.History` with it. `on_wait(text)` is told of what may take
    some seconds before there is one.

    Raises: StudyError for keys that are wrong, DocumentError where they stand in a file; BudgetError before anything is
    written, where nothing in the space fits; DataError; Mistakes, where several of these are; RayError where Ray
    can't be used; RunError, where the folder can't be; ExportError. All are a `nas.FixpointError`. SearchInterrupted on
    Ctrl-C; TypeError for a `study` that is none, and for a callback that can't be called so.
    """
    from nas import driver

    refuse_callback("on_event", on_event, "record", "history")
    refuse_callback("on_wait", on_wait, "text")

    return _with_study(
        study,
        keys,
        lambda asked, space: driver.search(asked, space=space, run=run, on_event=on_event, on_wait=on_wait),
    )


@showing_keys(StudyKeys)
def compare(
    study: Study | str | Path | None = None,
    *,
    samplers: Sequence[str] = (),
    seeds: int = 100,
    processes: int | None = None,
    on_done: Callable[[int, int], None] | None = None,
    **keys: Unpack[StudyKeys],
) -> Comparison:
    """Compares samplers over many seeds, on a table of results in place of trainings; writes nothing.

    What is asked for is a study with a `table`, or its keys, as of `search`. Each of the samplers, or that of the study
    alone, searches with each of so many seeds, from that of the study on; so many `processes` at a time, by default as
    many as there are cores.
    `on_done` is told after every search how many have come to their end, of how many. Ctrl-C ends it with those.

    Raises: StudyError, TableError, BudgetError, DecisionError; FixpointError where a process is killed.
    """
    from nas import comparing

    refuse_callback("on_done", on_done, "number of searches done", "number of searches")
    if study is None and keys.get("table") is None:
        raise comparing.without_table()
    return _with_study(
        study,
        keys,
        lambda asked, space: comparing.compare(
            asked, samplers, seeds, space=space, processes=processes, on_done=on_done
        ),
    )


def _with_study(
    study: Study | str | Path | None, given: Mapping[str, object], do: Callable[[Study, Space | None], Answer]
) -> Answer:
    """Does something with a study and these keys, and with its space where that stands in no file.

    Raises: StudyError, or DocumentError where the mistake stands in the study's file; what `do` raises.
    """
    from nas.contradictions import study_of
    from nas.opening import study_in
    from nas.study import Study
    from nas.study_files import read_study
    from search_spaces import Space

    keys: dict[str, Any] = {name: fspath(one) if isinstance(one, PathLike) else one for name, one in given.items()}
    space = keys["space"] if isinstance(keys.get("space"), Space) else None
    if space is not None:
        keys["space"] = space.name
    if study is None or isinstance(study, Study):
        return do(study.changed(**keys) if study else study_of(keys), space)
    if not isinstance(study, str | PathLike):
        told = f"`study` is a `nas.Study`, or the path of a study file, got a `{type(study).__name__}`"
        raise TypeError(f'{told}; keys of a study are keywords, as in space="small", and those of a map are **map')
    file = read_study(study)
    asked = study_in(file, keys)
    with file.located(keys):
        return do(asked, space)


@showing_keys(PlaceKeys)
def resume(run: str | Path, *, on_event: Observer | None = None, **places: Unpack[PlaceKeys]) -> Result:
    """Goes on with a run: finished trials stay, running ones go on from their last rung. A run that is over stays
    as it is; its bundle is written anew where it is gone or damaged, from the weights in the run's `final` folder.

    What was asked for stands in the ledger; `executor` and what goes with it (`workers`, `address`, `storage`,
    `trials_per_gpu`, `device`) may be others now.

    Raises: RunError, also where the images have changed or a driver is at work; otherwise as `search`.
    """
    from nas import driver

    refuse_callback("on_event", on_event, "record", "history")
    return driver.resume(run, {**places}, on_event)


def status(run: str | Path) -> Result:
    """How a run stands. Takes no lock and changes nothing. Raises: RunError."""
    from nas import driver

    return driver.status(run)


def read_trials(run: str | Path) -> Iterator[TrialRecord]:
    """All trials of a run, read from its ledger one after the other, so that memory stays flat however many there are.

    Those that are over come first, in the order in which they ended; then those that run or wait. Proposals that were
    never trained are no trials: `Result.trials` counts them. `confirms` tells the longer trainings of the best from the
    trials of the search. Takes no lock, also while the run goes on.

    Raises: RunError, where there is no run; while reading, where a line is damaged.
    """
    from nas import listing

    return listing.read_trials(Path(run))


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
