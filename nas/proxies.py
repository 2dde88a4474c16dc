"""Proxies of how well a network will do, on tensors and without training: NASWOT and SynFlow.

Letters: N images, C channels, H height, W width, A activations of the whole network. Both look at the network as it
begins, with weights that follow from the seed. More is better; a proxy says nothing of how much better. The random
state of torch outside is left as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nas.seeds import derive_seed
from nas.training import initialise

if TYPE_CHECKING:
    from graphs import Graph
    from nas.data import SearchData

NUM_IMAGES = 128  # as in the reference implementation of NASWOT
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardtanh)
NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm)


@dataclass(frozen=True)
class Proxy:
    """One of `TENSOR_PROXIES` as a function of networks, on the CPU; `data` are the images that NASWOT looks at.

    `seed` is that of the study, of any size.
    """

    name: str
    data: SearchData
    seed: int

    def __call__(self, graph: Graph) -> float:
        """-inf where the network can't be told from a constant, or is too large for numbers."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            module = graph.as_shipped.compile(device="cpu")
            initialise(module)
            score = naswot(module, self._images()) if self.name == "naswot" else synflow(module, self._shape())
        return score if score == score and score < float("inf") else float("-inf")

    @property
    def _seed(self) -> int:
        return derive_seed(self.seed, "proxy")

    def _images(self) -> Tensor:
        """Normalised images (N, C, H, W), the same for every network."""
        part = self.data.train
        rows = torch.randperm(len(part), generator=torch.Generator().manual_seed(self._seed))[:NUM_IMAGES]
        shape = (1, len(self.data.mean), 1, 1)
        mean, std = torch.tensor(self.data.mean).view(shape), torch.tensor(self.data.std).view(shape)
        return (torch.from_numpy(part.images[rows.numpy()]).float() - mean) / std

    def _shape(self) -> tuple[int, int, int]:
        return self.data.image_shape


def naswot(module: nn.Module, images: Tensor) -> float:
    """How well the pattern of active units tells images (N, C, H, W) apart (Mellor et al. 2021, arXiv 2006.04647, 3).

    The logarithm of the determinant of the kernel K (N, N), where K[i, j] is the number of the A units that are both
    active, or both not, for the images i and j. Batch norm takes the statistics of these images.
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64)

    def watch(_: nn.Module, inputs: tuple[Any, ...], __: object) -> None:
        active = (inputs[0].flatten(1) > 0).float()
        inactive = 1 - active
        kernel.add_(active @ active.T + inactive @ inactive.T)

    module.eval()  # where a compiled network calls its modules, hooks and all
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.train()
    with _hooked(module, ACTIVATIONS, watch), torch.inference_mode():
        module(images)
    sign, logarithm = torch.linalg.slogdet(kernel)
    return float(logarithm) if sign > 0 else float("-inf")


def synflow(module: nn.Module, shape: tuple[int, int, int]) -> float:
    """The logarithm of the sum over all weights of |weight * gradient| (Tanaka et al. 2020, arXiv 2006.05467, eq. 3).

    The gradient is that of the sum of the outputs for an image (C, H, W) of ones, where all weights are replaced by
    their absolute values and norms by nothing, in double precision.
    """
    module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_()

    def pass_by(_: nn.Module, inputs: tuple[Any, ...], __: object) -> Any:
        return inputs[0]

    with _hooked(module, NORMS, pass_by):
        output = module(torch.ones(1, *shape, dtype=torch.float64))
        output.sum().backward()
    flow = sum(
        (parameter * parameter.grad).abs().sum() for parameter in module.parameters() if parameter.grad is not None
    )
    return float(torch.log(torch.as_tensor(flow).detach()))


class _hooked:  # noqa: N801  a context manager
    """Inside, all modules of these classes have this forward hook."""

    def __init__(self, module: nn.Module, classes: tuple[type[nn.Module], ...], hook: Callable[..., Any]) -> None:
        self._handles = [part.register_forward_hook(hook) for part in module.modules() if isinstance(part, classes)]

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
