"""Networks that no library builds, written a second time from their papers, as modules of torch alone.

They share nothing with the documents but the names of their parts, so that weights can be copied by name. What both got
wrong in the same way stays unseen: figures from elsewhere stand beside them in the proofs.

Letters: N batch, C channels, H height, W width.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv(nn.Sequential):
    """Convolution without bias, then norm: the parts `conv` and `norm`."""

    def __init__(self, ins: int, outs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outs)


class Shortcut(nn.Module):
    """He 2015, section 3.3: `pad` is option A, `project` option B."""

    def __init__(self, ins: int, outs: int, stride: int, kind: str) -> None:
        super().__init__()
        self.stride, self.extra, self.kind = stride, outs - ins, kind
        if kind == "project" and (stride, ins) != (1, outs):
            self.project = Conv(ins, outs, 1, stride)

    def forward(self, source: Tensor) -> Tensor:
        if self.kind == "none":
            return torch.zeros(())
        if hasattr(self, "project"):
            projected: Tensor = self.project(source)
            return projected
        return functional.pad(source[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


class Basic(nn.Module):
    """He 2015, figure 5 left; of one kind of shortcut, or of none."""

    def __init__(self, ins: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = Conv(ins, width, 3, stride)
        self.conv2 = Conv(width, width)
        self.skip = Shortcut(ins, width, stride, shortcut)

    def forward(self, source: Tensor) -> Tensor:
        return functional.relu(self.conv2(functional.relu(self.conv1(source))) + self.skip(source))


class ResNet(nn.Module):
    """Layers of blocks, each after the first half as large and twice as wide. A `large` one starts for ImageNet."""

    def __init__(
        self,
        depths: Sequence[int],
        width: int,
        classes: int,
        shortcut: str,
        *,
        large: bool,
    ) -> None:
        super().__init__()
        self.stem = Conv(3, width, 7, 2) if large else Conv(3, width)
        self.pool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        self.depths, ins = depths, width
        for number, depth in enumerate(depths):
            blocks = []
            for index in range(depth):
                stride = 2 if number > 0 and index == 0 else 1
                blocks.append(Basic(ins, width << number, stride, shortcut))
                ins = width << number
            self.add_module(f"layer{number + 1}", nn.Sequential(*blocks))
        self.logits = nn.Linear(ins, classes)

    def forward(self, source: Tensor) -> Tensor:
        source = self.pool(functional.relu(self.stem(source)))
        for number in range(len(self.depths)):
            source = self.get_submodule(f"layer{number + 1}")(source)
        logits: Tensor = self.logits(source.mean((2, 3)))
        return logits


class Preactivated(nn.Module):
    """Zagoruyko 2016, figure 1: norm, ReLU and 3x3 convolution, twice; a projection reads what is activated."""

    def __init__(self, ins: int, outs: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(ins), nn.BatchNorm2d(outs)
        self.conv1 = nn.Conv2d(ins, outs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outs, outs, 3, 1, 1, bias=False)
        if (ins, stride) != (outs, 1):
            self.project = nn.Conv2d(ins, outs, 1, stride, bias=False)

    def forward(self, source: Tensor) -> Tensor:
        active = functional.relu(self.norm1(source))
        skip = self.project(active) if hasattr(self, "project") else source
        total: Tensor = self.conv2(functional.relu(self.norm2(self.conv1(active)))) + skip
        return total


class WideResNet(nn.Module):
    """Zagoruyko 2016, table 1."""

    def __init__(self, depth: int, widen: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        widths = [16, 16 * widen, 32 * widen, 64 * widen]
        for number, (ins, outs) in enumerate(itertools.pairwise(widths), start=1):
            blocks = [Preactivated(ins, outs, 1 if number == 1 else 2)]
            blocks += [Preactivated(outs, outs, 1) for _ in range(depth - 1)]
            self.add_module(f"group{number}", nn.Sequential(*blocks))
        self.norm = nn.BatchNorm2d(widths[-1])
        self.logits = nn.Linear(widths[-1], classes)

    def forward(self, source: Tensor) -> Tensor:
        source = self.stem(source)
        for number in (1, 2, 3):
            source = self.get_submodule(f"group{number}")(source)
        logits: Tensor = self.logits(functional.relu(self.norm(source)).mean((2, 3)))
        return logits


class PreactivatedConv(nn.Module):
    """Norm, ReLU and convolution."""

    def __init__(self, ins: int, outs: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(ins)
        self.conv = nn.Conv2d(ins, outs, kernel, padding=kernel // 2, bias=False)

    def forward(self, source: Tensor) -> Tensor:
        made: Tensor = self.conv(functional.relu(self.norm(source)))
        return made


class DenseLayer(nn.Module):
    """Huang 2017, section 3: what it reads, and after it what it makes of that."""

    def __init__(self, ins: int, growth: int, bottleneck: int) -> None:
        super().__init__()
        if bottleneck:
            self.conv1 = PreactivatedConv(ins, bottleneck * growth, 1)
        self.conv2 = PreactivatedConv(bottleneck * growth or ins, growth, 3)

    def forward(self, source: Tensor) -> Tensor:
        inner = self.conv1(source) if hasattr(self, "conv1") else source
        return torch.cat([source, self.conv2(inner)], 1)


class DenseNet(nn.Module):
    """Huang 2017, for CIFAR: three blocks, and transitions that keep one of `compression` channels."""

    def __init__(self, depth: int, growth: int, stem: int, bottleneck: int, compression: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, stem, 3, padding=1, bias=False)
        channels = stem
        for number in (1, 2, 3):
            layers = [DenseLayer(channels + index * growth, growth, bottleneck) for index in range(depth)]
            self.add_module(f"block{number}", nn.Sequential(*layers))
            channels += depth * growth
            if number < 3:
                conv = PreactivatedConv(channels, channels // compression, 1)
                self.add_module(f"transition{number}", nn.ModuleDict({"conv": conv}))
                channels //= compression
        self.norm = nn.BatchNorm2d(channels)
        self.logits = nn.Linear(channels, 10)

    def steps(self) -> Iterator[nn.Module]:
        """What is done between the first convolution and the last norm."""
        for number in (1, 2):
            yield self.get_submodule(f"block{number}")
            yield self.get_submodule(f"transition{number}.conv")
            yield nn.AvgPool2d(2)
        yield self.get_submodule("block3")

    def forward(self, source: Tensor) -> Tensor:
        source = self.stem(source)
        for step in self.steps():
            source = step(source)
        logits: Tensor = self.logits(functional.relu(self.norm(source)).mean((2, 3)))
        return logits


def cifar_resnet(depth: int, shortcut: str) -> nn.Module:
    """He 2015, section 4.2."""
    return ResNet([depth] * 3, 16, 10, shortcut, large=False)


def resnet_basic(depths: Sequence[int], shortcut: str) -> nn.Module:
    """He 2015, table 1: 18 and 34 layers, or figure 3 without shortcuts."""
    return ResNet(depths, 64, 1000, shortcut, large=True)


def wide_resnet(depth: int, widen: int, classes: int = 10) -> nn.Module:
    """Zagoruyko 2016: 6 * depth + 4 layers."""
    return WideResNet(depth, widen, classes)


def densenet_cifar(depth: int, growth: int, stem: int = 16, bottleneck: int = 0, compression: int = 1) -> nn.Module:
    """Huang 2017, table 2."""
    return DenseNet(depth, growth, stem, bottleneck, compression)
