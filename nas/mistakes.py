"""Errors that are told together: of several documents, or of the parts of a study that have nothing to do with each
other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from blocks.errors import FixpointError
from graphs import DocumentError

Result = TypeVar("Result")


class Mistakes(FixpointError):
    """Several errors, told together."""

    def __init__(self, errors: Iterable[FixpointError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(dict.fromkeys(map(error_text, self.errors))))
        self.args = (self.errors,)  # what pickle calls the class with


class Attempts:
    """Tasks of which each is tried, whether or not others fail; `errors` are those of the ones that did."""

    def __init__(self) -> None:
        self.errors: list[FixpointError] = []

    def result(self, task: Callable[[], Result]) -> Result | None:
        """The result of a task; None where it raised a `FixpointError`."""
        try:
            return task()
        except FixpointError as error:
            self.errors += parts_of(error)
            return None

    def raise_if_any(self) -> None:
        """Raise the one error that there is, or `Mistakes` of several."""
        if self.errors:
            raise together(self.errors)


def together(errors: Iterable[FixpointError]) -> FixpointError:
    """One error for several, of which there is at least one."""
    first, *rest = errors
    return Mistakes((first, *rest)) if rest else first


def parts_of(error: FixpointError) -> tuple[FixpointError, ...]:
    """The errors that one is made of; most are one alone."""
    return error.errors if isinstance(error, Mistakes) else (error,)


def error_text(error: FixpointError) -> str:
    """An error as people read it: the faults of a document as they are, anything else as an error."""
    return str(error) if isinstance(error, DocumentError | Mistakes) else f"error: {error}"
