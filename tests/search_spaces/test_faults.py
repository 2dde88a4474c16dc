"""Mistakes in a space are located, whichever alternative they stand in."""

from __future__ import annotations

import pytest

import graphs
import search_spaces
from graphs import DocumentError
from graphs.document import hole_alternatives

HEAD = "version: 1\nname: s\ninput: {image: {map: [1, 8, 8]}}\nnet:\n"


@pytest.mark.parametrize(
    ("net", "found"),
    [
        ("  - {name: a, choice: {x: {conv: {out_channel: 4}}, y: {relu: {}}}}", ("E104", 5, 35)),
        ("  - {name: a, choice: {x: {cnov: {}}, y: [{relu: {}}]}}", ("E103", 5, 28)),
        ("  - {name: a, choice: {x: [{relu: {}}, {from: q, relu: {}}], y: {relu: {}}}}", ("E108", 5, 47)),
        ("  - {name: a, choice: {}}", ("E101", 5, 15)),
        ("  - {conv: {out_channels: {choice: []}}}", ("E101", 5, 27)),
        ("  - {conv: {out_channels: {choice: [4, 4]}}}", ("E109", 5, 40)),
        ("  - {conv: {out_channels: {range: [8, 4]}}}", ("E101", 5, 27)),
        ("  - {conv: {out_channels: {range: [1, 20000]}}}", ("E401", 5, 27)),
        ("  - {conv: {out_channels: {range: [4, 8], setp: 2}}}", ("E102", 5, 43)),
        ("  - {conv: {out_channels: {choice: [4, 8], prior: [1]}}}", ("E101", 5, 51)),
        ("  - {conv: {out_channels: {choice: [4, 8], prior: [1, 0]}}}", ("E106", 5, 55)),
        ("  - {conv: {out_channels: {choice: [4, 8], pryor: [1, 2]}}}", ("E102", 5, 44)),
        ("  - {relu: {}, prior: {x: 2}}", ("E102", 5, 16)),
        ("  - {choice: {x: {relu: {}}, y: {tanh: {}}}, prior: {z: 2}}", ("E102", 5, 54)),
        ("  - {choice: {x: {relu: {}}, y: {tanh: {}}}, prior: {x: 1.5}}", ("E106", 5, 57)),
        ("  - {name: a, relu: {}}\n  - {from: {choice: [a, b]}, relu: {}}", ("E108", 6, 25)),
        ("  - {name: a, relu: {}}\n  - {from: {choice: [a, a]}, relu: {}}", ("E109", 6, 25)),
        ("  - {name: a, relu: {}}\n  - {from: {choice: [a, 3]}, relu: {}}", ("E101", 6, 12)),
        ("  - {name: a, from: {choice: [in, a]}, relu: {}}", ("E302", 5, 35)),
        ("  - {repeat: {choice: [1, 2]}, conv: {out_channels: 4*w}}", ("E108", 5, 55)),
        ("  - {repeat: {choice: [1, -2]}, conv: {out_channels: 4}}", ("E106", 5, 27)),
        ("  - {repeat: {choice: [1, 1.5]}, conv: {out_channels: 4}}", ("E106", 5, 27)),
        ("  - {conv: {out_channels: {choice: [4, four]}}}", ("E108", 5, 40)),
        ("  - {conv: {out_channels: {choice: [4, true]}}}", ("E106", 5, 40)),
        ("  - {conv: {out_channels: {choice: [4, 4 * 0.3]}}}", ("E106", 5, 40)),
        ("  - {conv: {out_channels: {choice: [4, [4, 8]]}}}", ("E106", 5, 40)),
        ("  - {conv: {out_channels: 4, activation: {choice: [relu, rleu]}}}", ("E106", 5, 58)),
        ("  - {repeat: 2, first: {stride: {choice: [1, two]}}, conv: {out_channels: 4}}", ("E108", 5, 46)),
        ("  - {conv: {out_channels: 4, kernel_size: {choice: [1, 4, 5]}}}", ("E206", 5, 56)),
        # An even kernel has no middle, whatever else is open, and in whichever branch.
        ("  - {conv: {out_channels: {choice: [4, 8]}, kernel_size: {choice: [1, 2, 3]}}}", ("E206", 5, 71)),
        ("  - {choice: {x: {conv: {out_channels: {choice: [4, 8]}, kernel_size: 2}}, y: []}}", ("E206", 5, 71)),
        (
            "  - {conv2d: {out_channels: 4, kernel_size: 2, padding: auto, bias: {choice: [true, false]}}}",
            ("E206", 5, 45),
        ),
        # Out of bounds: of a primitive, and of a shipped block, whatever its other arguments are.
        ("  - {conv2d: {out_channels: {choice: [4, -4]}, kernel_size: {choice: [1, 3]}}}", ("E106", 5, 42)),
        ("  - {conv: {out_channels: {choice: [4, -4]}, kernel_size: {choice: [1, 3]}}}", ("E106", 5, 40)),
        ("  - {residual_basic: {out_channels: {range: [0, 8]}, stride: {choice: [1, 2]}}}", ("E106", 5, 45)),
        ("  - {dropout: {p: {choice: [0.5, 1.5]}}}", ("E106", 5, 34)),
        ("  - {choice: {x: {relu: {}}, y: {dropout: {p: {choice: [0.5, 1.5]}}}}}", ("E106", 5, 62)),
    ],
)
def test_a_fault_inside_a_hole_is_located(net: str, found: tuple[str, int, int]) -> None:
    with pytest.raises(DocumentError) as caught:
        search_spaces.parse(HEAD + net + "\n", "s.yaml")
    faults = caught.value.faults
    assert [(fault.code, fault.mark.line, fault.mark.column) for fault in faults] == [found]


