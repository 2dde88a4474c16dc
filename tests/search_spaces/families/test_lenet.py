"""LeNet-5 to the letter: who reads whom, the squashing function, the trained subsampling."""

from __future__ import annotations

from math import tanh

import pytest
import torch
from torch import Tensor

import search_spaces

# LeCun 1998, table I: the maps of S2 that each map of C3 reads.
TABLE = (
    *("012", "123", "234", "345", "045", "015"),
    *("0123", "1234", "2345", "0345", "0145", "0125", "0134", "1245", "0235"),
    "012345",
)


def test_the_maps_of_c3_read_those_of_s2_that_the_paper_s_table_says() -> None:
    module = search_spaces.load_network("lenet5_1998").compile()
    kept: dict[str, Tensor] = {}
    for address in ("s2.squash.amplitude", "c3.concat"):
        part = module.get_submodule(address)
        part.register_forward_hook(lambda _module, _inputs, output, address=address: kept.update({address: output}))
    module(torch.rand(1, 1, 32, 32))
    source, maps = kept["s2.squash.amplitude"], kept["c3.concat"]
    read = []
    for index in range(maps.shape[1]):
        (gradient,) = torch.autograd.grad(maps[:, index].sum(), source, retain_graph=True)
        read.append("".join(str(channel) for channel in range(6) if gradient[0, channel].any()))
    assert tuple(read) == TABLE


# The paper's parameters: section II.B. Those of S2 and S4 are a coefficient and a bias a map; C3 has 60 kernels.
PARAMS = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}


def test_every_layer_has_the_parameters_that_the_paper_gives() -> None:
    costs = search_spaces.load_network("lenet5_1998").costs().nodes
    found = {name: sum(node.params for node in costs if node.address.split(".")[0] == name) for name in PARAMS}
    assert found == PARAMS
    assert sum(PARAMS.values()) == 60_000


def test_the_squash_is_that_of_the_paper() -> None:
    """Appendix A: f(1) = 1 and f(-1) = -1, to the digits of its numbers."""
    module = search_spaces.load_network("lenet5_1998").compile()
    act = [module.get_submodule(f"act1.{part}") for part in ("slope", "tanh", "amplitude")]
    value = torch.tensor([1.0, -1.0, 0.3])
    for part in act:
        value = part(value)
    assert value.tolist() == pytest.approx([1.0, -1.0, 1.7159 * tanh(0.2)], abs=1e-4)


def test_subsampling_weighs_the_mean_of_four_and_adds_a_bias() -> None:
    module = search_spaces.load_network("lenet5_1998").compile()
    mean, scale = module.get_submodule("s2.mean"), module.get_submodule("s2.scale")
    scale.load_state_dict({"weight": torch.full((6,), 2.0), "bias": torch.full((6,), 0.5)})
    image = torch.arange(4.0).reshape(1, 1, 2, 2).expand(1, 6, 2, 2)
    assert scale(mean(image)).flatten().tolist() == [2 * 1.5 + 0.5] * 6
