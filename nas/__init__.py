"""The top floor: which graph is good.

    nas.search(study, ...)                  a search from beginning to end: a run in a folder, ending with a bundle
    nas.compare(study, samplers, ...)       samplers on a table of results, over many seeds
    nas.resume(run)                         brings a run to its end that was cut short
    nas.status(run)                         how a run stands, at any moment
    nas.export(source, to)                  a run, a bundle or a network as a bundle

Importing this package imports nothing of what does the work: the verbs do when they are called.

Reading order; each file imports only from those above it:

    verbs         what Python calls: search, compare, resume, status, export
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

from nas.verbs import compare, export, resume, search, status

__all__ = ["compare", "export", "resume", "search", "status"]
