"""Texts as located values: the core schema of YAML 1.2, and where everything stands."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.faults import FaultList
from graphs.text import Mapping, Scalar, Sequence, Tree, parse_tree, source_of


def tree_of(text: str) -> Tree:
    faults = FaultList()
    source = source_of(text, "x.yaml", faults)
    assert source is not None
    tree = parse_tree(source, faults)
    faults.raise_if_any()
    assert tree is not None
    return tree


def data_of(tree: Tree) -> object:
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, Sequence):
        return [data_of(item) for item in tree.items]
    return {key.text: data_of(value) for key, value in tree}


def value_of(text: str) -> object:
    return data_of(tree_of(f"[{text}]").items[0])  # type: ignore[union-attr]


# YAML 1.2.2, section 10.3.2; the comment says what YAML 1.1 would have made of it.
SCALARS: list[tuple[str, object]] = [
    ("no", "no"),  # false
    ("yes", "yes"),
    ("off", "off"),
    ("on", "on"),
    ("y", "y"),
    ("true", True),
    ("True", True),
    ("FALSE", False),
    ("null", None),
    ("~", None),
    ("''", ""),
    ("010", 10),  # 8
    ("0b11", "0b11"),  # 3
    ("1_000", "1_000"),  # 1000
    ("12:30", "12:30"),  # 750
    ("1e3", 1000.0),  # a text
    ("1.5e-3", 0.0015),
    ("+.5", 0.5),
    ("1.", 1.0),
    ("-7", -7),
    ("+7", 7),
    ("2026-11-23", "2026-11-23"),  # a date
    ("'1'", "1"),
    ('"true"', "true"),
    ("1.2.3", "1.2.3"),
    ("4*w", "4*w"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text for text, _ in SCALARS])
def test_a_plain_scalar_is_that_of_yaml_1_2(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_a_number_as_a_word_is_written_as_it_was() -> None:
    scalar = tree_of("1e3")
    assert isinstance(scalar, Scalar)
    assert (scalar.value, scalar.text) == (1000.0, "1e3")


def test_everything_has_its_place() -> None:
    tree = tree_of("a: {b: [1, 'two']}\nc: |\n  text\n  more\n")
    assert isinstance(tree, Mapping)
    (a, inner), (c, block) = tree
    assert isinstance(inner, Mapping)
    ((b, items),) = inner
    assert isinstance(items, Sequence)
    marks = {
        "a": a.mark,
        "the map": inner.mark,
        "b": b.mark,
        "the list": items.mark,
        "1": items.items[0].mark,
        "two": items.items[1].mark,
        "c": c.mark,
        "the text": block.mark,
    }
    assert {name: (mark.line, mark.column, mark.end) for name, mark in marks.items()} == {
        "a": (1, 1, 2),
        "the map": (1, 4, 5),
        "b": (1, 5, 6),
        "the list": (1, 8, 9),
        "1": (1, 9, 10),
        "two": (1, 12, 17),
        "c": (2, 1, 2),
        "the text": (2, 4, 5),  # of several lines, the first
    }


def test_a_column_counts_characters_and_not_bytes() -> None:
    tree = tree_of('{"网络": é, b: 1}')
    assert isinstance(tree, Mapping)
    assert [value.mark.column for _, value in tree] == [8, 14]


def test_an_alias_stands_for_its_anchor() -> None:
    assert data_of(tree_of("a: &x [1, 2]\nb: {c: *x, d: &y 3}\ne: *y\n")) == {
        "a": [1, 2],
        "b": {"c": [1, 2], "d": 3},
        "e": 3,
    }


NUMBERS = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
# YAML has no place for control characters, and its own idea of a line's end; escaped they are fine (test_emission.py).
TEXTS = st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, JSON, min_size=1, max_size=3), st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_a_reader_of_json_does(data: dict[str, object], ascii_only: bool, indent: int | None) -> None:
    found = data_of(tree_of(json.dumps(data, ensure_ascii=ascii_only, indent=indent)))
    assert same(found, data)


def same(one: object, other: object) -> bool:
    """Equal, of equal types; floats to the last bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return type(one) is type(other) and one == other
