"""A graph as a network of torch's own modules, which is what other tools understand best."""

from __future__ import annotations

from torch import Tensor, nn

from graphs import Graph


class TorchModules(nn.Module):
    """A graph with each block as the module of its name, and `global_avg_pool` as an adaptive pool to one cell.

    Called with one tensor an input; gives the output of a network that has one.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.parts = nn.ModuleDict()  # those that share weights are one module
        self.names: list[str] = []
        for node in graph.nodes:
            if node.shares is not None:
                self.names.append(self.names[node.shares - len(graph.inputs)])
                continue
            module = node.block.build(graph.input_types(node))
            if node.block.key == "global_avg_pool":
                module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.names.append(node.address.replace(".", "_"))
            self.parts[self.names[-1]] = module

    def forward(self, *inputs: Tensor) -> Tensor:
        values: list[Tensor] = [*inputs]
        for node, name in zip(self.graph.nodes, self.names, strict=True):
            values.append(self.parts[name](*(values[source] for source in node.sources)))
        (output,) = self.graph.outputs.values()
        return values[output]
