"""`key` of a space: what decisions spell in a table, back from there, and what is wrong with one."""

from __future__ import annotations

import pytest

import graphs
import search_spaces
from graphs import DocumentError
from graphs.keys import EXAMPLE
from search_spaces import DecisionError, Space

HEAD = """\
version: 1
name: s
params: {a: {choice: [1, 11]}, b: {choice: [1, 11]}, closed: 7}
input: {image: {map: [1, 8, 8]}}
net:
  - {conv: {out_channels: a, kernel_size: b}}
  - {name: c, choice: {skip: [], conv: {conv: {out_channels: {choice: [3, 4]}}}}}
"""
LAST = "{c}{c.conv.out_channels}"


def space_of(key: str) -> Space:
    return search_spaces.parse(f"{HEAD}key: {key}\n", "s.yaml")


SIZES = """\
version: 1
name: sizes
params: {c1: {range: [8, 64], step: 8}, c2: {range: [8, 64], step: 8}, c3: {range: [8, 64], step: 8}}
input: {image: {map: [3, 32, 32]}}
net:
  - conv: {out_channels: c1}
  - conv: {out_channels: c2}
  - conv: {out_channels: c3}
key: "{params.c1}:{params.c2}:{params.c3}"
"""

CELL = """\
version: 1
name: cell
input: {image: {map: [3, 32, 32]}}
net:
  - {name: e0, choice: &ops {none: {multiply: {factor: 0}}, skip: [], conv3: {conv: {out_channels: 3, kernel_size: 3}}}}
  - {name: e1, choice: *ops}
key:
  of: "|{e0}~0|+|{e1}~1|"
  spell: {none: none, skip: skip_connect, conv3: nor_conv_3x3}
"""


@pytest.mark.parametrize(
    ("text", "decisions", "key"),
    [
        (SIZES, {"params.c1": 64, "params.c2": 8, "params.c3": 16}, ("64:8:16",)),
        (CELL, {"e0": "conv3", "e1": "skip"}, ("|nor_conv_3x3~0|+|skip_connect~1|",)),
    ],
    ids=["numbers with a mark between", "words of another benchmark"],
)
def test_a_key_is_written_as_the_table_has_it(text: str, decisions: dict[str, object], key: tuple[str, ...]) -> None:
    space = search_spaces.parse(text)
    assert space.key(decisions) == key
    assert space.decode(key) == decisions


@pytest.mark.parametrize(
    ("key", "spelled"),
    [
        (f'"{{params.a}},{{params.b}},{LAST}"', ("11,1,conv4",)),
        (f'["{{params.a}}", "{{params.b}}/{LAST}"]', ("11", "1/conv4")),
        (f'{{of: ["{{params.a}}", "{{params.b}}{{{{{{params.closed}}}}}}", "{LAST}"]}}', ("11", "1{7}", "conv4")),
        (f'{{of: "{{params.a}},{{params.b}},{LAST}", spell: {{skip: 00, conv: 01}}}}', ("11,1,014",)),
        (f'{{of: "{{params.a}},{{params.b}},{LAST}", spell: {{params.a: {{1: x, 11: y}}}}}}', ("y,1,conv4",)),
    ],
    ids=[
        "a text",
        "a list that lacks a map",
        "columns, braces and a closed parameter",
        "leading zeros",
        "one decision",
    ],
)
def test_what_a_point_spells(key: str, spelled: tuple[str, ...]) -> None:
    decisions = {"params.a": 11, "params.b": 1, "c": "conv", "c.conv.out_channels": 4}
    assert space_of(key).key(decisions) == spelled


@pytest.mark.parametrize("absent", ["", "-"])
def test_every_key_leads_back_to_its_point_also_where_decisions_are_absent(absent: str) -> None:
    space = space_of(f'{{of: "{{params.a}},{{params.b}},{LAST}", absent: "{absent}"}}')
    points = list(space.points())
    assert len({space.key(point.decisions) for point in points}) == len(points) == 2 * 2 * 3
    assert [space.decode(space.key(point.decisions)) for point in points] == [point.decisions for point in points]


def test_a_key_that_no_point_has_is_refused() -> None:
    space = search_spaces.parse(SIZES)
    for key in ("64:8", "64:8:16:", "64:8:17", "064:8:16"):
        with pytest.raises(DecisionError, match="no point of `sizes` has the key"):
            space.decode((key,))


def test_a_space_keeps_its_key_in_its_text_and_its_networks_have_none() -> None:
    space = space_of(f'{{of: "{{params.a}},{{params.b}},{LAST}", spell: {{skip: 00, conv: 01}}}}')
    point = space.sample(1).points[0]
    assert search_spaces.parse(space.text()).key(point.decisions) == space.key(point.decisions)
    assert "key" not in point.graph.text()


def test_a_parameter_that_is_set_is_spelled_as_its_value() -> None:
    space = search_spaces.parse(SIZES, settings={"c2": 24})
    assert space.key({"params.c1": 64, "params.c3": 16}) == ("64:24:16",)


