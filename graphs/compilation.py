"""Graphs to torch modules.

Each node becomes the module its block builds, registered under its address, so that the keys of a state_dict are
addresses.
The forward pass is Python source made for this graph, one statement a node, with every value freed at its last use:
nothing is looked up or decided while it runs.
"""

from __future__ import annotations

import builtins
import itertools
import linecache
import weakref
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from blocks.extensions import build_block
from graphs.costs import last_uses
from graphs.graph import Graph


class CompiledGraph(nn.Module):
    """A network as a torch module, on the device and in the dtype it was compiled for.

    Called with one tensor (N, *shape) an input, in the document's order. Returns the tensor of its only output, or a
    dict of them by name; in training mode, with the training outputs of the document, which are not computed in
    evaluation. `source` is the text of the forward pass, `architecture` that of the document.

    Copies and pickles have the same weights, frozen and resting parts; hooks and gradients stay behind.
    """

    source: str
    architecture: str
    _has_heads: bool
    _operations: tuple[nn.Module, ...]

    def __init__(self, graph: Graph, source: str) -> None:
        super().__init__()
        whole, modules = graph.in_training, list[nn.Module]()
        places = _weight_addresses(graph)
        for node in whole.nodes:
            if node.shares is not None:
                modules.append(modules[node.shares - len(graph.inputs)])
                continue
            modules.append(build_block(node.block, whole.input_types(node), node.address))
            _register(self, places.get(node.address, node.address), modules[-1])
        self._operations = tuple(modules)  # a plain tuple: torch sees each module once, at its address
        self.architecture = graph.text()
        self._has_heads = graph.trained is not None
        self.source = source

    def __reduce__(self) -> tuple[Callable[..., nn.Module], tuple[object, ...]]:
        return _restore, (self.architecture, self._has_heads, self.state_dict(), *_switches(self))

    def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
        state = {key: value.detach().clone() for key, value in self.state_dict().items()}
        copied = memo[id(self)] = _restore(self.architecture, self._has_heads, state, *_switches(self))
        return copied


def compile(graph: Graph, *, device: str = "cpu", dtype: str = "float32") -> CompiledGraph:
    """The graph as a module with torch's default initialization, in training mode.

    `device` is any of torch's, "meta" for shapes alone; `dtype` is float32, float16, bfloat16 or float64.
    """
    source = forward_source(graph)
    # The forward pass belongs to a class, not to the module: a module that refers to itself is freed late.
    of_graph = type(CompiledGraph.__name__, (CompiledGraph,), {"forward": _load(source, graph.hash)})
    with torch.device(device):
        module: CompiledGraph = of_graph(graph, source)
    return module.to(getattr(torch, dtype))


def forward_source(graph: Graph) -> str:
    """The forward pass as Python source. `o` are the operations in order, `x3` is the value of index 3."""
    first, whole = len(graph.inputs), graph.in_training
    rows = [f"def forward(self, {', '.join(f'x{index}' for index in range(first))}):", "    o = self._operations"]
    if whole is not graph:
        rows += ["    if self.training:", *(f"    {row}" for row in _statements(whole, whole))]
    return "\n".join((*rows, *_statements(graph, whole))) + "\n"


def _statements(graph: Graph, whole: Graph) -> Iterator[str]:
    """The statements of a graph's nodes, with the operations of the whole; the last returns."""
    first, last = len(graph.inputs), last_uses(graph)
    places = {node.address: index for index, node in enumerate(whole.nodes)}
    for index, node in enumerate(graph.nodes):
        arguments = ", ".join(f"x{source}" for source in node.sources)
        yield f"    x{first + index} = o[{places[node.address]}]({arguments})  # {node.address}"
        dead = [f"x{source}" for source in dict.fromkeys(node.sources) if last[source] == index]
        if dead:
            yield f"    del {', '.join(dead)}"
    outputs = {name: f"x{value}" for name, value in graph.outputs.items()}
    if len(outputs) == 1:
        yield f"    return {next(iter(outputs.values()))}"
    else:
        yield "    return {" + ", ".join(f"{name!r}: {value}" for name, value in outputs.items()) + "}"


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


_numbers = itertools.count()


def _load(source: str, name: str) -> Callable[..., Tensor | dict[str, Tensor]]:
    """The function of a source that we made ourselves; tracebacks into it show its lines for as long as it lives."""
    filename = f"<network {name} {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    scope: dict[str, Callable[..., Tensor | dict[str, Tensor]]] = {}
    exec(builtins.compile(source, filename, "exec"), scope)
    weakref.finalize(scope["forward"], linecache.cache.pop, filename, None)
    return scope["forward"]


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
    architecture: str, has_heads: bool, state: dict[str, Tensor], frozen: frozenset[str], resting: frozenset[str]
) -> nn.Module:
    from graphs.loading import parse

    graph = parse(architecture)
    module = compile(
        graph if has_heads else graph.as_shipped, device="meta"
    )  # no weights are drawn that nobody will see
    module.load_state_dict(state, assign=True)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in frozen)
    for name, part in module.named_modules():
        part.training = name not in resting
    return module
