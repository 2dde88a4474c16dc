"""The peak memory of a network is what torch has alive at its worst moment."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import graphs
import search_spaces

NETWORKS = ("lenet5", "cifar_resnet20", "resnet18", "googlenet", "densenet121")


class AliveStorages(TorchDispatchMode):
    """Sums the bytes of the storages that operations return, for as long as somebody holds them.

    Buffers inside an operation, such as a convolution's rearranged weights, are not seen; nor is what was there before.
    """

    def __init__(self, image: torch.Tensor, module: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known: set[int] = {weight.untyped_storage().data_ptr() for weight in module.state_dict().values()}
        self.alive: int = 0
        self.peak: int = 0
        self._hold(image)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, torch.Tensor):
                self._hold(tensor)
        return result

    def _hold(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage.data_ptr()
        if key in self._known or not storage.nbytes():
            return
        self._known.add(key)
        self.alive += storage.nbytes()
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._free, key, storage.nbytes())

    def _free(self, key: int, num_bytes: int) -> None:
        self._known.discard(key)
        self.alive -= num_bytes


def torch_peak(module: torch.nn.Module, *shape: int) -> int:
    """Bytes alive at the worst moment of a forward pass without gradients."""
    image = torch.zeros(1, *shape)
    with torch.no_grad(), AliveStorages(image, module) as storages:
        held = [image]
        del image
        module.forward(held.pop())  # not by `module(...)`, whose frame holds the image to the end
    return int(storages.peak)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_peak_is_what_torch_has_alive(name: str) -> None:
    graph = search_spaces.load_network(name)
    (type,) = graph.inputs.values()
    assert torch_peak(graph.compile(channels_last=False).eval(), *type.shape) == graph.costs().peak_bytes


NORMS_AND_SLOPES = """\
version: 1
input: {image: {map: [4, 12, 12]}}
net:
  - {name: a, conv2d: {out_channels: 8, kernel_size: 1}}
  - group_norm: {num_groups: 4}
  - elu: {}
  - prelu: {num_parameters: 8}
  - {name: wide, conv2d: {out_channels: 24, kernel_size: 1}}
  - mish: {}
  - {name: most, global_max_pool: {}}
  - {from: [wide, most], scale: {}}
"""


def test_norms_of_groups_learnt_slopes_and_a_largest_value_keep_nothing_alive() -> None:
    graph = graphs.parse(NORMS_AND_SLOPES)
    assert torch_peak(graph.compile(channels_last=False).eval(), 4, 12, 12) == graph.costs().peak_bytes


def test_a_value_that_is_kept_too_long_would_be_seen() -> None:
    graph = search_spaces.load_network("cifar_resnet20")
    module = graph.compile(channels_last=False).eval()
    kept: list[torch.Tensor] = []
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.register_forward_hook(lambda *call: kept.append(call[2]))
    assert torch_peak(module, 3, 32, 32) > graph.costs().peak_bytes