@pytest.mark.parametrize(
    ("before", "net", "column"),
    [
        ("params: {w: {choice: [4, four]}}", "  - {conv: {out_channels: w}}", 26),
        ("params: {a: {choice: [relu, rleu]}}\ndefaults: {conv: {activation: a}}", "  - {conv: {out_channels: 4}}", 29),
        ("params: {d: {choice: [1, often]}}", "  - {repeat: d, conv: {out_channels: 4}}", 26),
    ],
)
def test_an_alternative_of_a_parameter_that_its_reader_never_takes_is_refused(
    before: str, net: str, column: int
) -> None:
    with pytest.raises(DocumentError) as caught:
        search_spaces.parse(HEAD.replace("net:", f"{before}\nnet:") + net + "\n", "s.yaml")
    [fault] = caught.value.faults
    assert (fault.code, fault.mark.line, fault.mark.column) == ("E106", 4, column)
    assert fault.notes
    assert fault.notes[0].startswith("it is read at s.yaml:")


@pytest.mark.parametrize(
    ("before", "net"),
    [
        # A step that is not done with the odd alternative, and a condition that rules it out.
        ("params: {p: {choice: [none, 2]}}", "  - {when: p != 'none', max_pool2d: {kernel_size: p}}"),
        ("params: {p: {choice: [none, 2]}}", "  - {when: p != 'none', sequential: [max_pool2d: {kernel_size: p}]}"),
        ("params: {p: {choice: [9, 2, x]}}\nwhere: [p == 2]", "  - {max_pool2d: {kernel_size: p}}"),
        ("params: {p: {choice: [auto, 1]}}", "  - {conv: {out_channels: 4, kernel_size: 4, padding: p}}"),
        # 0 turns squeeze-and-excitation off: the steps that would divide by it are not done.
        ("params: {w: 4}", "  - {residual_basic: {out_channels: w, se_reduction: {choice: [0, 4]}}}"),
        ("params: {w: {choice: [4, 8]}}", "  - {conv: {out_channels: {choice: [w, 2*w, 4]}}}"),
        # An even kernel needs another padding than the usual, which is open here.
        (
            "params: {w: 4}",
            "  - {conv: {out_channels: w, kernel_size: {choice: [3, 4]}, padding: {choice: [auto, 1]}}}",
        ),
        ("params: {w: {choice: [4, 8]}}", "  - {max_pool2d: {kernel_size: 2, padding: {choice: [0, [1, 0]]}}}"),
    ],
)
def test_an_alternative_that_some_network_has_is_taken(before: str, net: str) -> None:
    search_spaces.parse(HEAD.replace("net:", f"{before}\nnet:") + net + "\n", "s.yaml")


