"""What each pass puts together, worked out by hand on small networks. No tensor is needed to see it."""

from __future__ import annotations

import pytest

import graphs
from graphs.passes import PASSES, Convolution, InPlace, Module, Norm, Plan, plan_of
from graphs.passes.pipeline import Mode

HEAD = "version: 1\ninput: {image: {map: [3, 8, 8]}}\nnet:\n"

CONV = "conv2d: {out_channels: 4, kernel_size: 1}"
TWO_CONVS = f"{{name: a, from: in, {CONV}}}", f"{{name: b, from: in, {CONV}}}"


def planned(mode: Mode, only: str, *steps: str, end: str = "") -> Plan:
    """The plan of these steps after one pass, and those that it builds on."""
    needs = {"sums": {"folding"}, "activations": {"folding", "sums"}, "over": {"folding", "sums", "inplace"}}.get(
        only, set()
    )
    without = PASSES[mode].keys() - {only} - needs
    return plan_of(graphs.parse(HEAD + "".join(f"  - {step}\n" for step in steps) + end), mode, without)


def shown(plan: Plan) -> list[str]:
    """The operations as text: what is done, and what with it."""
    names = [node.address for node in plan.graph.nodes]
    rows = []
    for operation in plan.operations:
        match operation.kernel:
            case Module(node):
                rows.append(names[node])
            case InPlace(node):
                rows.append(f"{names[node]}!")
            case Norm(node, activation):
                rows.append(f"norm({names[node]})" + ("" if activation is None else f".{names[activation]}"))
            case Convolution(branches, add, overwrites, activation, joined):
                parts = [names[b.convolution] + ("" if b.norm is None else f"*{names[b.norm]}") for b in branches]
                more = [f".{names[node]}" for node in (add, activation, joined) if node is not None]
                rows.append(f"conv({', '.join(parts)}){''.join(more)}{'!' * overwrites}")
    return rows


