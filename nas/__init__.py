"""The top floor: which graph is good.

    nas.search(study, ...)                  a search from beginning to end: a run in a folder, ending with a bundle
    nas.compare(study, samplers, ...)       samplers on a table of results, over many seeds
    nas.resume(run)                         brings a run to its end that was cut short
    nas.status(run)                         how a run stands, at any moment
    nas.read_trials(run)                    every trial of a run, one after the other
    nas.export(source, to)                  a run, a bundle or a network as a bundle

Importing this package imports nothing of what does the work: the verbs do when they are called, and the classes, which
are those of the files below, where they are asked for. Every mistake of a user is a `nas.FixpointError`, several
together are `nas.Mistakes`, whose `errors` they are; `blocks.errors` draws the tree. `nas.SearchInterrupted` is Ctrl-C.

Reading order; each file imports only from those above it:

    study_keys    the keys of a study as keywords, for editors and for `help`
    verbs         what Python calls: search, compare, resume, status, read_trials, export
    mistakes      errors that are told together
    trials        jobs, events and the contract of executors
    recipe        how candidates are trained, as data
    fidelity      how far they are trained, as data
    objectives    what networks are judged by, and which way is better
    study_values  how the values of a study are read: times, shares, bounds, names
    lookup        what the columns of a table mean, as data
    study         all that was asked for of a search, as data
    contradictions    keys of a study that can't stand together
    study_files   studies as files, with mistakes told at their place
    evidence      whether figures show that one thing is better than another
    seeds         seeds of the parts of a run, from the one of the run
    data/         images: digits, folders, archives; the test part kept apart
    files         files that are whole or not there, and outlive a power cut
    checkpoints   trainings as files, whole or not there
    heap          memory that a training frees and takes again
    training      tensors: one network over some epochs
    latency       how long a network takes for one image
    proxies       tensors: what a network promises before it is trained
    trainer       what a worker does with a job
    records       the lines of a ledger
    fronts        Pareto fronts and their hypervolume
    ledger        the append-only file that is the truth of a run
    states        a trial as the ledger tells of it
    ends          what is kept of every trial
    history       what a ledger says, summed up
    listing       every trial of a ledger, one after the other
    halving       asynchronous successive halving with promotions, and Hyperband
    tables        tables of results, as files
    answers       what a table says of the points of a space
    samplers/     what to try next
    screening     the best of several draws, without training
    brain         decisions: proposals, stops, retries
    executors/    where trials run: inline, ray, or in a table
    manifest, parity, onnx_operators, bundle    the exported folder and its proof
    weight_files  files of safetensors and of torch
    pretrained    weights from elsewhere, recognised by their names and shapes
    finishing     the final training of the winner
    results       a run as its summary
    narrowing     hand-designed networks brought within a budget
    starts        the hand-designed networks that a search begins with
    opening       what a study names, found and checked
    optuna_storage    a run as a study of Optuna's
    driver        the loop, and what the verbs of runs do
    comparing     samplers side by side on a table, over many seeds
    exporting     export by name
    chart_labels, chart    the complexity chart of the networks that ship
    cli/          the command line
    __main__      `python -m nas`
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.verbs import compare, export, read_trials, resume, search, status

if TYPE_CHECKING:
    from blocks.errors import BudgetError, FixpointError
    from graphs import Budget, DocumentError
    from nas.comparing import Comparison
    from nas.data import DataError
    from nas.ledger import RunError
    from nas.listing import TrialRecord
    from nas.lookup import Lookup
    from nas.manifest import Bundle, ExportError
    from nas.mistakes import Mistakes
    from nas.recipe import Recipe
    from nas.results import Candidate, Result, SearchInterrupted
    from nas.study import Study, StudyError
    from nas.tables import TableError
    from nas.weight_files import WeightsError
    from search_spaces import DecisionError, NotFoundError

_WHERE = {
    "blocks.errors": ("BudgetError", "FixpointError"),
    "graphs": ("Budget", "DocumentError"),
    "nas.comparing": ("Comparison",),
    "nas.data": ("DataError",),
    "nas.ledger": ("RunError",),
    "nas.listing": ("TrialRecord",),
    "nas.lookup": ("Lookup",),
    "nas.manifest": ("Bundle", "ExportError"),
    "nas.mistakes": ("Mistakes",),
    "nas.recipe": ("Recipe",),
    "nas.results": ("Candidate", "Result", "SearchInterrupted"),
    "nas.study": ("Study", "StudyError"),
    "nas.tables": ("TableError",),
    "nas.weight_files": ("WeightsError",),
    "search_spaces": ("DecisionError", "NotFoundError"),
}

__all__ = [
    "Budget",
    "BudgetError",
    "Bundle",
    "Candidate",
    "Comparison",
    "DataError",
    "DecisionError",
    "DocumentError",
    "ExportError",
    "FixpointError",
    "Lookup",
    "Mistakes",
    "NotFoundError",
    "Recipe",
    "Result",
    "RunError",
    "SearchInterrupted",
    "Study",
    "StudyError",
    "TableError",
    "TrialRecord",
    "WeightsError",
    "compare",
    "export",
    "read_trials",
    "resume",
    "search",
    "status",
]


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")


def __dir__() -> list[str]:
    return __all__
