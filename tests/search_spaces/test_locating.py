"""`Space.locate`, the inverse of `Space.materialize`, by structure alone."""

from __future__ import annotations

from random import Random

import pytest

import search_spaces
from search_spaces import NotInSpaceError, Space
from tests.search_spaces.flat import flattened

HEAD = "version: 1\nname: tiny\ninput: {image: {map: [1, 8, 8]}}\n"
TAIL = "  - global_avg_pool: {}\n  - {name: fc, linear: {out_features: 3}}\n"

SPACES = {
    "values": """
net:
  - conv: {out_channels: {choice: [4, 8]}, kernel_size: {choice: [1, 3, [1, 3]]}, activation: {choice: [relu, none]}}
  - conv: {out_channels: {range: [4, 12], step: 4}, norm: {choice: [batch, none]}, bias: {choice: [auto, always]}}
""",
    "steps and repeats": """
net:
  - name: cells
    repeat: {range: [0, 3]}
    first: {stride: {choice: [1, 2]}}
    choice:
      plain: {conv: {out_channels: {choice: [4, 8]}, kernel_size: 3}}
      depthwise: {depthwise_conv: {kernel_size: {choice: [3, 5]}}}
  - name: tail
    choice: {nothing: [], two: [{relu: {}}, {conv: {out_channels: 4}}], one: {conv: {out_channels: 4}}}
""",
    "each repetition anew": """
blocks:
  cell:
    params: {width: int}
    body:
      - name: main
        choice:
          plain: {conv: {out_channels: width, kernel_size: {choice: [1, 3]}}}
          basic: {residual_basic: {out_channels: width, se_reduction: {choice: [0, 2, 4]}}}
          slim: {residual_bottleneck: {width: width // 2, expansion: 2}}
net:
  - {name: stages, repeat: {range: [1, 3]}, decide: each, cell: {width: {choice: [4, 8]}}}
""",
    "parameters in expressions": """
params:
  width: {choice: [4, 8, 16]}
  factor: {choice: [1, 2]}
  groups: {choice: [1, 2, 8]}
  depth: {choice: [1.0, 1.5]}
where: [width % groups == 0]
defaults: {conv: {activation: none}}
net:
  - {conv: {out_channels: width, kernel_size: 3}}
  - {repeat: ceil(2*depth), conv: {out_channels: factor*width, kernel_size: 3, groups: groups}}
""",
    "a step by a word of addresses": """
params:
  width: {choice: [4, 8]}
net:
  - {name: params, conv: {out_channels: {choice: [4, 8]}, kernel_size: 3}}
  - {name: blocks, conv: {out_channels: width, kernel_size: {choice: [1, 3]}}}
""",
    "wiring": """
net:
  - {name: stem, conv: {out_channels: 4}}
  - {name: a, unused: ok, conv: {out_channels: 4, kernel_size: 3}}
  - {name: b, from: {choice: [stem, a]}, unused: ok, conv: {out_channels: 4, kernel_size: 5}}
  - {from: [{choice: [stem, a, b]}, {choice: [a, b]}], add: {}}
""",
    "a cell that decides once": """
blocks:
  cell:
    decide: once
    body:
      - {name: a, choice: {conv: {conv: {out_channels: in.channels, kernel_size: {choice: [1, 3]}}}, skip: []}}
      - {name: b, from: in, choice: {conv: {conv: {out_channels: in.channels, kernel_size: 3}}, skip: []}}
      - {from: [a, b], add: {}}
net:
  - {conv: {out_channels: 4}}
  - {repeat: {choice: [1, 2]}, cell: {}}
  - {conv: {out_channels: 8}}
  - {cell: {}}
""",
    "branches and shared weights": """
net:
  - name: fork
    join: concat
    parallel:
      a: [{conv: {out_channels: {choice: [4, 8]}, kernel_size: 3}}]
      b: [{conv: {out_channels: {choice: [4, 8]}, kernel_size: 3}}, {relu: {}}]
      c: [{max_pool2d: {kernel_size: 3, stride: 1, padding: 1}}]
  - {name: once, conv: {out_channels: 9}}
  - name: again
    from: fork
    choice: {new: {conv: {out_channels: 9}}, same: {share: once}}
  - {from: [once, again], add: {}}
""",
    "conditions of blocks": """
blocks:
  cell:
    params: {width: int, groups: 1}
    where: [width % groups == 0, groups < 8 or width > 8]
    body:
      - {when: groups > 1, conv: {out_channels: width, kernel_size: 3, groups: groups}}
      - {when: groups == 1, conv: {out_channels: width, kernel_size: 5}}
net:
  - {conv: {out_channels: 16}}
  - {cell: {width: {choice: [8, 16]}, groups: {choice: [1, 2, 8]}}}
""",
}


def space_of(net: str) -> Space:
    return search_spaces.parse(HEAD + net + TAIL)


@pytest.mark.parametrize("name", SPACES)
def test_every_point_is_found_again(name: str) -> None:
    space = space_of(SPACES[name])
    points = list(space.points())
    assert len(points) > 2
    for point in Random(1).sample(points, min(60, len(points))):
        found = space.locate(point.graph)
        assert space.materialize(found).hash == point.graph.hash
        assert found == space.active(found)  # nothing is decided that does not matter