CASES: list[tuple[str, Mode, str, tuple[str, ...], str, list[str]]] = [
    (
        "a norm is folded", "infer", "folding",
        (f"{{name: c, {CONV}}}", "{name: n, batch_norm2d: {}}"), "",
        ["conv(c*n)"],
    ),
    (
        "a norm is not folded whose source another reads", "infer", "folding",
        (f"{{name: c, {CONV}}}", "{name: n, batch_norm2d: {}}", "{from: [c, n], add: {}}"), "",
        ["conv(c)", "norm(n)", "add"],
    ),
    (
        "a norm is not folded whose source is an output", "infer", "folding",
        (f"{{name: c, {CONV}}}", "{name: n, batch_norm2d: {}}"), "output: {n: n, c: c}\n",
        ["conv(c)", "norm(n)"],
    ),
    (
        "a norm with nothing before it stays", "infer", "folding",
        ("{name: n, batch_norm2d: {}}", f"{{name: c, {CONV}}}"), "",
        ["norm(n)", "conv(c)"],
    ),
    (
        "dropout is left out, also where it is an output", "infer", "dropout",
        ("{name: r, relu: {}}", "{name: d, dropout: {}}", "{name: t, tanh: {}}"), "output: {t: t, d: d}\n",
        ["r", "t"],
    ),
    (
        "the later convolution takes the sum", "infer", "sums",
        (*TWO_CONVS, "{name: s, from: [a, b], add: {}}"), "",
        ["conv(a)", "conv(b).s"],
    ),
    (
        "a sum of a value with itself stays", "infer", "sums",
        (f"{{name: a, {CONV}}}", "{name: s, from: [a, a], add: {}}"), "",
        ["conv(a)", "s"],
    ),
    (
        "a convolution that is read twice takes no sum", "infer", "sums",
        (
            f"{{name: a, {CONV}}}", "{name: t, tanh: {}}", "{name: s, from: [a, t], add: {}}",
            "{name: p, from: [s, a], add: {}}",
        ), "",
        ["conv(a)", "t", "s", "p"],
    ),
    (
        "an activation follows a sum, a convolution, a norm", "infer", "activations",
        (
            f"{{name: a, {CONV}}}", "{name: x, silu: {}}", f"{{name: b, {CONV}}}", "{name: s, from: [b, x], add: {}}",
            "{name: y, relu: {}}", "{name: n, batch_norm2d: {}}", "{name: z, gelu: {}}",
        ), "",
        ["conv(a).x", "conv(b).s.y", "norm(n).z"],
    ),
    (
        "learnt slopes, and what follows a group norm, stay", "infer", "activations",
        (
            f"{{name: a, {CONV}}}", "{name: x, prelu: {}}", f"{{name: b, {CONV}}}", "{name: y, elu: {}}",
            "{name: n, group_norm: {num_groups: 4}}", "{name: z, relu: {}}",
        ), "",
        ["conv(a)", "x", "conv(b).y", "n", "z"],
    ),
    (
        "two activations are not one", "infer", "activations",
        (f"{{name: a, {CONV}}}", "{name: x, relu: {}}", "{name: y, tanh: {}}"), "",
        ["conv(a).x", "y"],
    ),
    (
        "two convolutions of one input become one", "train", "horizontal",
        (*TWO_CONVS, "{from: [a, b], add: {}}"), "",
        ["conv(a, b)", "add"],
    ),
    (
        "norms and activations that are alike follow", "train", "horizontal",
        (
            f"{{name: a, from: in, {CONV}}}", "{name: m, batch_norm2d: {}}", "{name: x, relu: {}}",
            f"{{name: b, from: in, {CONV}}}", "{name: n, batch_norm2d: {}}", "{name: y, relu: {}}",
            "{from: [y, x], concat: {}}",
        ), "",
        ["conv(a*m, b*n).x", "concat"],
    ),
    (
        "learnt slopes stay alone", "train", "horizontal",
        (
            f"{{name: a, from: in, {CONV}}}", "{name: x, prelu: {}}",
            f"{{name: b, from: in, {CONV}}}", "{name: y, prelu: {}}", "{from: [x, y], add: {}}",
        ), "",
        ["conv(a, b)", "x", "y", "add"],
    ),
    (
        "those whose norms differ stay alone", "train", "horizontal",
        (
            f"{{name: a, from: in, {CONV}}}", "{name: m, batch_norm2d: {}}",
            f"{{name: b, from: in, {CONV}}}", "{name: n, batch_norm2d: {eps: 0.001}}", "{from: [m, n], concat: {}}",
        ), "",
        ["a", "m", "b", "n", "concat"],
    ),
    (
        "those of another geometry stay alone", "train", "horizontal",
        (
            f"{{name: a, from: in, {CONV}}}",
            "{name: b, from: in, conv2d: {out_channels: 4, kernel_size: 3, padding: 1}}", "{from: [a, b], concat: {}}",
        ), "",
        ["a", "b", "concat"],
    ),
    (
        "grouped ones stay alone", "train", "horizontal",
        (
            "{name: a, from: in, conv2d: {out_channels: 3, kernel_size: 1, groups: 3}}",
            "{name: b, from: in, conv2d: {out_channels: 3, kernel_size: 1, groups: 3}}", "{from: [a, b], concat: {}}",
        ), "",
        ["a", "b", "concat"],
    ),
    (
        "a concat of all in order is the whole", "train", "horizontal",
        (*TWO_CONVS, "{name: j, from: [a, b], concat: {}}"), "",
        ["conv(a, b).j"],
    ),
    (
        "a concat in another order is none", "train", "horizontal",
        (*TWO_CONVS, "{name: j, from: [b, a], concat: {}}"), "",
        ["conv(a, b)", "j"],
    ),
    (
        "in inference a convolution that another reads stays alone", "infer", "horizontal",
        (*TWO_CONVS, f"{{name: c, from: b, {CONV}}}", "{from: [a, c], add: {}}"), "",
        ["a", "b", "c", "add"],
    ),
    (
        "in inference those that a concat takes become one", "infer", "horizontal",
        (*TWO_CONVS, "{name: j, from: [a, b], concat: {}}"), "",
        ["conv(a, b).j"],
    ),
    (
        "training overwrites what no gradient needs", "train", "inplace",
        (
            f"{{name: a, {CONV}}}", "{name: x, relu: {}}", f"{{name: b, {CONV}}}", "{name: s, from: [b, x], add: {}}",
            "{name: y, relu: {}}",
        ), "",
        ["a", "x!", "b", "s!", "y!"],
    ),
    (
        "training keeps what a gradient is made of", "train", "inplace",
        (f"{{name: a, {CONV}}}", "{name: x, silu: {}}", "{name: y, tanh: {}}", "{name: z, sigmoid: {}}"), "",
        ["a", "x", "y", "z"],
    ),
    (
        "training overwrites what a group norm gives", "train", "inplace",
        (f"{{name: a, {CONV}}}", "{name: n, group_norm: {num_groups: 2}}", "{name: x, elu: {}}"), "",
        ["a", "n", "x!"],
    ),
    (
        "training keeps what mish and a learnt slope have read", "train", "inplace",
        (f"{{name: a, {CONV}}}", "{name: x, mish: {}}", f"{{name: b, {CONV}}}", "{name: y, prelu: {}}"), "",
        ["a", "x", "b", "y"],
    ),
    (
        "training keeps what a learnt slope has given", "train", "inplace",
        (f"{{name: a, {CONV}}}", "{name: x, prelu: {}}", "{name: y, elu: {}}"), "",
        ["a", "x", "y"],
    ),
    (
        "inference overwrites what a largest value is", "infer", "inplace",
        ("{name: p, global_max_pool: {}}", "{name: x, mish: {}}"), "",
        ["p", "x!"],
    ),
    (
        "training keeps what a convolution has read", "train", "inplace",
        (f"{{name: a, {CONV}}}", f"{{name: b, {CONV}}}", "{name: x, from: a, relu: {}}", "{from: [b, x], add: {}}"), "",
        ["a", "b", "x", "add!"],
    ),
    (
        "inference overwrites what is read for the last time", "infer", "inplace",
        (f"{{name: a, {CONV}}}", f"{{name: b, {CONV}}}", "{name: x, from: a, silu: {}}", "{from: [b, x], add: {}}"), "",
        ["a", "b", "x!", "add!"],
    ),
    (
        "nothing overwrites an input, an output or what is read later", "infer", "inplace",
        ("{name: x, relu: {}}", "{name: y, tanh: {}}", "{name: z, sigmoid: {}}", "{name: s, from: [z, y], add: {}}"),
        "output: {x: x, s: s}\n",
        ["x", "y", "z", "s!"],
    ),
    (
        "a sum stands where what it adds stood", "infer", "over",
        (*TWO_CONVS, "{name: s, from: [a, b], add: {}}", f"{{name: c, {CONV}}}", "{name: t, from: [c, s], add: {}}"),
        "",
        ["conv(a)", "conv(b).s!", "conv(c).t"],
    ),
    (
        "nothing overwrites what a view shows", "infer", "inplace",
        (
            f"{{name: a, {CONV}}}", "{name: f, flatten: {}}", "{name: r, from: f, relu: {}}",
            "{name: x, from: a, relu: {}}", "{name: g, flatten: {}}", "{name: s, from: [r, g], add: {}}",
        ), "output: {f: f, s: s}\n",
        ["a", "f", "r", "x", "g", "s!"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "only", "steps", "end", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_pass(mode: Mode, only: str, steps: tuple[str, ...], end: str, expected: list[str]) -> None:
    assert shown(planned(mode, only, *steps, end=end)) == expected


def test_a_head_is_in_the_plan_of_training_alone() -> None:
    graph = graphs.parse(
        HEAD + "  - {name: a, tanh: {}}\n  - {name: h, relu: {}}\n  - {name: b, from: a, relu: {}}\n"
        "output: {b: b}\ntraining_output: {aux: h}\n"
    )
    assert shown(plan_of(graph, "train", PASSES["train"])) == ["a", "h", "b"]
    assert shown(plan_of(graph, "infer", PASSES["infer"])) == ["a", "b"]
