"""The command line `nas`: one file a group of commands.

Exit codes: 0 fine, 1 the document or the run is at fault, 2 usage, 130 interrupted. What a user can cause ends with its
message on stderr, and with `--json` as one object on stdout; a traceback is shown only where NAS_TRACEBACK is set.

Reading order; each file imports only from those above it:

    start       the console script
    output      JSON, tables and sizes as text
    options     options that several commands have
    inputs      names and files of networks, `name=value`
    documents   networks and spaces as their documents
    budgets     budgets as flags
    studies     studies as flags
    outline     a network by address, to a depth
    counting    as other tools count
    shown       figures of trials
    progress    a search as it goes on, in lines
    live        a search as it goes on, on a terminal
    watching    a run that another process drives
    networks    nas show
    checking    nas check
    difference  nas diff
    drawing     nas draw
    zoo         nas zoo list, show, plot
    spaces      nas space show, size, count, sample, neighbours, lint
    kinship     nas space locate, kin
    schema      nas schema
    exports     nas export
    comparisons  nas search --seeds
    runs        nas search, resume, status
    commands    all of them by name, imported when they are asked for
    entry       the application, and what becomes of errors

Nothing here imports torch, optuna, ray or rich before a command needs it.
"""

from nas.cli.start import main

__all__ = ["main"]
