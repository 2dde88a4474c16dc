"""Types, and errors as text."""

from __future__ import annotations

import pytest

from blocks import FixpointError, Map, Type, Vector
from blocks.errors import RuleError
from blocks.types import num_bytes


@pytest.mark.parametrize(
    ("type_", "text", "shape", "elements", "size"),
    [
        (Map(3, 4, 5), "map[3, 4, 5], stride 1", (3, 4, 5), 60, 240),
        (Map(3, 4, 5, (2, 2)), "map[3, 4, 5], stride 2", (3, 4, 5), 60, 240),
        (Map(1, 2, 2, (4, 1), "float16"), "map[1, 2, 2], stride 4x1", (1, 2, 2), 4, 8),
        (Vector(7), "vector[7]", (7,), 7, 28),
        (Vector(7, "bfloat16"), "vector[7]", (7,), 7, 14),
    ],
    ids=str,
)
def test_a_type_knows_its_size(type_: Type, text: str, shape: tuple[int, ...], elements: int, size: int) -> None:
    assert (str(type_), type_.shape, type_.elements, num_bytes(type_)) == (text, shape, elements, size)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FixpointError("it is broken"), "it is broken"),
        (FixpointError("it is broken", help="mend it"), "it is broken\n  help: mend it"),
        (RuleError("arity", "it is broken", help="mend it"), "it is broken\n  help: mend it"),
    ],
    ids=["bare", "with help", "of a rule"],
)
def test_an_error_says_what_is_wrong_and_then_what_to_do(error: FixpointError, text: str) -> None:
    assert str(error) == text