@pytest.mark.parametrize(
    ("before", "net", "address", "other", "place"),
    [
        (
            "blocks: {b: {params: {w: int}, body: [{name: w, choice: {x: {relu: {}}, y: {tanh: {}}}}]}}",
            "  - {name: s, b: {w: {choice: [1, 2]}}}",
            "s.w",
            (4, 49),
            (6, 22),
        ),
        (
            "params: {p: {choice: [0.1, 0.2]}}",
            "  - {name: params, dropout: {p: {choice: [0.3, 0.4]}}}",
            "params.p",
            (4, 13),
            (6, 33),
        ),
        (
            "blocks: {b: {params: {repeat: int}, body: [{repeat: repeat, relu: {}}]}}",
            "  - {name: s, repeat: {choice: [1, 2]}, b: {repeat: {choice: [3, 4]}}}",
            "s.repeat",
            (6, 23),
            (6, 53),
        ),
    ],
)
def test_two_decisions_of_one_address_are_refused_where_they_stand(
    before: str, net: str, address: str, other: tuple[int, int], place: tuple[int, int]
) -> None:
    with pytest.raises(DocumentError, match=f"2 decisions have the address `{address}`") as caught:
        search_spaces.parse(HEAD.replace("net:", f"{before}\nnet:") + net + "\n", "s.yaml")
    [fault] = caught.value.faults
    assert (fault.mark.line, fault.mark.column) == place
    assert fault.notes == (f"the choice at s.yaml:{other[0]}:{other[1]} has it as well",)


def test_a_range_of_too_many_numbers_says_how_many_they_are() -> None:
    with pytest.raises(DocumentError, match="this leaves 20,000 numbers to choose from, at most 10,000 are possible"):
        search_spaces.parse(HEAD + "  - {conv: {out_channels: {range: [1, 20000]}}}\n")
    assert len(search_spaces.parse(HEAD + "  - {conv: {out_channels: {range: [1, 20000], step: 2}}}\n").decisions) == 1


@pytest.mark.parametrize(
    ("hole", "place", "help"),
    [
        ("{range: «[0.1, 0.5]}", "a range goes from one integer to another", "list other numbers: {choice: [0.1"),
        ("{range: [0.1, 0.5], step: «0.1}", "the step of a range is an integer", "list other numbers: {choice: [0.1"),
        ("{range: [0, 1], step: «0.5}", "the step of a range is an integer", "list other numbers: {choice: [0.1"),
        ("{range: «[0 3]}", "a range goes from one integer to another", "range: [0, 3]"),
        ("{range: «0-3}", "a range goes from one integer to another", "range: [0, 3]"),
        ("{range: «[2, 14, 4]}", "a range goes from one integer to another", "{range: [2, 14], step: 4}"),
        ("{range: «[2, 14, 4], step: 4}", "a range goes from one integer to another", "{range: [2, 14], step: 4}"),
        ("{range: «[8, 16, 32]}", "a range goes from one integer to another", "{choice: [8, 16, 32]}"),
        ("{range: «[2, 4, 6, 8]}", "a range goes from one integer to another", "{choice: [2, 4, 6, 8]}"),
        ("{range: «[2, 14, true]}", "a range goes from one integer to another", "range: [0, 3]"),
        ("{range: «[2]}", "a range goes from one integer to another", "range: [0, 3]"),
        ("«{range: [3, 0]}", "this leaves nothing to choose from", "low to high"),
    ],
)
def test_a_range_that_is_none_says_what_one_is(hole: str, place: str, help: str) -> None:
    net = f"  - {{dropout: {{p: {hole}}}}}"
    with pytest.raises(DocumentError, match=place) as caught:
        search_spaces.parse(HEAD + net.replace("«", "") + "\n")
    [fault] = caught.value.faults
    assert (fault.mark.line, fault.mark.column) == (5, net.index("«") + 1)
    assert help in fault.help


def test_a_misspelled_choice_of_blocks_is_one_fault_at_its_key() -> None:
    net = "  - {repeat: {range: [1, 3]}, chioce: {x: {conv: {out_channels: {choice: [4, 8]}}}, y: {relu: {}}}}"
    with pytest.raises(DocumentError) as caught:
        search_spaces.parse(HEAD + net + "\n")
    [fault] = caught.value.faults
    assert (fault.code, fault.mark.column, fault.help) == ("E102", 31, "did you mean `choice`?")


@pytest.mark.parametrize(
    ("param", "help"),
    [("{chioce: [4, 8]}", "did you mean `choice`?"), ("{tpye: int, default: 4}", "did you mean `type`?")],
)
def test_a_misspelled_key_of_a_parameter_is_one_fault(param: str, help: str) -> None:
    text = HEAD.replace("net:", f"params: {{w: {param}}}\nnet:") + "  - conv: {out_channels: w}\n  - relu: {}\n"
    with pytest.raises(DocumentError) as caught:
        search_spaces.parse(text)
    assert [(fault.code, fault.help) for fault in caught.value.faults] == [("E102", help)]


def test_the_numbers_of_a_range_are_made_once() -> None:
    (step,) = search_spaces.parse(HEAD + "  - {repeat: {range: [0, 5000]}, relu: {}}\n").document.body
    assert hole_alternatives(step.repeat) is hole_alternatives(step.repeat)


