"""The error tree. Everything that a user can cause is a `FixpointError`; `assert` is for our own invariants.

    FixpointError
    ├── RuleError          a block refuses its inputs or its arguments          blocks
    ├── BlockError         a block of another package that breaks the contract  blocks
    ├── DocumentError      the located faults of a document                     graphs
    ├── DecisionError      decisions that are no point of a space               search_spaces
    ├── NotInSpaceError    a network that is no point of a space                search_spaces
    ├── NotFoundError      a name that no network or space has                  search_spaces
    ├── ModeError          a network compiled for something else                graphs
    ├── BudgetError        a budget that is malformed or that nothing fits      graphs, search_spaces
    ├── DataError          images that cannot be read                           nas
    ├── StudyError         keys of a study that are wrong or contradictory      nas
    ├── RunError           a run folder that is missing, damaged or in use      nas
    ├── TableError         a table of results that can't be read or used        nas
    ├── RayError           a cluster that does not start or cannot be reached   nas
    ├── StorageError       an Optuna storage that can't be opened or written    nas
    ├── WeightsError       weights that are damaged or of another network      nas
    ├── SchemaError        a schema that can't be written                       nas
    ├── DrawingError       a picture that can't be written                      nas
    ├── Mistakes           several errors, told together                       nas
    └── ExportError        a bundle whose parity fails or that can't be written nas

The last column is the floor that raises it.
"""

from __future__ import annotations


class FixpointError(Exception):
    """The root of all errors that name a user's mistake.

    `message` is one sentence in lower case without a full stop; `help` says what to do about it.
    """

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.help}" if self.help else self.message


class RuleError(FixpointError):
    """A block refuses its inputs or its arguments.

    `kind` is the slug of a fault (`type-mismatch`, `empty-map`, ...: `graphs.faults` gives each its code), `argument`
    the argument at fault, where there is one.
    """

    def __init__(self, kind: str, message: str, *, help: str = "", argument: str | None = None) -> None:
        super().__init__(message, help=help)
        self.args = (kind, message)  # what pickle calls the class with, on the way from a worker to its driver
        self.kind = kind
        self.argument = argument


class BudgetError(FixpointError):
    """A budget that cannot be read, contradicts itself, or that no network of the space fits.

    `bound` is the one at fault, as `max_params`, where there is one.
    """

    def __init__(self, message: str, *, help: str = "", bound: str = "") -> None:
        super().__init__(message, help=help)
        self.bound = bound
