"""The networks before 2015 that no library builds, written a second time: see `paper_models`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


def chain(**parts: nn.Module) -> nn.Sequential:
    """Parts by name, one after the other."""
    return nn.Sequential(OrderedDict(parts))


def conv(ins: int, outs: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1) -> nn.Sequential:
    """A convolution and its ReLU."""
    return chain(conv=nn.Conv2d(ins, outs, kernel, stride, padding, groups=groups), act=nn.ReLU())


def dense(ins: int, outs: int) -> nn.Sequential:
    """A linear layer, its ReLU and its dropout."""
    return chain(linear=nn.Linear(ins, outs), act=nn.ReLU(), dropout=nn.Dropout())


class ResponseNorm(nn.Module):
    """Krizhevsky 2012, section 3.3: b = a / (k + alpha * sum of a ** 2) ** beta over n neighbouring channels."""

    def __init__(self, k: float = 2, n: int = 5, alpha: float = 1e-4, beta: float = 0.75) -> None:
        super().__init__()
        self.k, self.n, self.alpha, self.beta = k, n, alpha, beta

    def forward(self, source: Tensor) -> Tensor:
        channels = source.shape[1]
        sums = [
            (source[:, max(0, i - self.n // 2) : min(channels - 1, i + self.n // 2) + 1] ** 2).sum(1)
            for i in range(channels)
        ]
        return source / (self.k + self.alpha * torch.stack(sums, 1)) ** self.beta


def lenet5() -> nn.Module:
    """LeCun 1998, figure 2, with all connections, plain means and ten logits."""
    return chain(
        c1=chain(conv=nn.Conv2d(1, 6, 5), act=nn.Tanh()),
        s2=nn.AvgPool2d(2),
        c3=chain(conv=nn.Conv2d(6, 16, 5), act=nn.Tanh()),
        s4=nn.AvgPool2d(2),
        c5=chain(conv=nn.Conv2d(16, 120, 5), act=nn.Tanh()),
        flat=nn.Flatten(),
        f6=nn.Linear(120, 84),
        act6=nn.Tanh(),
        logits=nn.Linear(84, 10),
    )


class Squash(nn.Module):
    """LeCun 1998, appendix A."""

    def forward(self, source: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(source * 2 / 3)


class Subsample(nn.Module):
    """LeCun 1998, section II.B: four inputs, a coefficient, a bias. The coefficient is four times the paper's."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.scale = nn.BatchNorm2d(maps, track_running_stats=False)  # holds the two, and is never called

    def forward(self, source: Tensor) -> Tensor:
        corners = [source[:, :, down::2, right::2] for down in (0, 1) for right in (0, 1)]
        mean = torch.stack(corners).sum(0) / 4
        weighted = mean * self.scale.weight[:, None, None] + self.scale.bias[:, None, None]
        return 1.7159 * torch.tanh(weighted * 2 / 3)


class SparseMaps(nn.Module):
    """C3 of LeCun 1998: a map for each column of table I, and what it reads."""

    TABLE = (
        *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1)),
        *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2)),
        *((0, 1, 3, 4), (1, 2, 4, 5), (2, 3, 5, 0), (0, 1, 2, 3, 4, 5)),
    )

    def __init__(self) -> None:
        super().__init__()
        for index, read in enumerate(self.TABLE):
            name = "apart" if index in (12, 13, 14) else "adjacent"
            part = nn.ModuleDict({name: nn.ModuleDict({"conv": nn.Conv2d(len(read), 1, 5)})})
            self.add_module(f"m{index}", part)

    def forward(self, source: Tensor) -> Tensor:
        convs = [part for part in self.modules() if isinstance(part, nn.Conv2d)]
        return torch.cat([made(source[:, list(read)]) for made, read in zip(convs, self.TABLE, strict=True)], 1)


def lenet5_1998() -> nn.Module:
    """LeCun 1998, section II.B, to F6."""
    return chain(
        c1=nn.Conv2d(1, 6, 5),
        act1=Squash(),
        s2=Subsample(6),
        c3=SparseMaps(),
        act3=Squash(),
        s4=Subsample(16),
        c5=nn.Conv2d(16, 120, 5),
        act5=Squash(),
        flat=nn.Flatten(),
        f6=nn.Linear(120, 84),
        act6=Squash(),
    )


def lenet_caffe() -> nn.Module:
    """Caffe's examples/mnist/lenet.prototxt."""
    return chain(
        conv1=nn.Conv2d(1, 20, 5),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(20, 50, 5),
        pool2=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        ip1=nn.Linear(800, 500),
        act=nn.ReLU(),
        ip2=nn.Linear(500, 10),
    )


def alexnet(groups: int, norm_first: bool) -> nn.Module:
    """Krizhevsky 2012, figure 2."""
    return eight_layers(
        conv(3, 96, 11, 4), conv(96, 256, 5, 1, 2, groups), (384, 384, 256), groups, nn.MaxPool2d(3, 2), norm_first
    )


def zfnet(widths: Sequence[int] = (384, 384, 256)) -> nn.Module:
    """Zeiler 2013, figure 3."""
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    return eight_layers(conv(3, 96, 7, 2, 1), conv(96, 256, 5, 2), widths, 1, pool, norm_first=False)


