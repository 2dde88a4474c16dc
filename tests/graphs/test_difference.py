"""What is different between two graphs: by hand on small networks, and the laws that every difference keeps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest
import torch
from torch import Tensor

import graphs
import search_spaces
from graphs import Graph
from graphs.difference import Difference, difference, weight_elements
from tests.graphs.wrong_documents import HEAD

PLAIN = """\
version: 1
name: plain
input: {image: {map: [3, 8, 8]}}
net:
  - {name: stem, conv2d: {out_channels: 4, kernel_size: 3, padding: 1}}
  - {name: norm, batch_norm2d: {}}
  - {name: act, relu: {}}
  - {name: mix, conv2d: {out_channels: 4, kernel_size: 1}}
  - {name: sum, from: [mix, act], add: {}}
  - {name: mean, global_avg_pool: {}}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""
NUMBERED = """\
version: 1
name: numbered
input: {image: {map: [3, 8, 8]}}
net:
  - conv2d: {out_channels: 4, kernel_size: 3, padding: 1}
  - conv2d: {out_channels: 6, kernel_size: 3, padding: 1}
  - conv2d: {out_channels: 8, kernel_size: 3, padding: 1}
  - global_avg_pool: {}
"""
NETWORKS = ("resnet50", "googlenet", "densenet121", "efficientnet_b0", "resnet18", "lenet5")


def edited(*edits: tuple[str, str], text: str = PLAIN) -> Graph:
    """A document with texts replaced, each of which it has."""
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return graphs.parse(text)


def compare(*edits: tuple[str, str], text: str = PLAIN) -> Difference:
    return difference(graphs.parse(text), edited(*edits, text=text))


def told(found: Difference) -> list[tuple[str, str, tuple[str, ...]]]:
    """The changes as (kind, address, details)."""
    addresses = [
        found.after.nodes[change.after].address
        if change.after is not None
        else found.before.nodes[change.before or 0].address
        for change in found.changes
    ]
    return [(change.kind, address, change.details) for change, address in zip(found.changes, addresses, strict=True)]


def load(name: str, settings: Mapping[str, int] | None = None) -> Graph:
    return search_spaces.load_network(name, settings)


def test_a_network_does_not_differ_from_itself() -> None:
    found = compare()
    assert found.same
    assert (found.changes, found.interface, found.unchanged) == ((), (), 7)


def test_an_argument_is_retyped_and_what_reads_it_is_as_a_consequence() -> None:
    found = compare(("out_features: 10", "out_features: 12"))
    assert told(found) == [("retyped", "logits", ("out_features 10 -> 12",))]
    assert found.interface == ("output logits: vector[10] -> vector[12]",)
    assert (found.changes[0].params, found.changes[0].macs) == (2 * 4 + 2, 2 * 4)


def test_a_width_runs_through_all_that_reads_it() -> None:
    found = compare(("out_channels: 4", "out_channels: 6"))
    assert told(found) == [
        ("retyped", "stem", ("out_channels 4 -> 6",)),
        ("retyped", "norm", ("input 4x8x8 -> 6x8x8",)),
        ("retyped", "act", ("input 4x8x8 -> 6x8x8",)),
        ("retyped", "mix", ("out_channels 4 -> 6", "input 4x8x8 -> 6x8x8")),
        ("retyped", "sum", ("input 4x8x8 and 4x8x8 -> 6x8x8 and 6x8x8",)),
        ("retyped", "mean", ("input 4x8x8 -> 6x8x8",)),
        ("retyped", "logits", ("input 4 -> 6",)),
    ]
    assert found.consequences == 5


def test_another_block_at_an_address_is_retyped() -> None:
    assert told(compare(("act, relu", "act, silu"))) == [("retyped", "act", ("relu -> silu",))]


