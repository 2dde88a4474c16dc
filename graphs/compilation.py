"""Graphs to torch modules.

Each node becomes the module its block builds, registered under its address, so that the keys of a state_dict are
addresses, whatever is done together when the network runs (`graphs.passes`).
The forward pass is Python source made for this graph, one statement an operation, with every value freed at its last
use: nothing is looked up or decided while it runs.
"""

from __future__ import annotations

import builtins
import itertools
import linecache
import weakref
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Self

import torch
from torch import Tensor, nn

from blocks.errors import FixpointError
from blocks.extensions import build_block
from graphs.faults import one_of
from graphs.graph import Graph
from graphs.passes import PASSES, Mode, Plan, plan_of
from graphs.passes.source import inference_source, training_source
from graphs.preparation import Prepared
from graphs.training_kernels import training_kernel

DTYPES = ("float32", "float16", "bfloat16", "float64")


class ModeError(FixpointError):
    """A network was compiled for something else than it is asked to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a network is compiled; see `compile`. `heads`: with what only training needs."""

    mode: Mode
    channels_last: bool
    torch_compile: bool | str
    without: frozenset[str]
    heads: bool


class CompiledGraph(nn.Module):
    """A network as a torch module, on the device and in the dtype it was compiled for.

    Called with one tensor (N, *shape) an input, in the document's order. Returns the tensor of its only output, or a
    dict of them by name; in training mode, with the training outputs of the document, which are not computed in
    evaluation. `source` is the text of the forward pass, `architecture` that of the document.

    Copies and pickles have the same weights, frozen and resting parts; hooks and gradients stay behind.
    """

    source: str
    architecture: str
    _options: Options
    _operations: tuple[nn.Module, ...]

    def __init__(self, graph: Graph, options: Options, plan: Plan, source: str) -> None:
        super().__init__()
        modules: list[nn.Module] = []
        places = _weight_addresses(graph)
        for node in plan.graph.nodes:
            if node.shares is not None:
                modules.append(modules[node.shares - len(graph.inputs)])
                continue
            modules.append(build_block(node.block, plan.graph.input_types(node), node.address))
            _register(self, places.get(node.address, node.address), modules[-1])
        self._operations = tuple(modules)  # a plain tuple: torch sees each module once, at its address
        self._options = options
        self.architecture = graph.text()
        self.source = source
        if options.mode == "train":
            self._training = tuple(training_kernel(operation, plan, modules) for operation in plan.operations)
        else:
            self._prepared = Prepared(plan, modules, packs=not options.torch_compile)
            self._heads = tuple(f"{address}." for address in _addresses(graph.in_training) - _addresses(graph))
            self.requires_grad_(False)
            self.eval()

    def train(self, mode: bool = True) -> Self:
        """As torch's; a network compiled for inference stays in evaluation mode. Raises `ModeError`."""
        if mode and self._options.mode == "infer":
            raise ModeError("this network was compiled for inference", help='compile it with mode="train"')
        return super().train(mode)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch's; a network compiled for inference passes over the weights that only training outputs need."""
        if self._options.mode == "infer" and self._heads:
            state_dict = {key: value for key, value in state_dict.items() if not key.startswith(self._heads)}
        return super().load_state_dict(state_dict, strict, assign)

    def refold(self) -> None:
        """Make the weights of inference anew at the next call. Needed after changes through `.data` alone: torch counts
        all others."""
        if self._options.mode == "infer":
            self._prepared.forget()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.refold()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __reduce__(self) -> tuple[Callable[..., nn.Module], tuple[object, ...]]:
        return _restore, (self.architecture, self._options, self.state_dict(), *_switches(self))

    def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
        state = {key: value.detach().clone() for key, value in self.state_dict().items()}
        copied = memo[id(self)] = _restore(self.architecture, self._options, state, *_switches(self))
        return copied