def eight_layers(
    first: nn.Module, second: nn.Module, widths: Sequence[int], groups: int, pool: nn.Module, norm_first: bool
) -> nn.Module:
    """Five convolutions, of which the third reads all maps whatever the groups, and three linear layers."""
    third, fourth, fifth = widths
    norm: list[nn.Module] = [ResponseNorm(), pool] if norm_first else [pool, ResponseNorm()]
    return chain(
        conv1=first,
        pool1=nn.Sequential(*norm),
        conv2=second,
        pool2=nn.Sequential(*norm),
        conv3=conv(256, third, 3, 1, 1),
        conv4=conv(third, fourth, 3, 1, 1, groups),
        conv5=conv(fourth, fifth, 3, 1, 1, groups),
        pool5=pool,
        flat=nn.Flatten(),
        fc6=dense(fifth * 6 * 6, 4096),
        fc7=dense(4096, 4096),
        fc8=nn.Linear(4096, 1000),
    )


def nin() -> nn.Module:
    """Lin 2013, figure 2, with four layers; the mean of a map for a class."""

    def layer(ins: int, width: int, outs: int, *window: int) -> nn.Sequential:
        return chain(conv=conv(ins, width, *window), mlp1=conv(width, width, 1), mlp2=conv(width, outs, 1))

    return chain(
        layer1=layer(3, 96, 96, 11, 4),
        pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
        layer2=layer(96, 256, 256, 5, 1, 2),
        pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
        layer3=layer(256, 384, 384, 3, 1, 1),
        pool3=nn.MaxPool2d(3, 2, ceil_mode=True),
        drop=nn.Dropout(),
        layer4=layer(384, 1024, 1000, 3, 1, 1),
        mean=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(),
    )


class Side(nn.Module):
    """Branches side by side."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        self.parallel = nn.ModuleDict(branches)

    def forward(self, source: Tensor) -> Tensor:
        return torch.cat([branch(source) for branch in self.parallel.values()], 1)


def inception(ins: int, b1: int, r3: int, b3: int, r5: int, b5: int, pool: int) -> Side:
    """Szegedy 2014, figure 2b; 2a, where nothing is reduced."""
    window = nn.MaxPool2d(3, 1, 1)
    return Side(
        b1=chain(conv=conv(ins, b1, 1)),
        b3=chain(reduce=conv(ins, r3, 1), conv=conv(r3, b3, 3, 1, 1)) if r3 else chain(conv=conv(ins, b3, 3, 1, 1)),
        b5=chain(reduce=conv(ins, r5, 1), conv=conv(r5, b5, 5, 1, 2)) if r5 else chain(conv=conv(ins, b5, 5, 1, 2)),
        pool=chain(window=window, conv=conv(ins, pool, 1)) if pool else chain(window=window),
    )


def inception_module(reduce: int) -> nn.Module:
    """The module of lectures, whose branches have no name above them, and whose last convolution is a reduction."""
    side = inception(256, 128, reduce, 192, reduce, 96, reduce)
    pool = side.parallel["pool"]
    if isinstance(pool, nn.Sequential) and reduce:
        side.parallel["pool"] = chain(window=pool[0], reduce=pool[1])
    return _Named(side)


class _Named(nn.Module):
    def __init__(self, side: Side) -> None:
        super().__init__()
        self.module = side.parallel

    def forward(self, source: Tensor) -> Tensor:
        return torch.cat([branch(source) for branch in self.module.values()], 1)


class Outputs(NamedTuple):
    """Of GoogLeNet in training."""

    logits: Tensor
    aux1: Tensor
    aux2: Tensor


# Szegedy 2014, table 1: name, #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
TABLE = (
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
)


class GoogLeNet(nn.Module):
    """Szegedy 2014, table 1 and section 5; alpha of the response norms by the mean, as in Caffe."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = conv(3, 64, 7, 2, 3), conv(64, 64, 1), conv(64, 192, 3, 1, 1)
        self.pool, self.norm = nn.MaxPool2d(3, 2, ceil_mode=True), ResponseNorm(k=1, alpha=1e-4 / 5)
        ins, heads = 192, {}
        for name, *sizes in TABLE:
            self.add_module(f"inception{name}", inception(ins, *sizes))
            ins = sizes[0] + sizes[2] + sizes[4] + sizes[5]
            heads[name] = ins
        self.aux1, self.aux2 = self.head(heads["4a"]), self.head(heads["4d"])
        self.dropout, self.logits = nn.Dropout(0.4), nn.Linear(ins, 1000)

    @staticmethod
    def head(ins: int) -> nn.Module:
        """An auxiliary classifier."""
        parts: dict[str, Any] = {"pool": nn.AvgPool2d(5, 3), "conv": conv(ins, 128, 1), "flat": nn.Flatten()}
        parts |= {"fc1": nn.Linear(2048, 1024), "act": nn.ReLU(), "dropout": nn.Dropout(0.7)}
        return chain(**parts, fc2=nn.Linear(1024, 1000))

    def forward(self, source: Tensor) -> Tensor | Outputs:
        source = self.norm(self.pool(self.conv1(source)))
        source = self.pool(self.norm(self.conv3(self.conv2(source))))
        middle: dict[str, Tensor] = {}
        for name, *_ in TABLE:
            source = middle[name] = self.get_submodule(f"inception{name}")(source)
            if name in ("3b", "4e"):
                source = self.pool(source)
        logits: Tensor = self.logits(self.dropout(source.mean((2, 3))))
        return Outputs(logits, self.aux1(middle["4a"]), self.aux2(middle["4d"])) if self.training else logits


def googlenet() -> nn.Module:
    """The paper's network."""
    return GoogLeNet()