SILU = """\
version: 1
name: silu
params: {act: {words: [silu, relu, none], default: silu}}
input: {image: {map: [3, 8, 8]}}
net:
  - {name: stem, conv: {out_channels: 4, kernel_size: 3, activation: act}}
  - name: mixed
    join: concat
    parallel:
      a: [{conv: {out_channels: 4, activation: act}}]
      b: [{name: own, conv: {out_channels: 4, kernel_size: 3}}]
  - {name: body, conv: {out_channels: 8, activation: act}}
  - {name: sum, from: [body, mixed], add: {}}
"""


def test_an_activation_that_is_another_is_retyped_and_nothing_is_rewired() -> None:
    found = difference(graphs.parse(SILU), graphs.parse(SILU, settings={"act": "relu"}))
    assert told(found) == [
        ("retyped", "stem.act.relu", ("silu -> relu",)),
        ("retyped", "mixed.a.conv.act.relu", ("silu -> relu",)),
        ("retyped", "body.act.relu", ("silu -> relu",)),
    ]
    wider = difference(graphs.parse(SILU), edited(("out_channels: 8", "out_channels: 8, bias: always"), text=SILU))
    assert told(wider) == [("retyped", "body.conv", ("bias false -> true",))]


def test_a_step_without_a_name_that_is_another_is_retyped() -> None:
    nameless = ("{name: act, relu: {}}", "relu: {}"), ("[mix, act]", "[mix, mix]")
    found = difference(edited(*nameless), edited(*nameless, ("relu: {}", "hardswish: {}")))
    assert told(found) == [("retyped", "hardswish", ("relu -> hardswish",))]


def test_a_name_that_somebody_gave_is_no_consequence_of_the_block() -> None:
    found = compare(("name: act, relu", "name: gate, silu"), ("[mix, act]", "[mix, gate]"))
    assert [(kind, address) for kind, address, _ in told(found)[:2]] == [("removed", "act"), ("added", "gate")]


def test_a_block_that_makes_another_shape_is_no_replacement() -> None:
    nameless = edited(("{name: act, relu: {}}", "relu: {}"), ("[mix, act]", "[mix, mix]"))
    pooled = edited(("{name: act, relu: {}}", "max_pool2d: {kernel_size: 2}"), ("[mix, act]", "[mix, mix]"))
    assert {kind for kind, address, _ in told(difference(nameless, pooled)) if address in ("relu", "max_pool2d")} == {
        "removed",
        "added",
    }


def test_only_the_inputs_that_are_others_are_told() -> None:
    one = edited(("add: {}", "concat: {}"), ("[mix, act]", "[stem, mix, act]"))
    other = edited(("add: {}", "concat: {}"), ("[mix, act]", "[stem, mix, norm]"))
    assert told(difference(one, other)) == [("rewired", "sum", ("reads act -> norm",))]
    summed = difference(edited(("[mix, act]", "[stem, mix, act]")), edited(("[mix, act]", "[norm, stem, mix]")))
    assert told(summed) == [("rewired", "sum", ("reads act -> norm",))]


def test_a_node_in_between_is_added_and_its_reader_rewired() -> None:
    found = compare(("  - {name: act", "  - {name: drop, dropout: {}}\n  - {name: act"))
    assert told(found) == [("added", "drop", ()), ("rewired", "act", ("reads norm -> drop",))]


def test_a_node_that_is_gone_is_told_where_it_was() -> None:
    found = compare(("  - {name: norm, batch_norm2d: {}}\n", ""))
    assert told(found) == [("removed", "norm", ()), ("rewired", "act", ("reads norm -> stem",))]
    assert (found.changes[0].params, found.changes[0].macs) == (-8, 0)


def test_a_name_alone_makes_the_same_network() -> None:
    found = compare(("mix", "mixer"), ("stem", "begin"))
    assert found.same
    assert told(found) == [("moved", "begin", ("from stem",)), ("moved", "mixer", ("from mix",))]


def test_names_that_change_places_are_moved_and_nothing_is_rewired() -> None:
    twins = [
        ("name: norm, batch_norm2d: {}", "name: a, conv2d: {out_channels: 4, kernel_size: 1}"),
        ("name: act, relu: {}", "name: b, conv2d: {out_channels: 4, kernel_size: 1}"),
        ("[mix, act]", "[mix, b]"),
    ]
    one = edited(*twins)
    other = edited(
        *twins, ("name: a,", "name: x,"), ("name: b,", "name: a,"), ("name: x,", "name: b,"), (", b]", ", a]")
    )
    found = difference(one, other)
    assert found.same
    assert told(found) == [("moved", "b", ("from a",)), ("moved", "a", ("from b",))]


