"""Pictures show every node once, without overlaps, from top to bottom; well-known networks at the level one expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from random import Random
from typing import TypeVar

import pytest

import graphs
import search_spaces
from graphs import Graph
from graphs.drawing.detail import Detail, choose_detail, draw_at
from graphs.drawing.labels import arguments
from graphs.drawing.layering import layered, num_crossings
from graphs.drawing.layout import Layout, PlacedBox, PlacedFrame, Route, lay_out
from graphs.drawing.parts import likeness, tree, walk
from graphs.drawing.placing import Link, place, spread
from graphs.drawing.scene import Box, Frame, edges

Placed = TypeVar("Placed", PlacedBox, PlacedFrame)

TAPS = """\
version: 1
name: taps
params: {width: 8}
input: {left: {map: [3, 32, 32]}, right: {map: [3, 32, 32]}}
net:
  - {name: a, from: left, conv: {out_channels: width, kernel_size: 3}}
  - {name: b, from: right, conv: {out_channels: width, kernel_size: 3}}
  - {name: ab, from: [a, b], add: {}}
  - {name: c1, conv: {out_channels: width, kernel_size: 3}}
  - {name: c2, conv: {out_channels: width, kernel_size: 3}}
  - {name: c3, conv: {out_channels: width, kernel_size: 3}}
  - {name: all, from: [a, b, ab, c1, c2, c3], concat: {}}
  - name: multi
    join: concat
    parallel:
      id: []
      one: [{conv: {out_channels: 8}}]
      two: [{conv: {out_channels: 8}}, {conv: {out_channels: 8, kernel_size: 3}}]
  - {name: down, conv: {out_channels: 16, stride: 2}}
output: {tap: ab, c: multi, d: down}
"""
REPEATED = """\
version: 1
name: repeated
input: {image: {map: [8, 16, 16]}}
net:
  - {name: body, repeat: 6, first: {out_channels: 16}, residual_basic: {out_channels: 16}}
  - {name: tail, repeat: 3, relu: {}}
  - name: last
    repeat: 2
    sequential:
      - {conv: {out_channels: 16}}
      - {parallel: {a: [{relu: {}}], b: [{conv: {out_channels: 16}}]}, join: add}
"""
NETWORKS = ("cifar_resnet20", "densenet121", "efficientnet_b0", "googlenet", "lenet5", "resnet50")
LEVELS = (None, 1, 2, 3, 0)


def network(name: str) -> Graph:
    return search_spaces.load_network(name)


DOCUMENTS = {"taps": TAPS, "repeated": REPEATED}
SAMPLES = ("small 0", "small 1", "small 2")
FOLDS = {False: "", True: ", folded", None: ", folded where that reads better"}
CASES = {
    f"{name}, depth {depth}{words}": (name, depth, fold)
    for name in (*NETWORKS, *DOCUMENTS, *SAMPLES)
    for depth in LEVELS
    for fold, words in FOLDS.items()
}


@cache
def graph_of(name: str) -> Graph:
    if name in SAMPLES:
        return search_spaces.load("small").sample(3, seed=0).points[SAMPLES.index(name)].graph
    return graphs.parse(DOCUMENTS[name]) if name in DOCUMENTS else network(name)


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def graph(request: pytest.FixtureRequest) -> Graph:
    return graph_of(request.param[0])


@pytest.fixture
def scene(request: pytest.FixtureRequest, graph: Graph) -> Frame:
    """The picture of `graph` in the case's depth and folding."""
    _, depth, fold = request.node.callspec.params["graph"]
    return draw_at(graph, tree(graph), choose_detail(graph, tree(graph), depth, fold))


def overlap(one: PlacedBox | PlacedFrame, other: PlacedBox | PlacedFrame) -> bool:
    apart = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (apart or one.y + one.height <= other.y or other.y + other.height <= one.y)


def inside(one: PlacedBox | PlacedFrame, other: PlacedBox | PlacedFrame) -> bool:
    across = other.x <= one.x and one.x + one.width <= other.x + other.width
    return across and other.y <= one.y and one.y + one.height <= other.y + other.height