@pytest.mark.parametrize("name", SPACES)
def test_names_addresses_and_the_order_of_nodes_mean_nothing(name: str) -> None:
    space = space_of(SPACES[name])
    points = list(space.points())
    for seed, point in enumerate(Random(2).sample(points, min(20, len(points)))):
        flat = flattened(point.graph, seed)
        assert flat.hash == point.graph.hash
        assert space.locate(flat) == space.locate(point.graph)


@pytest.mark.slow
def test_samples_of_a_shipped_space_are_found_again() -> None:
    space = search_spaces.load("small")
    for seed, point in enumerate(space.sample(60, seed=3).points):
        assert space.locate(point.graph) == point.decisions
        assert space.locate(flattened(point.graph, seed)) == point.decisions


def test_a_network_without_holes_is_a_space_of_one_point() -> None:
    space = search_spaces.load("small").materialize(search_spaces.load("small").sample(1).points[0].decisions)
    assert search_spaces.parse(space.text()).locate(space) == {}


NET = "version: 1\nname: other\ninput: {image: {map: [1, 8, 8]}}\nnet:\n"


@pytest.mark.parametrize(
    ("net", "address", "message"),
    [
        (
            "  - {name: a, conv: {out_channels: 6}}\n" + TAIL,
            "a.conv",
            "the space has no `conv2d: {out_channels: 6, kernel_size: 1, bias: false}` at `a.conv`: "
            "there it has out_channels `4` or `8`",
        ),
        (
            "  - {name: a, conv: {out_channels: 4}}\n  - {name: b, conv: {out_channels: 4, norm: none}}\n"
            "  - {name: c, sigmoid: {}}\n" + TAIL,
            "c",
            "the space has no `sigmoid: {}` at `c`: there it has `global_avg_pool`",
        ),
        (
            "  - {name: a, conv: {out_channels: 4}}\n  - {name: b, conv: {out_channels: 4}}\n  - global_avg_pool: {}\n"
            "  - {name: fc, linear: {out_features: 3}}\n  - {name: more, relu: {}}\n",
            "more",
            "the space has no `relu: {}` at `more`: there it ends",
        ),
    ],
)
def test_what_is_no_point_is_told_where_it_leaves_the_space(net: str, address: str, message: str) -> None:
    with pytest.raises(NotInSpaceError) as caught:
        space_of(SPACES["values"]).locate(search_spaces.parse(NET + net).materialize({}))
    assert (caught.value.address, caught.value.message) == (address, message)


def test_another_input_is_told() -> None:
    with pytest.raises(NotInSpaceError, match=r"the network reads map\[3, 224, 224\].*of the space map\[1, 8, 8\]"):
        space_of(SPACES["values"]).locate(search_spaces.load_network("resnet18"))


def test_what_breaks_a_condition_is_no_point() -> None:
    # Sixteen channels in 8 groups keep the conditions of the cell, 8 channels in 8 groups do not.
    net = "  - {conv: {out_channels: 16}}\n  - {conv: {out_channels: WIDTH, kernel_size: 3, groups: 8}}\n" + TAIL
    space = space_of(SPACES["conditions of blocks"])
    graph = search_spaces.parse(NET + net.replace("WIDTH", "16")).materialize({})
    assert space.locate(graph)["cell.groups"] == 8
    with pytest.raises(NotInSpaceError):
        space.locate(search_spaces.parse(NET + net.replace("WIDTH", "8")).materialize({}))


def test_what_breaks_a_condition_of_the_document_is_no_point() -> None:
    # A width of 4 goes with 1 or 2 groups, as `where` says, though convolutions of 4 channels have no other problem.
    net = "  - {conv: {out_channels: 4, kernel_size: 3, activation: none}}\n"
    net += "  - {repeat: 2, conv: {out_channels: 8, kernel_size: 3, groups: 2, activation: none}}\n" + TAIL
    space = space_of(SPACES["parameters in expressions"])
    decisions = space.locate(search_spaces.parse(NET + net).materialize({}))
    assert decisions == {"params.width": 4, "params.factor": 2, "params.groups": 2, "params.depth": 1.0}
    tied = search_spaces.parse(space.text().replace("width % groups == 0", "width % (4*groups) == 0"))
    with pytest.raises(NotInSpaceError):
        tied.locate(search_spaces.parse(NET + net).materialize({}))


def test_shared_weights_are_not_copies() -> None:
    net = "  - {name: a, conv: {out_channels: 4, norm: none}}\n  - {name: b, share: a, from: in}\n"
    net += "  - {from: [a, b], add: {}}\n" + TAIL
    shared = search_spaces.parse(NET + net)
    copied = search_spaces.parse(
        NET + net.replace("share: a, from: in", "from: in, conv: {out_channels: 4, norm: none}")
    )
    assert shared.locate(flattened(shared.materialize({}), 1)) == {}
    assert copied.locate(copied.materialize({})) == {}
    for space, other in ((shared, copied), (copied, shared)):
        with pytest.raises(NotInSpaceError):
            space.locate(other.materialize({}))
