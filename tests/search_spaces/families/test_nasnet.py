"""NASNet-A: its two paddings, and the cells that a cell reads."""

from __future__ import annotations

import pytest
import torch

import search_spaces
from graphs import Graph
from tests.search_spaces.reference_models import difference, random_state

SMALL = {"filters": 8, "stem": 8, "cells": 2, "classes": 10}

# What a row and a column more cost in the first convolutions of the five separable ones of a reduction, and in the one
# of its y4: depthwise 5x5, 7x7, 7x7, 5x5, and 3x3, each with a pointwise one, on as many more pixels. For mobile, in
# the cells that halve 56, 28 and 14 to 28, 14 and 7.
MORE_OF_MOBILE = sum(
    ((25 + 49 + 49 + 25 + 9) * filters + 5 * filters**2) * ((size + 1) ** 2 - size**2)
    for filters, size in ((22, 28), (88, 14), (176, 7))
)


def network(name: str, **settings: int | bool) -> Graph:
    return search_spaces.load_network(name, settings)


def test_mobile_has_the_564_million_of_the_paper_without_the_row_that_is_cut_off() -> None:
    """Zoph 2017, table 2."""
    macs = network("nasnet_a_mobile", crop=0).costs().macs
    assert round(macs, -6) == 564_000_000
    assert network("nasnet_a_mobile").costs().macs - macs == MORE_OF_MOBILE


def test_large_is_that_of_the_libraries_that_cut_rows_off() -> None:
    """pretrainedmodels 0.7.4 nasnetalarge and pytorchcv 0.0.74 nasnet_6a4032."""
    assert network("nasnet_a_large", crop=1).costs().macs == 23_809_955_634


@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("size", [64, 75, 97, 107])  # cells of even and of odd size to halve
def test_both_paddings_compute_the_same(size: int, train: bool) -> None:
    one, other = (network("nasnet_a_mobile", size=size, crop=crop, **SMALL).compile() for crop in (0, 1))
    state = random_state(one)
    one.load_state_dict(state)
    other.load_state_dict(state)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    for module in (one.train(train), other.train(train)):
        for part in module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
    with torch.no_grad():
        assert difference(one(images), other(images)) < 1e-5


def read_by(graph: Graph, address: str) -> set[str]:
    """The cells that a cell reads."""
    first = len(graph.inputs)
    of = {first + position: node.address for position, node in enumerate(graph.nodes)}
    inside = [node for node in graph.nodes if node.address.startswith(f"{address}.")]
    read = {of[source] for node in inside for source in node.sources if source in of}
    return {name.rpartition(".")[0] for name in read if not name.startswith(f"{address}.")}


CELLS = [
    ("nasnet_a_large", "stem2", {"stem1", "stem"}),
    ("nasnet_a_large", "cells1.0", {"stem2", "stem1"}),
    ("nasnet_a_large", "cells1.1", {"cells1.0", "stem2"}),
    ("nasnet_a_large", "cells1.5", {"cells1.4", "cells1.3"}),
    ("nasnet_a_large", "reduction1", {"cells1.5", "cells1.4"}),
    ("nasnet_a_large", "cells2.0", {"reduction1", "cells1.4"}),
    ("nasnet_a_large", "cells2.1", {"cells2.0", "reduction1"}),
    ("nasnet_a_mobile", "reduction1", {"cells1.3", "cells1.2"}),
    ("nasnet_a_mobile", "cells2.0", {"reduction1", "cells1.3"}),
    ("nasnet_a_mobile", "cells3.1", {"cells3.0", "reduction2"}),
]


@pytest.mark.parametrize(("name", "cell", "read"), CELLS, ids=[f"{name} {cell}" for name, cell, _ in CELLS])
def test_a_cell_reads_the_two_before_it(name: str, cell: str, read: set[str]) -> None:
    assert read_by(network(name), cell) == read


@pytest.mark.parametrize(("name", "width"), [("nasnet_a_large", 4032), ("nasnet_a_mobile", 1056)])
def test_the_width_at_the_end_is_that_of_its_name(name: str, width: int) -> None:
    graph = network(name)
    assert [type_.shape for type_ in graph.types[-3:]] == [(width,), (width,), (1000,)]