def test_a_choice_in_the_params_of_a_block_is_refused() -> None:
    text = (
        HEAD.replace("net:", "blocks: {b: {params: {w: {choice: [1, 2]}}, body: [{relu: {}}]}}\nnet:") + "  - b: {}\n"
    )
    with pytest.raises(DocumentError, match="a choice has no place in the params of a block"):
        search_spaces.parse(text)


def test_a_choice_in_a_network_is_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(HEAD + "  - {conv: {out_channels: {choice: [4, 8]}}}\n", "s.yaml")
    assert [fault.code for fault in caught.value.faults] == ["E112"]


def test_a_point_that_is_no_legal_network_is_never_drawn() -> None:
    # A window of 9 does not fit on a map of 8: half of the points are illegal.
    space = search_spaces.parse(HEAD + "  - {max_pool2d: {kernel_size: {choice: [2, 9]}}}\n")
    sampled = space.sample(20)
    assert all(point.decisions == {"max_pool2d.kernel_size": 2} for point in sampled.points)
    assert 0.2 < sampled.acceptance < 0.8


LARGE = (
    "version: 1\nname: s\nparams: {c: 3, size: 32, w: {choice: [8, 16]}}\n"
    "input: {image: {map: @}}\nnet:\n"
    "  - {name: body, repeat: {range: [0, 40]}, decide: each, conv: {out_channels: w, kernel_size: {choice: [1, 3]}}}\n"
    "  - global_avg_pool: {}\n  - linear: {out_features: 3}\n"
)


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ("[c, size, sise]", ("E108", 32, "no `sise` is known here")),
        ("[c, size]", ("E101", 22, "the input `image` has 3 sizes")),
        ("[c, 0, size]", ("E106", 26, "a size of an input is 1 to 65,536, got 0")),
        ("[c, {choice: [16, 32]}, size]", ("E101", 26, "a size of an input can't be a choice")),
        ("{choice: [[c, 8, 8], [c, 16, 16]]}", ("E101", 22, "a size of an input can't be a choice")),
    ],
)
@pytest.mark.parametrize("text", [LARGE, LARGE.replace("[0, 40]", "[0, 1]")], ids=["large", "small"])
def test_a_fault_of_the_input_is_told_when_a_space_is_read(text: str, sizes: str, found: tuple[str, int, str]) -> None:
    with pytest.raises(DocumentError) as caught:
        search_spaces.parse(text.replace("@", sizes))
    [fault] = caught.value.faults
    assert (fault.code, fault.mark.line, fault.mark.column) == (found[0], 4, found[1])
    assert found[2] in fault.message


def test_an_alternative_that_is_no_size_of_an_input_is_told_where_it_stands() -> None:
    text = LARGE.replace("@", "[c, size, size]").replace("size: 32", "size: {choice: [16, 0]}")
    with pytest.raises(DocumentError, match="a size of an input is 1 to 65,536, and `size` may be `0`") as caught:
        search_spaces.parse(text)
    [fault] = caught.value.faults
    assert (fault.code, fault.mark.line, fault.mark.column) == ("E106", 3, 36)


@pytest.mark.parametrize(
    ("before", "step", "place"),
    [
        ("", "conv: {out_channels: 4, kernel_size: [3, «{choice: [1, 3]}]}", "`kernel_size`"),
        ("defaults: {conv: {norm: «{choice: [batch, none]}}}\n", "conv: {out_channels: 4}", "`norm`"),
    ],
)
def test_a_choice_where_none_may_stand_is_told_with_the_way_out(before: str, step: str, place: str) -> None:
    text = f"{HEAD.replace('net:', f'{before}net:')}  - {step}\n"
    with pytest.raises(DocumentError, match=f"{place} can't be a choice here") as caught:
        search_spaces.parse(text.replace("«", ""))
    [fault] = caught.value.faults
    lines = text.partition("«")[0].split("\n")
    assert (fault.code, fault.mark.line, fault.mark.column) == ("E101", len(lines), len(lines[-1]) + 1)
    assert fault.help == "leave a parameter of the document open, and write its name here"


def test_sizes_that_no_decisions_make_legal_are_told_by_the_first_draw() -> None:
    space = search_spaces.parse(LARGE.replace("@", "[c, w - 16, size]"))
    with pytest.raises(DocumentError, match="a size of an input is 1 to 65,536, got"):
        space.sample(1)
    assert search_spaces.parse(LARGE.replace("@", "[c, w - 8, size]")).sample(1).points
