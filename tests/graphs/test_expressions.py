"""The little language of numeric fields: what its texts are worth, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.expressions import MAX_LENGTH, MAX_MAGNITUDE, ExpressionError, Value, parse_expression, round_to

NAMES: dict[str, Value | tuple[int, ...]] = {
    "w": 24,
    "half": 0.5,
    "norm": "batch",
    "bias": True,
    "kernel": (3, 5),
    "in.channels": 64,
    "like.stride": 4,
}

VALUES = [
    ("7", 7),
    ("2.5", 2.5),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("7 - 2 - 1", 4),  # from the left: (7 - 2) - 1
    ("24 // 5", 4),
    ("-7 // 2", -4),  # rounds down, as Python does
    ("24 % 5", 4),
    ("2 * 7 // 4", 3),  # from the left: 14 // 4
    ("- - 3", 3),
    ("-w + 1", -23),
    ("4*w", 96),
    ("half*w", 12.0),
    ("in.channels // 16", 4),
    ("like.stride * 2", 8),
    ("w > 3", True),
    ("w >= 24 and w <= 24", True),
    ("w < 24 or w != 24", False),
    ("not w == 24", False),
    ("not not bias", True),
    ("norm == 'batch'", True),
    ("norm != 'none'", True),
    ("norm == 'and'", False),
    ("1 > 2 or 2 > 1 and 1 > 0", True),  # `and` binds tighter
    ("min(3, w, 1)", 1),
    ("max(3, w)", 24),
    ("max(1, in.channels // 128)", 1),
    ("round_to(1.2*w, 8)", 32),  # 28.8 lies between 24 and 32
    ("round_to(w, 5) + 1", 26),
    ("ceil(1.1*w)", 27),  # 26.4
    ("ceil(w)", 24),
    ("ceil(-half)", 0),
    ("\t w\n ", 24),
    ("w-1", 23),
    ("2*kernel", (6, 10)),  # height and width on their own
    ("kernel // 2", (1, 2)),
    ("like.stride // (kernel - 1)", (2, 1)),  # 4 // 2, 4 // 4
    ("kernel * kernel", (9, 25)),
    ("-kernel", (-3, -5)),
    ("kernel == 3", False),
    ("kernel == 2*kernel - kernel", True),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text.strip() for text, _ in VALUES])
def test_an_expression_has_its_value(text: str, value: Value) -> None:
    found = parse_expression(text).evaluate(NAMES)
    assert found == value
    assert type(found) is type(value)


REFUSALS = [
    ("", "ends too early"),
    ("1 +", "ends too early"),
    ("(1", "ends too early"),
    ("(1 2", r"a `\)` is missing"),
    ("1 2", "`2` is not expected here"),
    ("w w", "`w` is not expected here"),
    (")", r"`\)` is not expected here"),
    ("* 2", r"`\*` is not expected here"),
    ("and", "`and` is not expected here"),
    ("w/2", "`//` divides and rounds down"),
    ("2**3", "there is no power"),
    ("w = 3", "`==` compares"),
    ("w & 3", "write `and`"),
    ("w | 3", "write `or`"),
    ("!w", "write `not`"),
    ('norm == "batch"', "a word is quoted by ' '"),
    ("norm == 'batch", "is no part of an expression"),
    ("w[0]", r"`\[0\]` is no part"),
    ("w; 1", "`; 1` is no part"),
    ("w.__class__.__name__()", "is not a function"),
    ("lambda: 1", "is no part of an expression"),
    ("__import__('os')", "`__import__` is not a function"),
    ("eval('1')", "`eval` is not a function"),
    ("w if w else 1", "`if` is not expected here"),
    ("1 < 2 < 3", "comparisons do not chain"),
    ("min(1)", "`min` takes two or more numbers"),
    ("round_to(1, 2, 3)", "`round_to` takes 2 numbers"),
    ("ceil(1, 2)", "`ceil` takes one number"),
    ("round(1)", "`round` is not a function: there are min, max, round_to and ceil"),
    ("min(1, 2", "ends too early"),
    ("1" + "+1" * 100, f"at most {MAX_LENGTH} characters"),
    ("(" * 17 + "1" + ")" * 17, "nests at most 16 deep"),
    ("-" * 17 + "1", "nests at most 16 deep"),
    ("not " * 17 + "bias", "nests at most 16 deep"),
    ("9999999999999999999", r"larger than 2\^53"),
    ("1e400", r"larger than 2\^53"),
    ("é", "is no part of an expression"),
    ("١", "is no part of an expression"),  # a digit of Arabic
]


@pytest.mark.parametrize(("text", "message"), REFUSALS, ids=[text[:20] for text, _ in REFUSALS])
def test_what_is_no_expression_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse_expression(text)


WORTHLESS = [
    ("1 // 0", "division by zero"),
    ("1 % (w - 24)", "division by zero"),
    ("1 // 0.0", "division by zero"),
    ("norm + 1", "'batch' is not a number"),
    ("norm < 'z'", "'batch' is not a number"),
    ("bias + 1", "True is not a number"),
    ("-norm", "'batch' is not a number"),
    ("not w", "24 is neither true nor false"),
    ("w and bias", "24 is neither true nor false"),
    ("kernel > 3", r"\[3, 5\] is a pair"),
    ("min(kernel, 3)", r"\[3, 5\] is a pair"),
    ("round_to(kernel, 8)", r"\[3, 5\] is a pair"),
    ("kernel and bias", r"\(3, 5\) is neither true nor false"),
    ("kernel + norm", "'batch' is not a number"),
    ("w // (kernel - 3)", "division by zero"),
    ("round_to(w, 0)", "a number and a positive integer"),
    ("round_to(w, 2.0)", "a number and a positive integer"),
    ("min(norm, 1)", "'batch' is not a number"),
    ("ceil(norm)", "'batch' is not a number"),
    ("9007199254740992 + 1", r"larger than 2\^53"),
    ("99999999 * 99999999 * 99999999", r"larger than 2\^53"),
    ("1 // 1e-300", r"larger than 2\^53"),
]


@pytest.mark.parametrize(("text", "message"), WORTHLESS, ids=[text for text, _ in WORTHLESS])
def test_what_has_no_value_is_refused(text: str, message: str) -> None:
    expression = parse_expression(text)
    with pytest.raises(ExpressionError, match=message):
        expression.evaluate(NAMES)


def test_an_expression_knows_the_names_that_it_reads() -> None:
    assert parse_expression("max(w, in.channels) > 2*w and norm == 'other'").names == {"w", "in.channels", "norm"}


def test_the_second_half_of_a_condition_is_not_evaluated_where_the_first_decides() -> None:
    assert parse_expression("1 > 2 and 1 // 0 > 1").evaluate({}) is False
    assert parse_expression("2 > 1 or 1 // 0 > 1").evaluate({}) is True


# The reference: torchvision/models/_utils.py, `_make_divisible`, which MobileNetV2 took over from TensorFlow's code.
@pytest.mark.parametrize(
    ("value", "divisor", "rounded"),
    [
        (32 * 0.75, 8, 24),
        (16 * 1.4, 8, 24),  # 22.4
        (24 * 0.35, 8, 8),  # 8.4 to 8, which is more than nine tenths
        (24 * 0.5, 8, 16),  # 12 lies in the middle, and goes up
        (11, 8, 16),  # 8 would be less than nine tenths
        (3, 8, 8),
        (1280 * 1.4, 8, 1792),
    ],
)
def test_round_to_is_make_divisible_of_mobilenet(value: float, divisor: int, rounded: int) -> None:
    assert round_to(value, divisor) == rounded


NUMBERS = st.integers(0, 50).map(str)
ANY = st.recursive(
    NUMBERS,
    lambda inner: st.builds(
        lambda left, sign, right: f"({left}{sign}{right})", inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner
    ),
    max_leaves=8,
)


@given(ANY)
def test_arithmetic_is_that_of_python(text: str) -> None:
    try:
        expected = eval(text, {"__builtins__": {}})  # noqa: S307
    except ZeroDivisionError:
        expected = None
    if expected is None or abs(expected) > MAX_MAGNITUDE:
        with pytest.raises(ExpressionError):
            parse_expression(text).evaluate({})
    else:
        assert parse_expression(text).evaluate({}) == expected
