"""Whatever is done together, a network computes what its nodes compute one by one: outputs, running statistics,
gradients and the weights after some steps.

Compared in float64, where only the order of sums differs, and in float32 for the arithmetic that ships. The weights are
random and the norms have statistics of their own: with torch's defaults folding a norm would be folding a one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from torch import Tensor, nn

import graphs
import search_spaces
from blocks.normalization import LayerNorm2d
from blocks.types import Map
from graphs import Graph, convolutions, inference_kernels, training_kernels
from graphs.compilation import CompiledGraph, compile
from graphs.passes import PASSES
from graphs.passes import pipeline as pipelines
from graphs.passes.horizontal import fuse_horizontally
from graphs.passes.inplace import overwrite
from graphs.passes.plan import Convolution, InPlace, Module, Operation, Plan
from nas.bundle import random_weights
from tests.graphs.documents import documents

EXACT = 1e-9  # of the largest value, in float64: sums of up to some thousand terms in another order
SINGLE = 1e-5  # of the largest value, in float32
TRAIN, INFER = tuple(PASSES["train"]), tuple(PASSES["infer"])

# Small images, so that a test takes less than some seconds; one network of each kind of wiring.
SMALL = {
    "lenet5": {}, "cifar_resnet20": {}, "resnet18": {"size": 64}, "googlenet": {"size": 64},
    "bninception": {"size": 64}, "mobilenet_v2": {"size": 64}, "mobilenet_v3_small": {"size": 64},
    "densenet121": {"size": 32}, "efficientnet_b0": {"size": 64}, "squeezenet1_1": {"size": 64},
    "shufflenet_v2_x0_5": {"size": 64}, "mnasnet0_5": {"size": 64},
}  # fmt: skip


def only(passes: Collection[str], mode: str) -> tuple[str, ...]:
    return tuple(name for name in PASSES[mode] if name not in passes)  # type: ignore[index]


def plain(graph: Graph, dtype: str, **options: Any) -> CompiledGraph:
    """Node by node, with random weights."""
    module = compile(graph, dtype=dtype, channels_last=False, without=TRAIN)
    own, random = module.state_dict(), torch.Generator().manual_seed(3)
    state = random_weights(graph)
    for key, value in own.items():  # of heads, which don't ship
        if key not in state:
            state[key] = torch.randn(value.shape, generator=random) * 0.1 if value.ndim else value
        if key.endswith("running_var"):
            state[key] = state[key].abs() + 0.5
    module.load_state_dict(state)
    without_chance(module)
    return module


def without_chance(module: nn.Module) -> None:
    """Nothing is left out at random."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0


def images(graph: Graph, dtype: str, batch: int = 3) -> list[Tensor]:
    random = torch.Generator().manual_seed(1)
    return [torch.randn(batch, *t.shape, generator=random).to(getattr(torch, dtype)) for t in graph.inputs.values()]