def test_the_order_of_summands_is_no_difference() -> None:
    found = compare(("[mix, act]", "[act, mix]"))
    assert found.same
    assert found.changes == ()


def test_the_order_of_what_is_concatenated_is_one() -> None:
    concat = edited(("add: {}", "concat: {}"))
    found = difference(concat, edited(("add: {}", "concat: {}"), ("[mix, act]", "[act, mix]")))
    assert not found.same
    assert told(found) == [("rewired", "sum", ("reads mix, act -> act, mix",))]


def test_steps_that_are_renumbered_by_one_before_them_are_moved() -> None:
    found = compare(("net:\n", "net:\n  - conv2d: {out_channels: 3, kernel_size: 1}\n"), text=NUMBERED)
    assert told(found) == [
        ("added", "conv2d1", ()),
        ("moved", "conv2d2", ("from conv2d1", "reads image -> conv2d1")),
        ("moved", "conv2d3", ("from conv2d2",)),
        ("moved", "conv2d4", ("from conv2d3",)),
    ]


def test_weights_that_are_shared_otherwise_are_rewired() -> None:
    again = ("  - {name: mean", "  - {name: again, share: mix}\n  - {name: mean")
    own = ("share: mix", "conv2d: {out_channels: 4, kernel_size: 1}")
    found = difference(edited(again), edited(again, own))
    assert told(found) == [("rewired", "again", ("weights mix -> its own",))]
    assert (found.changes[0].params, found.changes[0].macs) == (4 * 4 + 4, 0)
    assert {transfer.target.split(".")[0] for transfer in found.transfers} == {"stem", "norm", "mix", "logits"}


def test_inputs_and_outputs_that_differ_are_told() -> None:
    found = compare(("[3, 8, 8]", "[3, 16, 16]"), ("{logits: logits}", "{logits: logits, features: mean}"))
    assert found.interface == (
        "input image: map[3, 8, 8], stride 1 -> map[3, 16, 16], stride 1",
        "output features: none -> vector[4]",
    )
    assert found.changes[0].details == ("input 3x8x8 -> 3x16x16",)


def test_an_input_with_another_name_is_the_same_input() -> None:
    found = compare(("{image:", "{picture:"))
    assert found.same
    assert found.changes == ()
    assert found.interface == (
        "input image: map[3, 8, 8], stride 1 -> none",
        "input picture: none -> map[3, 8, 8], stride 1",
    )


def test_a_kernel_that_grows_takes_the_bias_and_leaves_the_weight() -> None:
    found = compare(("kernel_size: 3, padding: 1", "kernel_size: 5, padding: 2"))
    kept = {transfer.target for transfer in found.transfers}
    assert "stem.bias" in kept
    assert "stem.weight" not in kept
    assert weight_elements(found.after).keys() - kept == {"stem.weight"}


def test_a_stride_leaves_all_weights_as_they_are() -> None:
    found = compare(("padding: 1", "padding: 1, stride: 2"))
    assert {transfer.target for transfer in found.transfers} == weight_elements(found.after).keys()


def test_weights_go_with_a_node_that_moved() -> None:
    found = compare(("net:\n", "net:\n  - conv2d: {out_channels: 3, kernel_size: 1}\n"), text=NUMBERED)
    assert [(transfer.source, transfer.target) for transfer in found.transfers] == [
        (f"conv2d{number}.{name}", f"conv2d{number + 1}.{name}")
        for number, name in product((1, 2, 3), ("weight", "bias"))
    ]
    assert sum(transfer.elements for transfer in found.transfers) == 3 * 4 * 9 + 4 + 4 * 6 * 9 + 6 + 6 * 8 * 9 + 8


