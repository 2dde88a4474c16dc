"""Which passes a plan goes through."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Literal

from graphs.graph import Graph
from graphs.passes.dropout import leave_out_dropout
from graphs.passes.folding import fold_norms
from graphs.passes.horizontal import fuse_horizontally
from graphs.passes.inplace import overwrite
from graphs.passes.plan import Plan, plain_plan
from graphs.passes.pointwise import fuse_activations, fuse_sums

Mode = Literal["train", "infer"]
Pass = Callable[[Plan], Plan]

PASSES: dict[Mode, dict[str, Pass]] = {
    "train": {"horizontal": partial(fuse_horizontally, training=True), "inplace": partial(overwrite, training=True)},
    "infer": {
        "dropout": leave_out_dropout,
        "folding": fold_norms,
        "sums": fuse_sums,
        "activations": fuse_activations,
        "horizontal": partial(fuse_horizontally, training=False),
        "inplace": partial(overwrite, training=False),
    },
}


def plan_of(graph: Graph, mode: Mode, without: Collection[str] = ()) -> Plan:
    """How a graph is computed: what ships for `infer`, what is trained for `train`; `without` names passes."""
    plan = plain_plan(graph.in_training if mode == "train" else graph.as_shipped)
    for name, change in PASSES[mode].items():
        if name not in without:
            plan = change(plan)
    return plan