def named(outputs: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    return outputs if isinstance(outputs, dict) else {"": outputs}


def off(got: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    """The largest difference, of the largest value of its tensor or of 1 where that is larger."""
    assert got.keys() == wanted.keys()
    return max(
        float((got[key] - wanted[key]).detach().abs().max()) / max(1.0, float(wanted[key].detach().abs().max()))
        for key in got
    )


@pytest.fixture(autouse=True, scope="module")
def small_networks_as_large_ones() -> Iterator[None]:
    """What is laid out for oneDNN in networks that are worth it is so in those of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolutions, "SMALL", 1000)
        yield


def inference_off(graph: Graph, dtype: str = "float64", without: Collection[str] = (), **options: Any) -> float:
    """How far inference is off evaluation node by node."""
    reference = plain(graph, dtype)
    module = compile(graph, mode="infer", dtype=dtype, without=without, **options)
    module.load_state_dict(reference.state_dict())
    given = images(graph, dtype)
    kept = [image.clone() for image in given]
    with torch.no_grad():
        wanted = named(reference.eval()(*given))
    distance = off(named(module(*given)), wanted)
    assert all(map(torch.equal, given, kept)), "an input was overwritten"
    return max(distance, off(named(module(*given)), wanted))


def training_off(graph: Graph, dtype: str = "float64", without: Collection[str] = (), **options: Any) -> float:
    """How far a pass forward and backward is off that node by node: outputs, gradients, running statistics."""
    reference = plain(graph, dtype)
    module = compile(graph, dtype=dtype, without=without, **options)
    without_chance(module)
    module.load_state_dict(reference.state_dict())
    given, results = images(graph, dtype), []
    for network in (module, reference):
        outputs = named(network.train()(*given))
        random = torch.Generator().manual_seed(2)
        losses = [(value * torch.randn(value.shape, generator=random).to(value)).sum() for value in outputs.values()]
        sum(losses, torch.zeros((), dtype=losses[0].dtype)).backward()
        gradients = {
            name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None
        }
        results.append(outputs | {f"{k}'": v for k, v in gradients.items()} | dict(network.named_buffers()))
    return off(*results)


@settings(max_examples=200)
@given(documents())
def test_a_random_network_infers_what_its_nodes_compute(data: dict[str, Any]) -> None:
    assert inference_off(graphs.parse(json.dumps(data))) < EXACT


@settings(max_examples=200)
@given(documents())
def test_a_random_network_trains_as_its_nodes_do(data: dict[str, Any]) -> None:
    graph = graphs.parse(json.dumps(data))
    assume(not is_constant_somewhere(graph))
    assert training_off(graph) < EXACT


def is_constant_somewhere(graph: Graph) -> bool:
    """Whether a layer norm reads one channel, which leaves zeros: every batch norm after it divides what rounding made
    of them by the root of its `eps`."""
    read = [graph.types[node.sources[0]] for node in graph.nodes if isinstance(node.block, LayerNorm2d)]
    return any(isinstance(type, Map) and type.channels == 1 for type in read)


@pytest.mark.parametrize("name", SMALL)
def test_a_shipped_network_infers_what_its_nodes_compute(name: str) -> None:
    graph = search_spaces.load_network(name, SMALL[name])
    assert inference_off(graph) < EXACT
    assert inference_off(graph, "float32") < SINGLE


@pytest.mark.parametrize("name", SMALL)
def test_a_shipped_network_trains_as_its_nodes_do(name: str) -> None:
    assert training_off(search_spaces.load_network(name, SMALL[name])) < EXACT


# Everything that a pass looks for: a fire module whose convolutions go into a concat, branches of one geometry, sums of
# convolutions, norms before and behind, activations of every kind, dropout, a head, shared weights.
RICH = """\
version: 1
name: rich
input: {image: {map: [3, 9, 9]}}
blocks:
  branches:
    body:
      - {name: a, from: in, conv: {out_channels: 4, kernel_size: 1}}
      - {name: b, from: in, conv: {out_channels: 3, kernel_size: 1}}
      - {name: c, conv: {out_channels: 5, kernel_size: 3, activation: hardswish}}
      - {name: d, from: in, conv: {out_channels: 2, kernel_size: 1, activation: silu}}
      - {name: e, from: in, conv2d: {out_channels: 2, kernel_size: 1}}
      - {name: f, from: in, conv: {out_channels: 2, kernel_size: 1, activation: prelu}}
      - {name: g, from: in, conv: {out_channels: 2, kernel_size: 1, activation: prelu}}
      - {from: [a, c, d, e, f, g], concat: {}}
  joined:
    body:
      - {name: a, from: in, conv2d: {out_channels: 4, kernel_size: 3, padding: 1}}
      - {name: b, from: in, conv2d: {out_channels: 4, kernel_size: 3, padding: 1}}
      - {from: [a, b], concat: {}}
net:
  - {name: first, batch_norm2d: {}}
  - {name: act, leaky_relu: {negative_slope: 0.2}}
  - {name: one, branches: {}}
  - {name: two, joined: {}}
  - {name: groups, group_norm: {num_groups: 4}}
  - {name: bent, elu: {alpha: 0.5}}
  - {name: wide, conv: {out_channels: 8, kernel_size: 3, activation: mish}}
  - {name: slopes, prelu: {num_parameters: 8}}
  - {name: grid, adaptive_max_pool2d: {output_size: [5, 4]}}
  - {name: drop, dropout: {p: 0.3}}
  - {name: left, conv: {out_channels: 8, kernel_size: 3, activation: none}}
  - {name: right, from: grid, conv: {out_channels: 8, kernel_size: 1, activation: none}}
  - {name: sum, from: [left, right], add: {}}
  - {name: gelu, gelu: {approximate: tanh}}
  - {name: se, squeeze_excitation: {reduction: 2}}
  - {name: again, from: se, share: left}
  - {name: back, from: [again, se], add: {}}
  - {name: six, relu6: {}}
  - {name: gap, global_avg_pool: {}}
  - {name: fc, linear: {out_features: 5}}
  - {name: aux_pool, from: one, global_max_pool: {}}
  - {name: aux, linear: {out_features: 5}}
output: {logits: fc, features: se}
training_output: {aux: aux}
"""


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", [*INFER, "all"])
def test_each_pass_of_inference_alone_keeps_what_is_computed(name: str, channels_last: bool) -> None:
    needed = {"sums": {"folding"}, "activations": {"folding"}}.get(name, set())
    without = () if name == "all" else only({name, *needed}, "infer")
    for dtype, tolerance in (("float64", EXACT), ("float32", SINGLE)):
        assert inference_off(graphs.parse(RICH), dtype, without, channels_last=channels_last) < tolerance


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", [*TRAIN, "all"])
def test_each_pass_of_training_alone_keeps_what_is_computed(name: str, channels_last: bool) -> None:
    without = () if name == "all" else only({name}, "train")
    assert training_off(graphs.parse(RICH), without=without, channels_last=channels_last) < EXACT


def test_what_is_put_together_trains_to_the_weights_of_its_parts() -> None:
    graph = graphs.parse(RICH)
    reference, module = plain(graph, "float64"), compile(graph, dtype="float64")
    without_chance(module)
    module.load_state_dict(reference.state_dict())
    assert any(isinstance(kernel, training_kernels.TrainedConvolution) for kernel in module._training)
    for network in (module, reference):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-2)
        for _ in range(3):
            outputs = network.train()(*images(graph, "float64"))
            optimizer.zero_grad()
            sum(value.square().mean() for value in outputs.values()).backward()
            optimizer.step()
    assert list(dict(module.named_parameters())) == list(dict(reference.named_parameters()))
    assert off(module.state_dict(), reference.state_dict()) < EXACT


def test_a_norm_at_rest_stays_at_rest_where_it_is_put_together() -> None:
    graph = graphs.parse(EQUAL_PARTS)
    reference, module = plain(graph, "float64"), compile(graph, dtype="float64")
    module.load_state_dict(reference.state_dict())
    for network in (module, reference):
        network.get_submodule("a.norm").eval()
    assert any(isinstance(kernel, training_kernels.TrainedConvolution) for kernel in module._training)
    got, wanted = (named(network(*images(graph, "float64"))) for network in (module, reference))
    assert off(got, wanted) < EXACT
    assert off(module.state_dict(), reference.state_dict()) < EXACT
    assert module.get_buffer("a.norm.num_batches_tracked") == 0


# Planted faults: each proof above sees a pass or a kernel that is wrong in a likely way.


def _swapped(plan: Plan) -> Plan:
    """Horizontal fusions whose results went to each other's readers."""
    operations = (
        Operation(o.kernel, o.nodes, o.sources, tuple(reversed(o.results))) if isinstance(o.kernel, Convolution) else o
        for o in fuse_horizontally(plan, training=True).operations
    )
    return Plan(plan.graph, tuple(operations), plan.outputs)


def _everything_in_place(plan: Plan) -> Plan:
    """Activations that overwrite what others still read."""
    operations = (
        Operation(InPlace(o.kernel.node), o.nodes, o.sources, o.results)
        if isinstance(o.kernel, Module) and plan.node(o.kernel.node).block.key in ("relu", "relu6", "leaky_relu", "add")
        else o
        for o in overwrite(plan, training=False).operations
    )
    return Plan(plan.graph, tuple(operations), plan.outputs)


EQUAL_PARTS = """\
version: 1
input: {image: {map: [3, 6, 6]}}
net:
  - {name: a, from: in, conv: {out_channels: 4, kernel_size: 1}}
  - {name: b, from: in, conv: {out_channels: 4, kernel_size: 1}}
  - {name: t, from: a, max_pool2d: {kernel_size: 3, stride: 1, padding: 1}}
  - {name: r, from: t, relu: {}}
  - {name: s, from: [r, b], add: {}}
  - {from: [s, t], add: {}}
"""

FAULTS: dict[str, Callable[[pytest.MonkeyPatch], float]] = {}


def fault(function: Callable[[pytest.MonkeyPatch], float]) -> Callable[[pytest.MonkeyPatch], float]:
    FAULTS[(function.__doc__ or "").rstrip(".")] = function
    return function


@fault
def _scale_with_another_eps(patch: pytest.MonkeyPatch) -> float:
    """A norm folded with the eps of another."""
    factors = inference_kernels._factors

    def wrong(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
        kept, norm.eps = norm.eps, 0.1
        result = factors(norm)
        norm.eps = kept
        return result

    patch.setattr(inference_kernels, "_factors", wrong)
    return inference_off(graphs.parse(RICH))


@fault
def _stale_statistics(patch: pytest.MonkeyPatch) -> float:
    """Running statistics that a fused norm does not write back."""
    patch.setattr(Tensor, "copy_", lambda self, other: self)
    return training_off(graphs.parse(EQUAL_PARTS))


@fault
def _wrong_readers(patch: pytest.MonkeyPatch) -> float:
    """The parts of a fusion given to each other's readers."""
    patch.setitem(pipelines.PASSES["train"], "horizontal", _swapped)
    return training_off(graphs.parse(EQUAL_PARTS))


@fault
def _overwritten(patch: pytest.MonkeyPatch) -> float:
    """A value overwritten that another operation reads later."""
    patch.setitem(pipelines.PASSES["infer"], "inplace", _everything_in_place)
    return inference_off(graphs.parse(EQUAL_PARTS))


@fault
def _other_activation(patch: pytest.MonkeyPatch) -> float:
    """An activation taken for another one."""
    patch.setattr(
        convolutions, "_post_operation", lambda activation: ("none" if activation is None else "relu", [], "")
    )
    return inference_off(graphs.parse(RICH), "float32")


@pytest.mark.parametrize("planted", FAULTS.values(), ids=FAULTS)
def test_a_proof_would_see(planted: Callable[[pytest.MonkeyPatch], float], monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.random.fork_rng(devices=[]):
        assert planted(monkeypatch) > 1e-3


def test_autograd_itself_refuses_what_training_must_not_overwrite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pipelines.PASSES["train"], "inplace", _everything_in_place)
    text = "version: 1\ninput: {x: {map: [2, 4, 4]}}\nnet: [{conv2d: {out_channels: 2, kernel_size: 1}}, {relu: {}}"
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        training_off(graphs.parse(text + ", {name: r, relu: {}}, {tanh: {}}, {name: t, relu: {}}]\n"))
