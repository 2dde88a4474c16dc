"""The callables of inference, made of a network's weights when they are needed, and anew when those have changed."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_

import torch
from torch import Tensor, nn

from graphs.inference_kernels import inference_kernel
from graphs.passes import Module, Plan
from graphs.training_kernels import Callee


class Prepared:
    """Called, it gives the callables of a plan in order.

    A weight has changed when another tensor stands in its place, or when torch has counted a change of it in place,
    which it does for all but those through `.data`. Only what is folded or laid out anew is watched: the rest reads
    its weights itself.
    """

    def __init__(self, plan: Plan, modules: Sequence[nn.Module], *, packs: bool) -> None:
        self._plan = plan
        self._packs = packs
        self._modules = tuple(modules)
        made = {
            node
            for operation in plan.operations
            if not isinstance(operation.kernel, Module)
            for node in operation.nodes
        }
        watched = {id(modules[node]): modules[node] for node in sorted(made)}.values()
        self._places = [
            (tensors, name)
            for module in watched
            for tensors in (module._parameters, module._buffers)
            for name, tensor in tensors.items()
            if tensor is not None and name != "num_batches_tracked"
        ]
        self.forget()

    def __call__(self) -> tuple[Callee, ...]:
        tensors = [there[name] for there, name in self._places]
        if (
            not self._callees
            or not all(map(is_, tensors, self._tensors))
            or list(map(_version, tensors)) != self._versions
        ):
            self._prepare(tensors)
        return self._callees

    def forget(self) -> None:
        """Make all anew at the next call."""
        self._callees: tuple[Callee, ...] = ()
        self._tensors: list[Tensor | None] = []
        self._versions: list[int] = []

    def _prepare(self, tensors: list[Tensor | None]) -> None:
        with torch.no_grad():
            self._callees = tuple(
                inference_kernel(operation, self._plan, self._modules, packs=self._packs)
                for operation in self._plan.operations
            )
        self._tensors, self._versions = tensors, list(map(_version, tensors))


def _version(tensor: Tensor | None) -> int:
    """How often a tensor was changed in place; torch does not count that of one made in inference mode."""
    return 0 if tensor is None or tensor.is_inference() else tensor._version
