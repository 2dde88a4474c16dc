"""Compiled networks: torch modules that are called, copied, moved and exported as any other."""

from __future__ import annotations

import copy
import gc
import linecache
import pickle
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import graphs
from graphs import convolutions
from graphs.compilation import CompiledGraph, ModeError, compile
from graphs.passes.plan import plain_plan
from graphs.passes.source import inference_source, training_source
from graphs.tree_checks import MODULE_WORDS
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"

TWO_HEADS = """\
version: 1
name: two_heads
input: {image: {map: [3, 16, 16]}}
net:
  - {name: stem, conv: {out_channels: 8, kernel_size: 3, stride: 2}}
  - {name: layer1, repeat: 2, first: {stride: 2}, residual_basic: {out_channels: 8, se_reduction: 4}}
  - {name: gap, global_avg_pool: {}}
  - {name: drop, dropout: {p: 0.5}}
  - {name: fc, linear: {out_features: 5}}
output: {logits: fc, features: layer1}
"""
ONE_HEAD = TWO_HEADS.replace(", features: layer1", "")


def build(text: str = ONE_HEAD, **options: Any) -> CompiledGraph:
    torch.manual_seed(0)
    return compile(graphs.parse(text), **options)


def images(number: int = 2, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(number, 3, 16, 16, generator=torch.Generator().manual_seed(1)).to(dtype)


def test_the_keys_of_a_state_dict_are_addresses() -> None:
    graph = graphs.parse(ONE_HEAD)
    state = graph.compile().state_dict()
    weights = {node.address for node in graph.costs().nodes if node.params or node.buffers}
    assert {key.rpartition(".")[0] for key in state} == weights
    assert "layer1.0.se.reduce.weight" in state
    assert "layer1.0.skip.project.norm.running_mean" in state
    assert not any(key.startswith("layer1.1.skip") for key in state)  # nothing to project there


def test_the_forward_pass_frees_every_value_at_its_last_use() -> None:
    assert_golden(GOLDEN / "forward.txt", build(TWO_HEADS).source)


def test_the_forward_pass_of_inference_says_what_is_done_together() -> None:
    assert_golden(GOLDEN / "forward_infer.txt", build(TWO_HEADS, mode="infer").source)


def test_a_value_is_deleted_once_and_no_output_ever() -> None:
    text = TWO_HEADS.replace("output: {logits: fc", "output: {logits: fc, again: fc, input: image")
    graph = graphs.parse(text)
    plan = plain_plan(graph)
    assert "self._training" not in training_source(graph, plan, channels_last=False)
    rows = inference_source(graph, plan, channels_last=False).splitlines()
    deleted = [name for row in rows if row.strip().startswith("del ") for name in row.strip()[4:].split(", ")]
    kept = {f"x{value}" for value in graph.outputs.values()}
    assert len(deleted) == len(set(deleted))
    assert set(deleted) | kept == {f"x{value}" for value in range(len(graph.types))}
    assert not set(deleted) & kept


def test_one_output_is_a_tensor_and_several_are_a_dict() -> None:
    logits = build().eval()(images())
    outputs = build(TWO_HEADS).eval()(images())
    assert list(outputs) == ["logits", "features"]
    assert outputs["features"].shape == (2, 8, 4, 4)
    torch.testing.assert_close(outputs["logits"], logits)


def test_an_input_may_be_an_output() -> None:
    x = torch.ones(1, 4)
    module = build("version: 1\ninput: {x: {vector: 4}}\nnet: [{name: y, tanh: {}}]\noutput: {same: x, y: y}\n")
    assert module(x)["same"] is x


def test_several_inputs_come_in_the_order_of_the_document() -> None:
    text = "version: 1\ninput: {b: {vector: 2}, a: {vector: 3}}\nnet: [{from: [a, b], concat: {}}]\n"
    assert build(text)(torch.zeros(1, 2), torch.ones(1, 3)).tolist() == [[1, 1, 1, 0, 0]]


def test_shared_weights_are_trained_together() -> None:
    text = (
        "version: 1\ninput: {x: {vector: 4}}\nnet:\n  - {name: a, linear: {out_features: 4}}\n  - {name: b, share: a}\n"
    )
    module = build(text)
    layer = module.get_submodule("a")
    assert set(module.state_dict()) == {"a.weight", "a.bias"}
    torch.testing.assert_close(module(torch.ones(1, 4)), layer(layer(torch.ones(1, 4))))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_a_network_has_the_dtype_it_was_compiled_for(dtype: str) -> None:
    module = build(dtype=dtype).eval()
    wanted = getattr(torch, dtype)
    assert {parameter.dtype for parameter in module.parameters()} == {wanted}
    assert module(images(dtype=wanted)).dtype == wanted


def test_a_network_on_the_meta_device_has_shapes_alone() -> None:
    module = build(device="meta")
    assert {parameter.device.type for parameter in module.parameters()} == {"meta"}
    assert module(torch.empty(7, 3, 16, 16, device="meta")).shape == (7, 5)


def test_compiling_draws_the_weights_that_torch_would() -> None:
    torch.manual_seed(3)
    ours = graphs.parse("version: 1\ninput: {x: {vector: 4}}\nnet: [{name: fc, linear: {out_features: 2}}]\n").compile()
    torch.manual_seed(3)
    assert torch.equal(ours.state_dict()["fc.weight"], nn.Linear(4, 2).weight)


COPIES: dict[str, Callable[[CompiledGraph], nn.Module]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda module: pickle.loads(pickle.dumps(module)),  # noqa: S301
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())
def test_a_copy_is_equal_and_lives_on_its_own(copied: Callable[[CompiledGraph], nn.Module]) -> None:
    module = build().double()
    module.train()
    module.get_submodule("stem").eval()
    module.get_parameter("fc.weight").requires_grad_(False)
    state = torch.get_rng_state()
    other = copied(module)
    assert torch.equal(torch.get_rng_state(), state), "a copy draws no random numbers"
    assert isinstance(other, CompiledGraph)
    assert [part.training for part in other.modules()] == [part.training for part in module.modules()]
    assert [p.requires_grad for p in other.parameters()] == [p.requires_grad for p in module.parameters()]
    x = images(dtype=torch.float64)
    before = module.eval()(x)
    assert torch.equal(other.eval()(x), before)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert torch.equal(module(x), before)
    assert other(x).abs().max() == 0


def test_a_copy_of_meta_weights_is_meta() -> None:
    other = copy.deepcopy(build(device="meta"))
    assert {parameter.device.type for parameter in other.parameters()} == {"meta"}


def test_a_network_is_freed_when_nobody_refers_to_it() -> None:
    module = build()
    reference = weakref.ref(module)
    gc.disable()
    try:
        del module
        assert reference() is None
    finally:
        gc.enable()


def test_gradients_reach_every_parameter() -> None:
    module = build()
    module(images()).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_a_traceback_into_a_network_shows_the_node() -> None:
    other, module = build(), build()
    del other  # its lines go, and not those of its twin
    gc.collect()
    with pytest.raises(RuntimeError) as caught:
        module(torch.zeros(2, 4, 16, 16))
    assert "# stem.conv" in "".join(traceback.format_exception(caught.value))


def test_the_lines_of_a_network_that_is_gone_are_forgotten() -> None:
    text = ONE_HEAD.replace("out_features: 5", "out_features: 11")
    names = set(linecache.cache)
    module = build(text)
    assert len(set(linecache.cache) - names) == 1
    del module
    gc.collect()
    assert set(linecache.cache) - names == set()


def test_export_takes_any_batch() -> None:
    module = build().eval()
    program = torch.export.export(module, (images(2),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for number in (1, 3, 7):
        torch.testing.assert_close(program.module()(images(number)), module(images(number)))


def test_dynamo_sees_one_graph() -> None:
    module = build().eval()
    torch.testing.assert_close(torch.compile(module, backend="eager", fullgraph=True)(images()), module(images()))


def test_weights_can_be_replaced_for_one_call() -> None:
    module = build().eval()
    zeros = {name: torch.zeros_like(value) for name, value in module.named_parameters()}
    assert torch.func.functional_call(module, zeros, (images(),)).abs().max() == 0


def test_a_name_that_a_module_has_already_is_reserved() -> None:
    module = build("version: 1\ninput: {x: {vector: 4}}\nnet: [{name: y, tanh: {}}]\n")
    taken = {name for name in dir(module) if not name.startswith("_")} - {"y"}
    assert taken <= MODULE_WORDS


def test_a_name_that_no_module_has_is_free() -> None:
    # Words of Python and names of the forward pass: they are keys of a dict there, and no variables.
    names = ["x0", "o", "self", "inference_source", "class", "lambda", "weight", "bias", "data", "import", "None"]
    steps = "".join(f"  - {{name: {name}, linear: {{out_features: 3}}}}\n" for name in names)
    module = build(f"version: 1\ninput: {{x: {{vector: 3}}}}\nnet:\n{steps}")
    assert len(module.state_dict()) == 2 * len(names)
    assert module(torch.zeros(1, 3)).shape == (1, 3)


def test_a_network_for_inference_stays_in_evaluation_mode_and_gives_no_gradients() -> None:
    module = build(mode="infer")
    assert not module.training
    assert not any(part.training for part in module.modules())
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not module(images().requires_grad_()).requires_grad
    with pytest.raises(ModeError, match='mode="train"'):
        module.train()
    assert module.eval() is module


def test_a_pass_or_a_mode_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ModeError, match="there is no pass `folding` for train"):
        build(without=("folding",))
    with pytest.raises(ModeError, match="torch knows no device `cudaa`\n  help: as in cpu, cuda"):
        build(device="cudaa")
    with pytest.raises(ModeError, match="there is no dtype `flaot32` for weights"):
        build(dtype="flaot32")
    with pytest.raises(ModeError, match="there is no mode `eval`\n  help: there is `train` or `infer`"):
        build(mode="eval")


def _loaded(module: CompiledGraph) -> CompiledGraph:
    """In inference with the weights of a module."""
    other = compile(graphs.parse(module.architecture), mode="infer")
    other.load_state_dict(module.state_dict())
    return other


def _shaken(module: nn.Module) -> None:
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.mul_(1.5).add_(0.1)


CHANGES: dict[str, Callable[[CompiledGraph], object]] = {
    "other weights are loaded": lambda module: module.load_state_dict(build().state_dict()),
    "other weights take their place": lambda module: module.load_state_dict(build().state_dict(), assign=True),
    "a part is loaded": lambda module: module.get_submodule("stem").load_state_dict(
        {key: value + 1 for key, value in module.get_submodule("stem").state_dict().items()}
    ),
    "they change in place": _shaken,
    "one is replaced": lambda module: setattr(
        module.get_submodule("stem.conv"), "weight", nn.Parameter(torch.ones(8, 3, 3, 3), requires_grad=False)
    ),
    "a statistic changes": lambda module: module.get_buffer("stem.norm.running_var").fill_(7),
    "they change in inference mode": torch.inference_mode()(_shaken),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_inference_follows_its_weights_when(change: Callable[[CompiledGraph], object]) -> None:
    module = build()
    _shaken(module)
    infer, x = _loaded(module), images()
    before = infer(x)
    change(infer)
    module.load_state_dict(infer.state_dict())
    torch.testing.assert_close(infer(x), module.eval()(x))
    assert not torch.allclose(infer(x), before)


def test_inference_takes_a_change_through_data_when_it_is_told() -> None:
    infer, x = _loaded(build()), images()
    before = infer(x)
    infer.get_parameter("stem.conv.weight").data.mul_(3)
    infer.get_parameter("stem.conv.weight").data.add_(1)
    assert torch.equal(infer(x), before), "torch counts this now: the docstring of `refold` says that it does not"
    infer.refold()
    assert not torch.allclose(infer(x), before)


def test_inference_moves_to_another_dtype() -> None:
    module = build()
    _shaken(module)
    infer = _loaded(module)
    infer(images())
    got = infer.to(torch.float64)(images(dtype=torch.float64))
    torch.testing.assert_close(got, module.double().eval()(images(dtype=torch.float64)), rtol=1e-6, atol=1e-6)
    assert infer.to("meta")(torch.empty(3, 3, 16, 16, device="meta", dtype=torch.float64)).shape == (3, 5)


def test_inference_holds_the_document_s_keys_and_no_head() -> None:
    headed = ONE_HEAD.replace("output:", "  - {name: aux, from: gap, linear: {out_features: 2}}\noutput:")
    headed += "training_output: {aux: aux}\n"
    trained = build(headed)
    infer = compile(graphs.parse(headed), mode="infer")
    assert (
        infer.state_dict().keys()
        == trained.state_dict().keys() - {"aux.weight", "aux.bias"}
        == build().state_dict().keys()
    )
    infer.load_state_dict(trained.state_dict())
    torch.testing.assert_close(infer(images()), trained.eval()(images()))


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())
def test_a_copy_of_inference_is_one(copied: Callable[[CompiledGraph], nn.Module]) -> None:
    infer, x = _loaded(build()), images()
    other = copied(infer)
    assert isinstance(other, CompiledGraph)
    assert (other.source, other._options) == (infer.source, infer._options)
    assert torch.equal(other(x), infer(x))
    _shaken(other)
    assert not torch.equal(other(x), infer(x))


def test_without_onednn_s_convolution_inference_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutions, "SMALL", 0)
    infer, x = _loaded(build()), images()
    packed = infer(x)
    infer.refold()
    monkeypatch.setattr(convolutions, "is_packable", lambda weight: False)
    torch.testing.assert_close(infer(x), packed)


@pytest.mark.parametrize("mode", ["train", "infer"])
def test_torch_compile_takes_a_network(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, seen = build().eval(), list[dict[str, Any]]()
    through = torch.compile

    def compile_eagerly(run: Any, **given: Any) -> Any:
        seen.append(given)
        return through(run, backend="eager")

    monkeypatch.setattr(torch, "compile", compile_eagerly)
    module = build(mode=mode, torch_compile="reduce-overhead").eval()
    module.load_state_dict(plain.state_dict())
    torch.testing.assert_close(module(images()), plain(images()))
    assert module.state_dict().keys() == plain.state_dict().keys()
    _shaken(module)
    plain.load_state_dict(module.state_dict())
    torch.testing.assert_close(module(images()), plain(images()))
    assert seen == [{"mode": "reduce-overhead"}]
