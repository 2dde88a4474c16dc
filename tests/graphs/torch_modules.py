"""A graph as a network of torch's own modules, which is what other tools understand best."""

from __future__ import annotations

from torch import Tensor, nn

from blocks.modules import GroupNorm, LayerNorm2d
from graphs import Graph


class Permute(nn.Module):
    """A tensor with its dimensions in another order."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, source: Tensor) -> Tensor:
        return source.permute(self.order)


class TorchModules(nn.Module):
    """A graph with each block as the module of its name, `global_avg_pool` and `global_max_pool` as adaptive pools to
    one cell, `layer_norm2d` as a layer norm between permutations, and `group_norm` as torch's own.

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
            if node.block.key == "global_max_pool":
                module = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
            if isinstance(module, LayerNorm2d):
                module = nn.Sequential(Permute(0, 2, 3, 1), nn.LayerNorm(module.weight.shape), Permute(0, 3, 1, 2))
            if isinstance(module, GroupNorm):
                module = nn.GroupNorm(module.num_groups, module.num_channels, affine=module.affine)
            self.names.append(node.address.replace(".", "_"))
            self.parts[self.names[-1]] = module

    def forward(self, *inputs: Tensor) -> Tensor:
        values: list[Tensor] = [*inputs]
        for node, name in zip(self.graph.nodes, self.names, strict=True):
            values.append(self.parts[name](*(values[source] for source in node.sources)))
        (output,) = self.graph.outputs.values()
        return values[output]