def test_a_space_without_a_key_says_what_to_do() -> None:
    with pytest.raises(DecisionError, match="does not say how its decisions spell a key") as caught:
        search_spaces.parse(HEAD).key({})
    assert "key:" in caught.value.help


@pytest.mark.parametrize(
    ("marked", "code", "message", "help"),
    [
        (
            f'"{{params.a}},«{{params.bb}},{LAST}"',
            "E108",
            "the space has no decision `params.bb`",
            "did you mean `params.b`?",
        ),
        (
            f'{{of: "{{params.a}},{{params.b}},{LAST}", spell: {{«params.bb: {{1: x}}}}}}',
            "E108",
            "the key has no decision `params.bb`",
            "did you mean `params.b`?",
        ),
        (
            f'{{of: "{{params.a}},{{params.b}},{LAST}", spell: {{skip: 0, conv: 1, «cnov: 2}}}}',
            "E108",
            "no decision of the key has the alternative `cnov`",
            "did you mean `conv`?",
        ),
        (
            f'{{of: "{{params.a}},{{params.b}},{LAST}", spell: {{skip: 0, conv: «0}}}}',
            "E109",
            "`conv` and `skip` of `c` are both spelled `0`",
            "spell one of them otherwise",
        ),
        (
            f'{{of: "{{params.a}},{{params.b}},{LAST}", spell: {{params.a: «{{1: 0}}}}}}',
            "E106",
            "`11` of `params.a` is not spelled",
            "add `11: ...` to `spell`",
        ),
        ("{of: «abc}", "E101", "the text of a key names decisions in braces, `abc` names none", EXAMPLE),
    ],
)
def test_what_is_wrong_with_a_key_is_told_at_its_place(marked: str, code: str, message: str, help: str) -> None:
    with pytest.raises(DocumentError) as caught:
        space_of(marked.replace("«", ""))
    (fault,) = caught.value.faults
    assert (fault.code, fault.mark.line, fault.mark.column) == (code, 8, len("key: ") + marked.index("«") + 1)
    assert (fault.message, fault.help) == (message, help)


@pytest.mark.parametrize("spell", ["{}", "{params.b: {1: x, 11: y}}", "{11: x, 1: y}", "{skip: 0, conv: 1}"])
def test_a_decision_that_the_key_leaves_out_is_told_at_the_key(spell: str) -> None:
    with pytest.raises(DocumentError) as caught:
        space_of(f'{{of: "{{params.a}},{LAST}", spell: {spell}}}')
    (fault,) = caught.value.faults
    assert (fault.code, fault.mark.line, fault.mark.column) == ("E110", 8, 1)
    assert fault.message == "`params.b` is open and no part of the key: points that differ there have one"
    assert fault.help == "add `{params.b}` to it, or give it one value"


def test_two_points_of_one_key_are_found() -> None:
    text = SIZES.replace(":{params.c2}:", "{params.c2}").replace("[8, 64]", "[8, 88]").replace("step: 8", "step: 80")
    with pytest.raises(DocumentError) as caught:
        search_spaces.parse(text.replace("range: [8, 88], step: 80", "choice: [8, 88]"), "s.yaml")
    (fault,) = caught.value.faults
    assert fault.code == "E109"
    assert fault.message.startswith("two points have one key: ")
    # 8 and 88 are one key with 88 and 8.
    assert fault.message.endswith("`params.c1` 8, `params.c2` 88 is that of `params.c1` 88, `params.c2` 8")


def test_texts_of_unequal_length_are_no_mistake_where_the_key_still_tells_them_apart() -> None:
    # 1 and 11, then 2: what comes first says where the second begins, although one text begins with the other.
    text = SIZES.replace("c1: {range: [8, 64], step: 8}", "c1: {choice: [1, 11]}")
    text = text.replace("c2: {range: [8, 64], step: 8}", "c2: {choice: [2, 3]}").replace(":{params.c2}", "{params.c2}")
    space = search_spaces.parse(text)
    points = [space.key(point.decisions) for point in space.points()]
    assert len(set(points)) == len(points) == 2 * 2 * 8


@pytest.mark.parametrize(("name", "is_certain"), [("nasbench201", True), ("nasbench_macro", True), ("twice", False)])
def test_where_a_decision_stands_once_and_is_never_absent_no_two_points_have_one_key(
    name: str, is_certain: bool
) -> None:
    twice = SIZES.replace("{params.c1}", "{params.c1}:{params.c1}")
    space = search_spaces.parse(twice) if name == "twice" else search_spaces.load(name)
    assert space.has_unique_keys is is_certain


def test_a_network_has_no_key() -> None:
    text = 'version: 1\ninput: {image: {map: [1, 8, 8]}}\nnet: [{relu: {}}]\nkey: "{relu}"\n'
    with pytest.raises(DocumentError) as caught:
        graphs.parse(text)
    assert [fault.code for fault in caught.value.faults] == ["E112"]
