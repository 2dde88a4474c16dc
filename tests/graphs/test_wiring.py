"""Names, order and scopes of steps; settings; what a document means beyond its types."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphs
from graphs import DocumentError, Graph
from graphs.fragments import forget, is_closed
from tests.graphs.wrong_documents import HEAD


def parse(net: str, before: str = "", **settings: int | str) -> Graph:
    return graphs.parse(HEAD + before + "net:\n" + net, settings=settings)


def addresses(graph: Graph) -> list[str]:
    return [node.address for node in graph.nodes]


def test_a_dead_block_is_at_fault_whether_it_was_expanded_before_or_not() -> None:
    net = """\
  - name: s
    sequential:
      - {name: a, conv: {out_channels: 7, kernel_size: 3}}
      - {name: b, from: in, relu: {}}
      - {from: b, tanh: {}}
"""
    forget()
    for _ in range(2):
        with pytest.raises(DocumentError, match=r"nothing reads `s\.a`"):
            parse(net)


def reads(graph: Graph) -> dict[str, list[str]]:
    return {node.address: [graph.address(source) for source in node.sources] for node in graph.nodes}


def test_a_step_without_a_name_has_that_of_its_block_and_a_number_where_there_are_several() -> None:
    net = "  - relu: {}\n  - tanh: {}\n  - relu: {}\n  - {name: relu1, sigmoid: {}}\n  - silu: {}\n"
    assert addresses(parse(net)) == ["relu2", "tanh", "relu3", "relu1", "silu"]


def test_numbered_names_do_not_meet_the_names_of_other_blocks() -> None:
    net = "  - relu: {}\n" * 6 + "  - relu6: {}\n"
    assert addresses(parse(net)) == ["relu1", "relu2", "relu3", "relu4", "relu5", "relu6", "relu61"]


def test_an_unnamed_step_leaves_the_name_of_an_input_alone() -> None:
    graph = graphs.parse("version: 1\ninput: {relu: {map: [3, 8, 8]}}\nnet: [{relu: {}}]\n")
    assert addresses(graph) == ["relu1"]


def test_addresses_show_groups_branches_repetitions_and_blocks() -> None:
    net = (
        "  - {name: stage, repeat: 2, sequential: [{conv: {out_channels: 3}}]}\n"
        "  - {join: add, parallel: {left: [{relu: {}}], right: []}}\n"
    )
    found = addresses(parse(net))
    assert found[:3] == ["stage.0.conv.conv", "stage.0.conv.norm", "stage.0.conv.act.relu"]
    assert found[6:] == ["parallel.left.relu", "parallel.add"]


def test_a_step_may_read_a_later_one() -> None:
    net = (
        "  - {name: end, from: [b, a], add: {}}\n  - {name: a, from: in, relu: {}}\n  - {name: b, from: in, tanh: {}}\n"
    )
    graph = parse(net + "output: {y: end}\n")
    assert reads(graph) == {"b": ["image"], "a": ["image"], "end": ["b", "a"]}


def test_without_outputs_the_last_step_of_the_text_is_the_output() -> None:
    graph = parse("  - {name: a, relu: {}}\n  - {name: b, tanh: {}}\n")
    assert {name: graph.address(value) for name, value in graph.outputs.items()} == {"b": "b"}


def test_first_changes_arguments_of_the_first_repetition_alone() -> None:
    graph = parse("  - {repeat: 3, first: {stride: 2, kernel_size: 1}, conv: {out_channels: 4, kernel_size: 3}}\n")
    convolutions = [node.block for node in graph.nodes if node.block.key == "conv2d"]
    assert [(block.stride, block.kernel_size) for block in convolutions] == [(2, 1), (1, 3), (1, 3)]  # type: ignore[attr-defined]


def test_a_step_repeated_zero_times_is_its_input() -> None:
    assert reads(parse("  - {repeat: 0, relu: {}}\n  - tanh: {}\n")) == {"tanh": ["image"]}


def test_a_step_whose_condition_is_false_is_its_input() -> None:
    net = "  - {name: a, relu: {}}\n  - {name: b, when: w > 3, tanh: {}}\n  - {from: [a, b], add: {}}\n"
    assert reads(parse(net, "params: {w: 3}\n"))["add"] == ["a", "a"]
    assert reads(parse(net, "params: {w: 3}\n", w=4))["add"] == ["a", "b"]


def test_a_step_of_several_inputs_whose_condition_is_false_is_the_first_of_them() -> None:
    net = "  - {name: a, relu: {}}\n  - {name: b, from: [a, in], when: w > 3, add: {}}\n  - tanh: {}\n"
    assert reads(parse(net, "params: {w: 3}\n")) == {"a": ["image"], "tanh": ["a"]}
    assert reads(parse(net, "params: {w: 4}\n"))["tanh"] == ["b"]


def test_a_default_of_a_block_may_read_its_input_and_the_parameters_before_it() -> None:
    params = "{k: 2, mid: {type: int, default: k*in.channels}}"
    cell = f"{{params: {params}, body: [{{conv2d: {{out_channels: mid, kernel_size: 1}}}}]}}"
    net = "  - cell: {}\n  - cell: {k: 3}\n  - cell: {mid: 5}\n"
    graph = parse(net, f"blocks:\n  cell: {cell}\n")
    assert [node.type.shape[0] for node in graph.nodes] == [6, 18, 5]


PAIR = "{params: {other: node}, body: [{name: left, from: other, relu: {}}, {from: [left, in], add: {}}]}"


def test_a_block_reads_the_steps_that_it_is_given() -> None:
    net = "  - {name: a, relu: {}}\n  - {name: b, tanh: {}}\n  - {name: c, pair: {other: a}}\n"
    graph = parse(net, f"blocks:\n  pair: {PAIR}\n")
    assert reads(graph) == {"a": ["image"], "b": ["a"], "c.left": ["a"], "c.add": ["c.left", "b"]}


@pytest.mark.parametrize(("other", "closed"), [("a", False), ("b", True)])
def test_an_expansion_is_remembered_only_if_it_reads_nothing_but_its_input(other: str, closed: bool) -> None:
    net = f"  - {{name: a, relu: {{}}}}\n  - {{name: b, tanh: {{}}}}\n  - {{name: c, pair: {{other: {other}}}}}\n"
    graph = parse(net, f"blocks:\n  pair: {PAIR}\n")
    b, left, add = 2, 3, 4  # values: the image, and what each node gives
    assert [graph.address(value) for value in range(1, 5)] == ["a", "b", "c.left", "c.add"]
    assert is_closed(list(graph.nodes[b:]), left, b, add) is closed


def test_a_block_passes_on_what_it_is_given() -> None:
    outer = "{params: {one: node}, body: [{pair: {other: one}}]}"
    net = "  - {name: a, relu: {}}\n  - {name: b, tanh: {}}\n  - {name: c, outer: {one: a}}\n"
    graph = parse(net, f"blocks:\n  pair: {PAIR}\n  outer: {outer}\n")
    assert reads(graph)["c.pair.left"] == ["a"]


def test_before_is_what_the_step_before_read_and_in_a_repetition_the_one_before() -> None:
    net = (
        "  - {name: a, relu: {}}\n  - {name: b, tanh: {}}\n  - {name: c, repeat: 3, pair: {other: before}}\n"
        "  - {name: d, pair: {other: before}}\n  - {name: e, from: c, pair: {other: before}}\n"
        "  - {name: f, when: w > 3, tanh: {}}\n  - {name: g, pair: {other: before}}\n  - {from: [d, g], add: {}}\n"
    )
    found = reads(parse(net, f"params: {{w: 3}}\nblocks:\n  pair: {PAIR}\n"))
    assert [found[f"c.{n}.left"] for n in range(3)] == [["a"], ["b"], ["c.0.add"]]
    assert found["d.left"] == ["c.1.add"]
    assert found["e.left"] == ["c.1.add"]
    assert found["g.left"] == ["c.2.add"]  # what `e` read: `f` is left out


def test_a_step_called_before_is_that_step() -> None:
    net = (
        "  - {name: before, relu: {}}\n  - {name: b, tanh: {}}\n  - sigmoid: {}\n  - {name: c, pair: {other: before}}\n"
    )
    assert reads(parse(net, f"blocks:\n  pair: {PAIR}\n"))["c.left"] == ["before"]


def test_what_a_first_repetition_is_given_may_stand_later() -> None:
    net = "  - {name: c, repeat: 2, first: {other: b}, pair: {other: before}}\n  - {name: b, from: in, tanh: {}}\n"
    net += "  - {from: [b, c], add: {}}\n"
    assert reads(parse(net, f"blocks:\n  pair: {PAIR}\n"))["c.0.left"] == ["b"]


def test_in_is_the_input_of_the_enclosing_body_and_again_the_outer_one_behind_it() -> None:
    net = (
        "  - {name: wide, conv2d: {out_channels: 5, kernel_size: 1}}\n"
        "  - sequential: [{conv2d: {out_channels: 2*in.channels, kernel_size: 1}}]\n"
        "  - conv2d: {out_channels: 2*in.channels, kernel_size: 1}\n"
    )
    assert [node.type.shape[0] for node in parse(net).nodes] == [5, 10, 6]


def test_a_document_parameter_may_be_an_expression_of_those_before_it() -> None:
    graph = parse("  - conv: {out_channels: wide}\n", "params: {w: 4, wide: {type: int, default: 2*w}}\n", w=6)
    assert graph.nodes[0].type.shape == (12, 8, 8)


def test_a_block_of_the_document_hides_one_of_the_same_name() -> None:
    graph = parse("  - conv: {}\n  - residual_basic: {out_channels: 3}\n", "blocks: {conv: {body: [{tanh: {}}]}}\n")
    keys = [node.block.key for node in graph.nodes]
    assert keys[0] == "tanh"
    assert "conv2d" in keys, "shipped blocks see shipped ones"


def test_a_step_that_is_unused_is_left_out_with_what_it_alone_needs() -> None:
    net = "  - {name: a, relu: {}}\n  - {name: b, tanh: {}}\n  - {name: c, unused: ok, sigmoid: {}}\n"
    assert addresses(parse(net + "  - {from: a, silu: {}}\n")) == ["a", "silu"]


def test_what_is_left_out_leaves_no_group_behind() -> None:
    net = "  - {name: a, relu: {}}\n  - {name: spare, unused: ok, conv: {out_channels: 4, kernel_size: 3}}\n"
    assert parse(net + "  - {from: a, tanh: {}}\n").groups == ()


def test_a_setting_that_the_document_does_not_have_is_refused_with_the_nearest() -> None:
    with pytest.raises(DocumentError, match="no parameter `widht`") as caught:
        parse("  - relu: {}\n", "params: {width: 3}\n", widht=4)
    assert caught.value.faults[0].help == "did you mean `width`?"


@pytest.mark.parametrize("value", ["many", 2.5, True, 0, -1, "0 // 0", "width"])
def test_a_setting_of_the_wrong_kind_is_a_fault(value: str | int) -> None:
    with pytest.raises(DocumentError) as caught:
        parse("  - conv: {out_channels: width}\n", "params: {width: 3}\n", width=value)
    assert len(caught.value.faults) == 1


def test_a_file_is_named_in_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"version": 1, "input": {"x": {"vector": 3}}, "net": [{"linear": {}}]}', "utf-8")
    with pytest.raises(DocumentError) as caught:
        graphs.load(path)
    assert str(caught.value).startswith(f"{path}:1:56: E105 missing-argument: `linear` needs `out_features`")


# The least size at which every window fits, worked out from the back: a size n comes out of (n - 1) * stride + kernel.
SMALLEST = [
    # 1 from 2, from 4, from 8, from 16.
    ("  - {repeat: 4, max_pool2d: {kernel_size: 2}}\n", "16 x 16"),
    # 1 from 5, from 10, from 14: LeNet-5's two convolutions and the pool between them.
    (
        "  - conv2d: {out_channels: 2, kernel_size: 5}\n  - avg_pool2d: {kernel_size: 2}\n"
        "  - conv2d: {out_channels: 2, kernel_size: 5}\n",
        "14 x 14",
    ),
    # The height is large enough as it is.
    ("  - max_pool2d: {kernel_size: [2, 11], stride: 1}\n", "8 x 11"),
]


@pytest.mark.parametrize(("net", "size"), SMALLEST)
def test_the_smallest_legal_input_is_told(net: str, size: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(net)
    (fault,) = caught.value.faults
    assert fault.help == f"the smallest legal input is {size}"
    height, width = size.split(" x ")
    text = (HEAD + "net:\n" + net).replace("[3, 8, 8]", f"[3, {height}, {width}]")
    graphs.parse(text)
    for smaller in ((int(height) - 1, int(width)), (int(height), int(width) - 1)):
        if min(smaller) >= 8:
            with pytest.raises(DocumentError):
                graphs.parse((HEAD + "net:\n" + net).replace("[3, 8, 8]", f"[3, {smaller[0]}, {smaller[1]}]"))


def test_branches_are_joined_by_the_primitive_whatever_a_document_calls_so() -> None:
    graph = parse("  - {join: add, parallel: {a: [], b: []}}\n", "blocks: {add: {body: [{tanh: {}}]}}\n")
    assert [node.block.key for node in graph.nodes] == ["add"]