def compile(
    graph: Graph,
    *,
    mode: Mode = "train",
    device: str = "cpu",
    dtype: str = "float32",
    channels_last: bool | None = None,
    torch_compile: bool | str = False,
    without: Collection[str] = (),
) -> CompiledGraph:
    """The graph as a module with torch's default initialization.

    `mode` is `train` for a module that is trained and evaluated as any, in training mode; or `infer` for one that only
    runs: in evaluation mode, without gradients, on weights of its own that are made at the first call and again when
    those of the state_dict have changed. It takes memory for both.
    `device` is any of torch's, "meta" for shapes alone; `dtype` is float32, float16, bfloat16 or float64.
    `channels_last` is the memory format of maps, and of the weights of convolutions; where it pays if None, which is
    wherever there are convolutions (benchmarks/compile.md). `torch_compile` hands the forward pass to
    `torch.compile`, a text being its mode. `without` names passes to leave out, of `graphs.passes.PASSES[mode]`.
    """
    if mode not in PASSES:
        raise ModeError(f"there is no mode `{mode}`", help=f"there is {one_of(PASSES)}")
    unknown = sorted(set(without) - PASSES[mode].keys())
    if unknown:
        raise ModeError(f"there is no pass {one_of(unknown)} for {mode}", help=f"there is {one_of(PASSES[mode])}")
    if dtype not in DTYPES:
        raise ModeError(f"there is no dtype `{dtype}` for weights", help=f"there is {one_of(DTYPES)}")
    try:
        torch.device(device)
    except RuntimeError:
        raise ModeError(f"torch knows no device `{device}`", help="as in cpu, cuda, cuda:1, mps or meta") from None
    if channels_last is None:
        channels_last = any(node.block.key == "conv2d" for node in graph.in_training.nodes)
    options = Options(mode, channels_last, torch_compile, frozenset(without), graph.trained is not None)
    plan = plan_of(graph, mode, without)
    source = _SOURCES[mode](graph, plan, channels_last=channels_last)
    # The forward pass belongs to a class, not to the module: a module that refers to itself is freed late.
    forward = _load(source, graph.hash)
    if mode == "infer":
        run: Any = torch.compile
        forward = _prepared_first(run(forward, **_torch_options(torch_compile)) if torch_compile else forward)
    of_graph = type(CompiledGraph.__name__, (CompiledGraph,), {"forward": forward})
    with torch.device(device):
        module: CompiledGraph = of_graph(graph, options, plan, source)
    module = module.to(getattr(torch, dtype))
    if channels_last:
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if torch_compile and mode == "train":
        module.compile(**_torch_options(torch_compile))
    return module


_SOURCES = {"train": training_source, "infer": inference_source}


def _torch_options(torch_compile: bool | str) -> dict[str, str]:
    return {"mode": torch_compile} if isinstance(torch_compile, str) else {}


def _prepared_first(run: Callable[..., Any]) -> Callable[..., Any]:
    """A forward pass that sees to its weights, and gives no gradients."""

    def forward(self: CompiledGraph, *inputs: Tensor) -> Any:
        with torch.no_grad():
            return run(self._prepared(), *inputs)

    return forward


def _weight_addresses(graph: Graph) -> dict[str, str]:
    """Where the weights of the whole stand that another node has first in what ships, by the address of their first
    node."""
    whole, first = graph.in_training, len(graph.inputs)
    owners = {node.address for node in graph.nodes if node.shares is None}
    return {
        whole.nodes[node.shares - first].address: node.address
        for node in whole.nodes
        if node.shares is not None and node.address in owners
    }


def _addresses(graph: Graph) -> set[str]:
    return {node.address for node in graph.nodes}


_numbers = itertools.count()


def _load(source: str, name: str) -> Callable[..., Tensor | dict[str, Tensor]]:
    """The function of a source that we made ourselves; tracebacks into it show its lines for as long as it lives."""
    filename = f"<network {name} {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    scope: dict[str, Any] = {"channels_last": torch.channels_last}
    exec(builtins.compile(source, filename, "exec"), scope)
    (forward,) = (value for value in scope.values() if isinstance(value, FunctionType))
    weakref.finalize(forward, linecache.cache.pop, filename, None)
    return forward


def _register(root: nn.Module, address: str, module: nn.Module) -> None:
    *path, name = address.split(".")
    parent = root
    for part in path:
        child = parent._modules.get(part)
        if child is None:
            child = nn.Module()
            parent.add_module(part, child)
        parent = child
    parent.add_module(name, module)


def _switches(module: nn.Module) -> tuple[frozenset[str], frozenset[str]]:
    """The names of the parameters that are not trained, and of the modules that are in evaluation mode."""
    frozen = frozenset(name for name, parameter in module.named_parameters() if not parameter.requires_grad)
    return frozen, frozenset(name for name, part in module.named_modules() if not part.training)


def _restore(
    architecture: str, options: Options, state: dict[str, Tensor], frozen: frozenset[str], resting: frozenset[str]
) -> nn.Module:
    from graphs.loading import parse

    graph = parse(architecture)
    module = compile(  # on meta: no weights are drawn that nobody will see
        graph if options.heads else graph.as_shipped,
        mode=options.mode,
        device="meta",
        channels_last=options.channels_last,
        torch_compile=options.torch_compile,
        without=options.without,
    )
    module.load_state_dict(state, assign=True)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in frozen)
    for name, part in module.named_modules():
        part.training = name not in resting
    return module