PAIRS = [*product(NETWORKS, NETWORKS)]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=map(" to ".join, PAIRS))
def test_changes_add_up_to_the_difference(one: str, other: str) -> None:
    before, after = load(one), load(other)
    found = difference(before, after)
    assert sum(change.params for change in found.changes) == after.costs().params - before.costs().params
    assert sum(change.macs for change in found.changes) == after.costs().macs - before.costs().macs
    assert len(found.pairs) + found.counts["removed"] == len(before.nodes)
    assert len(set(found.pairs.values())) + found.counts["added"] == len(after.nodes)
    assert found.same == (one == other)
    backwards = difference(after, before)
    assert (backwards.counts["added"], backwards.counts["removed"]) == (found.counts["removed"], found.counts["added"])


def test_what_is_said_to_transfer_can_be_loaded_and_makes_the_same_network() -> None:
    """ResNet-50 with other names for a stage: with what transfers, both give the same logits."""
    before = load("resnet50", {"width": 8})
    after = graphs.parse(before.text().replace("layer3", "middle"), settings={"width": 8})
    state: dict[str, Tensor] = before.compile().state_dict()
    module = after.compile()
    found = difference(before, after)
    module.load_state_dict({transfer.target: state[transfer.source] for transfer in found.transfers})
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    original = before.compile()
    original.load_state_dict(state)
    with torch.inference_mode():
        assert torch.equal(module.eval()(image), original.eval()(image))


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_those_of_the_compiled_network(name: str) -> None:
    graph = load(name)
    state = graph.as_shipped.compile(device="meta").state_dict()
    assert weight_elements(graph) == {key: value.numel() for key, value in state.items()}


def test_googlenet_with_the_kernels_of_the_paper_differs_in_nine_convolutions() -> None:
    found = difference(load("googlenet"), load("googlenet", {"b5_kernel": 5}))
    assert found.counts == {"added": 0, "removed": 0, "retyped": 9, "moved": 0, "rewired": 0}
    assert {change.details for change in found.changes} == {("kernel_size 3 -> 5", "padding 1 -> 2")}
    assert found.after.costs().macs == 1_582_671_872  # of the paper's network, which has no norms


def test_equal_branches_are_paired_as_wholes_where_addresses_cross() -> None:
    # Two equal branches; in the second document the names of their convolutions are swapped, those of their norms not.
    net = "".join(
        f"  - {{name: {name}, from: in, conv2d: {{out_channels: 4, kernel_size: 1}}}}\n"
        f"  - {{name: {name}n, from: {read}, batch_norm2d: {{}}}}\n"
        for name, read in (("a", "FIRST"), ("b", "OTHER"))
    )
    net += "  - {name: end, from: [an, bn], add: {}}\n"
    one, other = (
        graphs.parse(HEAD + "net:\n" + net.replace("FIRST", first).replace("OTHER", last))
        for first, last in (("a", "b"), ("b", "a"))
    )
    assert one.hash == other.hash
    moved = {t.source.split(".")[0]: t.target.split(".")[0] for t in difference(one, other).transfers}
    assert (moved["a"], moved["an"]) in (("a", "bn"), ("b", "an"))
    assert (moved["b"], moved["bn"]) in (("a", "bn"), ("b", "an"))


def test_shared_weights_go_to_the_first_node_that_uses_them() -> None:
    net = "  - {name: a, relu: {}}\n  - {name: b, from: in, tanh: {}}\n"
    first = "  - {name: c, from: a, conv2d: {out_channels: 3, kernel_size: 1}}\n  - {name: d, from: b, share: c}\n"
    other = "  - {name: d, from: b, conv2d: {out_channels: 3, kernel_size: 1}}\n  - {name: c, from: a, share: d}\n"
    end = "  - {name: end, from: [c, d], add: {}}\n"
    found = difference(*(graphs.parse(f"{HEAD}net:\n{net}{steps}{end}") for steps in (first, other)))
    assert found.same
    assert [(t.source, t.target) for t in found.transfers] == [("c.weight", "d.weight"), ("c.bias", "d.bias")]