def faults(layout: Layout) -> list[str]:
    """What is wrong with a layout."""
    found = [f"{one.box.address} overlaps {other.box.address}" for one, other in _overlapping(layout.boxes)]
    for upper, lower in _overlapping(layout.frames):
        if not inside(upper, lower) and not inside(lower, upper):
            found.append(f"frame {upper.frame.address} crosses frame {lower.frame.address}")
    for frame in layout.frames:
        members = {id(box) for box in frame.frame.boxes()}
        found += [
            f"{box.box.address} is in {frame.frame.address}, or should be"
            for box in layout.boxes
            if inside(box, frame) != (id(box.box) in members) or (overlap(box, frame) and not inside(box, frame))
        ]
    for route in layout.routes:
        if any(lower < upper for (_, upper), (_, lower) in pairwise(route.points)):
            found.append(f"an edge goes up: {route.points}")
        if route.arrow and not any(_ends_on(route, box) for box in layout.boxes):
            found.append(f"an arrow ends nowhere: {route.points[-1]}")
    whole = PlacedFrame(Frame("", "", (), (), ()), "", -0.01, -0.01, layout.width + 0.02, layout.height + 0.02)
    return found + [f"{box.box.address} is not in the picture" for box in layout.boxes if not inside(box, whole)]


def _overlapping(placed: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Neighbours from top to bottom that overlap; those far below one another can't."""
    rows = sorted(placed, key=lambda one: one.y)
    for index, one in enumerate(rows):
        for other in rows[index + 1 :]:
            if other.y >= one.y + one.height:
                break
            if overlap(one, other):
                yield one, other


def _ends_on(route: Route, box: PlacedBox) -> bool:
    x, y = route.points[-1]
    return abs(y - box.y) < 0.01 and box.x <= x <= box.x + box.width


def test_nothing_overlaps_and_edges_go_down(graph: Graph, scene: Frame) -> None:
    assert faults(lay_out(scene, graph)) == []


def test_every_edge_ends_in_one_arrow(graph: Graph, scene: Frame) -> None:
    arrows = sum(route.arrow for route in lay_out(scene, graph).routes)
    assert arrows == len(edges(scene, graph)) == sum(len(box.reads) for box in scene.boxes())


def counted(frame: Frame, times: int = 1) -> Iterator[tuple[Box, int]]:
    for member in frame.members:
        if isinstance(member, Frame):
            yield from counted(member, times * member.count)
        else:
            yield member, times * member.count


def test_every_node_is_drawn_once(graph: Graph, scene: Frame) -> None:
    nodes = Counter(node for box in scene.boxes() for node in box.nodes)
    assert set(nodes.values()) == {1}
    assert sum(len(box.nodes) * times for box, times in counted(scene)) == len(graph.nodes)


def test_boxes_cost_what_the_network_costs(graph: Graph, scene: Frame) -> None:
    blocks = [(box, times // box.count) for box, times in counted(scene)]
    assert sum(box.macs * times for box, times in blocks) == graph.costs().macs
    assert sum(box.params * times for box, times in blocks) == graph.costs().params


def test_faults_of_a_layout_would_be_seen() -> None:
    graph = graphs.parse(TAPS)
    layout = lay_out(draw_at(graph, tree(graph), Detail(2)), graph)
    moved = PlacedBox(layout.boxes[0].box, layout.boxes[0].text, layout.boxes[2].x + 1, layout.boxes[2].y + 1, 9, 9)
    layout.boxes[0] = moved
    layout.routes[0] = Route(((5, 9), (5, 3)), arrow=True)
    messages = " ".join(faults(layout))
    for words in ("a.conv overlaps left", "left is in a, or should be", "an edge goes up", "an arrow ends nowhere"):
        assert words in messages


def blocks(scene: Frame) -> list[str]:
    return [box.block for box in scene.boxes() if box.kind == "block"]


def readable(graph: Graph) -> Frame:
    whole = tree(graph)
    return draw_at(graph, whole, choose_detail(graph, whole))


def test_resnet50_is_a_stem_a_pool_sixteen_bottlenecks_and_a_head() -> None:
    scene = readable(network("resnet50"))
    assert blocks(scene) == ["conv", "max_pool2d", *["residual_bottleneck"] * 16, "global_avg_pool", "linear"]
    frames = [member.address for member in scene.members if isinstance(member, Frame)]
    assert frames == ["layer1", "layer2", "layer3", "layer4"]


def test_googlenet_shows_the_branches_of_nine_inception_blocks_on_one_level() -> None:
    graph = network("googlenet")
    scene = readable(graph)
    opened = [member for member in scene.members if isinstance(member, Frame)]
    assert [frame.block for frame in opened] == ["inception"] * 9
    tops = {box.box.address: box.y for box in lay_out(scene, graph).boxes}
    first = [
        next(member.boxes()) if isinstance(member, Frame) else member for member in opened[0].members if member.reads
    ][:4]
    assert len({tops[box.address] for box in first}) == 1


def test_densenet121_is_drawn_by_its_four_runs_of_dense_layers() -> None:
    graph = network("densenet121")
    scene = readable(graph)
    runs = [box for box in scene.boxes() if box.block == "dense_layer"]
    assert [(box.count, box.last) for box in runs] == [
        (6, "block1.5"),
        (12, "block2.11"),
        (24, "block3.23"),
        (16, "block4.15"),
    ]
    # Huang 2017, table 1: 64, 128, 256 and 512 channels come in, and each layer adds 32.
    wanted = [f"map[{channels}, {size}, {size}]" for channels, size in ((256, 56), (512, 28), (1024, 14), (1024, 7))]
    assert [str(box.type).rpartition(", stride")[0] for box in runs] == wanted
    given = {list(scene.boxes())[edge.source].address: edge.type for edge in edges(scene, graph)}
    assert [given[box.address] for box in runs] == [box.type for box in runs]
    shown = draw_at(graph, tree(graph), choose_detail(graph, tree(graph), fold=False))
    assert blocks(shown).count("dense_layer") == 6 + 12 + 24 + 16


def test_equal_repetitions_fold_into_one_that_says_how_many() -> None:
    graph = graphs.parse(REPEATED)
    scene = draw_at(graph, tree(graph), Detail(fold=True))
    body = scene.members[1]
    assert isinstance(body, Frame)
    assert [(box.address, box.last, box.count) for box in body.boxes()] == [
        ("body.0", "", 1),
        ("body.1", "body.5", 5),
    ]


def test_parts_are_alike_only_on_equal_types() -> None:
    graph = graphs.parse(REPEATED)
    parts = {part.address: likeness(graph, part) for part in walk(tree(graph))}
    assert parts["body.1"] == parts["body.5"] != parts["body.0"]


def test_a_deeper_level_opens_the_blocks_of_the_one_before() -> None:
    graph = graphs.parse(TAPS)
    assert blocks(draw_at(graph, tree(graph), Detail(1)))[0] == "conv"
    assert blocks(draw_at(graph, tree(graph), Detail(2)))[:3] == ["conv2d", "batch_norm2d", "relu"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("conv: {out_channels: 6, kernel_size: [1, 3], stride: 2}", "1x3 6 /2"),
        ("conv2d: {out_channels: 8, groups: 4, kernel_size: 1}", "1x1 8 depthwise"),
        ("conv2d: {out_channels: 8, groups: 2, kernel_size: 1}", "1x1 8 groups 2"),
        ("conv2d: {out_channels: 8, kernel_size: 3, dilation: 4, padding: 4}", "3x3 d4 8"),
        ("conv: {out_channels: 8, kernel_size: 3, dilation: [1, 2], stride: 2}", "3x3 d1x2 8 /2"),
        ("max_pool2d: {kernel_size: 3, stride: 1, dilation: 2}", "3x3 d2"),
        ("max_pool2d: {kernel_size: 2, stride: 2, ceil_mode: true}", "2x2 /2 ceil"),
        ("avg_pool2d: {kernel_size: 3, padding: 1, count_include_pad: false}", "3x3 /3 pad 1 uncounted"),
        ("conv: {out_channels: 16, kernel_size: 3, padding: 8, dilation: 4}", "3x3 d4 16 pad 8"),
        ("conv2d: {out_channels: 8, kernel_size: 3}", "3x3 8 pad 0"),
        ("batch_norm2d: {eps: 0.001, affine: false}", ""),
        ("prelu: {init: 0.1}", ""),
        ("leaky_relu: {negative_slope: 0.2}", "negative_slope 0.2"),
        ("residual_basic: {out_channels: 8}", "3x3 8, 3x3 8 + 1x1 8"),
        ("residual_basic: {out_channels: 4, se_reduction: 2}", "3x3 4, 3x3 4"),
        ("squeeze_excitation: {reduction: 2}", "2, 4"),
    ],
)
def test_the_key_arguments_of_a_block_stand_in_its_box(step: str, words: str) -> None:
    text = f"version: 1\nname: one\ninput: {{image: {{map: [4, 9, 9]}}}}\nnet:\n  - {{name: step, {step}}}\n"
    graph = graphs.parse(text)
    box = next(box for box in draw_at(graph, tree(graph), Detail()).boxes() if box.kind == "block")
    assert arguments(box, graph) == words


@pytest.mark.parametrize(
    ("pairs", "crossings"),
    [
        ([(0, 10), (1, 11)], 0),
        ([(0, 11), (1, 10)], 1),
        ([(0, 10), (0, 11), (1, 10), (1, 11)], 1),
        ([(0, 12), (1, 11), (2, 10)], 3),
    ],
)
def test_crossings_are_counted(pairs: list[tuple[int, int]], crossings: int) -> None:
    assert num_crossings([0, 1, 2], [10, 11, 12], pairs) == crossings


def test_sweeps_undo_a_crossing() -> None:
    plan = layered(6, [(0, 3), (1, 2), (2, 5), (3, 4)])
    assert plan.layers == [[0, 1], [3, 2], [4, 5]]


@pytest.mark.parametrize("seed", range(20))
def test_layers_hold_every_vertex_once_and_every_edge_goes_one_layer_down(seed: int) -> None:
    random = Random(seed)
    count = random.randint(1, 30)
    pairs = sorted({(a, b) for b in range(1, count) for a in random.sample(range(b), min(b, random.randint(0, 3)))})
    plan = layered(count, pairs)
    rank = {vertex: number for number, layer in enumerate(plan.layers) for vertex in layer}
    assert sorted(vertex for vertex in rank if vertex < count) == list(range(count))
    assert [(chain[0], chain[-1]) for chain in plan.chains] == pairs
    assert all(rank[lower] == rank[upper] + 1 for chain in plan.chains for upper, lower in pairwise(chain))


@pytest.mark.parametrize(
    ("wanted", "distances", "weights", "bounds", "places"),
    [
        ([0, 10], [2], [1, 1], None, [0, 10]),
        ([0, 0], [2], [1, 1], None, [-1, 1]),
        ([0, 0], [2], [3, 1], None, [-0.5, 1.5]),
        ([5, 0, 4], [1, 1], [1, 1, 1], None, [2, 3, 4]),
        ([0, 0], [2], [1, 1], (0, 9), [0, 2]),
        ([9, 9], [2], [1, 1], (0, 9), [7, 9]),
    ],
)
def test_places_are_the_nearest_that_keep_their_distance(
    wanted: list[float],
    distances: list[float],
    weights: list[float],
    bounds: tuple[float, float] | None,
    places: list[float],
) -> None:
    assert spread(wanted, distances, weights, bounds) == pytest.approx(places)


def test_a_column_stays_straight_and_what_forks_stands_in_the_middle() -> None:
    # 0 forks into 1 and 2; 1 goes on to 3, 2 to 4; both end in 5. All are 10 wide, 10 apart.
    links = [Link(a, b) for a, b in ((0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5))]
    centres = place([[0], [1, 2], [3, 4], [5]], dict.fromkeys(range(6), 10.0), links, 10)
    assert [centres[vertex] for vertex in range(6)] == pytest.approx([15, 5, 25, 5, 25, 15])
