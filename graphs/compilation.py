"""Graphs to torch modules.

Each node becomes the module its block builds, registered under its address, so that the keys of a state_dict are
addresses.
The forward pass is Python source made for this graph, one statement a node, with every value freed at its last use:
nothing is looked up or decided while it runs.
"""

from __future__ import annotations

import builtins
import linecache
from collections.abc import Callable
from types import MethodType

import torch
from torch import Tensor, nn

from graphs.costs import last_uses
from graphs.graph import Graph


class CompiledGraph(nn.Module):
    """A network as a torch module, on the device and in the dtype it was compiled for.

    Called with one tensor (N, *shape) an input, in the document's order. Returns the tensor of its only output, or a
    dict of them by name. `source` is the text of the forward pass.
    """

    source: str
    _operations: tuple[nn.Module, ...]

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        modules = [node.block.build(graph.input_types(node)) for node in graph.nodes]
        for node, module in zip(graph.nodes, modules, strict=True):
            _register(self, node.address, module)
        self._operations = tuple(modules)  # a plain tuple: torch sees each module once, at its address
        self.architecture = graph.text()
        self.source = forward_source(graph)
        self.forward = MethodType(_load(self.source, graph.hash), self)

    def __reduce__(self) -> tuple[Callable[..., nn.Module], tuple[str, dict[str, Tensor], bool]]:
        return _restore, (self.architecture, self.state_dict(), self.training)

    def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
        state = {key: value.detach().clone() for key, value in self.state_dict().items()}
        return _restore(self.architecture, state, self.training)


def compile(graph: Graph, *, device: str = "cpu", dtype: str = "float32") -> CompiledGraph:
    """The graph as a module with torch's default initialization, in training mode.

    `device` is any of torch's, "meta" for shapes alone; `dtype` is float32, float16, bfloat16 or float64.
    """
    with torch.device(device):
        module = CompiledGraph(graph)
    return module.to(getattr(torch, dtype))


def forward_source(graph: Graph) -> str:
    """The forward pass as Python source. `o` are the operations in order, `x3` is the value of index 3."""
    names = tuple(graph.inputs)
    first, last = len(names), last_uses(graph)
    rows = [f"def forward(self, {', '.join(f'x{index}' for index in range(first))}):", "    o = self._operations"]
    for index, node in enumerate(graph.nodes):
        arguments = ", ".join(f"x{source}" for source in node.sources)
        rows.append(f"    x{first + index} = o[{index}]({arguments})  # {node.address}")
        dead = [f"x{source}" for source in dict.fromkeys(node.sources) if last[source] == index]
        if dead:
            rows.append(f"    del {', '.join(dead)}")
    outputs = {name: f"x{value}" for name, value in graph.outputs.items()}
    if len(outputs) == 1:
        rows.append(f"    return {next(iter(outputs.values()))}")
    else:
        rows.append("    return {" + ", ".join(f"{name!r}: {value}" for name, value in outputs.items()) + "}")
    return "\n".join(rows) + "\n"


def _load(source: str, name: str) -> Callable[..., Tensor | dict[str, Tensor]]:
    """The function of a source that we made ourselves; tracebacks into it show its lines."""
    filename = f"<network {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    scope: dict[str, Callable[..., Tensor | dict[str, Tensor]]] = {}
    exec(builtins.compile(source, filename, "exec"), scope)
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


def _restore(architecture: str, state: dict[str, Tensor], training: bool) -> nn.Module:
    from graphs.loading import parse

    example = next(iter(state.values()), torch.zeros(()))
    module = compile(parse(architecture), device=str(example.device))
    module.to(dtype=next((value.dtype for value in state.values() if value.is_floating_point()), torch.float32))
    module.load_state_dict(state)
    return module.train(training)
