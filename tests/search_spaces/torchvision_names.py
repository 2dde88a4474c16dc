"""What torchvision calls the weights of the shipped networks: an address here, without what the module calls its own
(`weight`, `running_mean`), to the name of the same module there."""

from __future__ import annotations

import re
from collections.abc import Callable

_CONV = {"conv": "conv", "norm": "bn"}


def resnet(address: str) -> str:
    """`layer1.0.basic.conv2.norm` is layer1.0.bn2, `layer1.0.basic.skip.project.conv` is layer1.0.downsample.0."""
    address = address.replace("basic.", "").replace("bottleneck.", "")
    if address == "logits":
        return "fc"
    block, _, part = address.rpartition(".")
    if block == "stem":
        return f"{_CONV[part]}1"
    if block.endswith("skip.project"):
        return f"{block.removesuffix('skip.project')}downsample.{('conv', 'norm').index(part)}"
    block, number = block[:-1], block[-1]  # layer1.0.conv, 2
    return f"{block.removesuffix('conv')}{_CONV[part]}{number}"


def googlenet(address: str) -> str:
    """`inception3a.parallel.b3.reduce.conv` is inception3a.branch2.0.conv, `...b3.conv.conv` its branch2.1.conv."""
    if address == "logits":
        return "fc"
    block, _, part = address.rpartition(".")
    inner = re.fullmatch(r"(inception\w+)\.parallel\.(\w+)\.(\w+)", block)
    if inner is None:
        return f"{block}.{_CONV[part]}"
    module, branch, step = inner.groups()
    number = {"b1": "1", "b3": "2", "b5": "3", "pool": "4"}[branch]
    place = "" if branch == "b1" else ".0" if step == "reduce" else ".1"
    return f"{module}.branch{number}{place}.{_CONV[part]}"


def densenet(address: str) -> str:
    """`block1.0.conv2.norm` is features.denseblock1.denselayer1.norm2, `transition1.conv.conv` the transition's
    conv."""
    parts = address.split(".")
    match parts:
        case ["logits"]:
            return "classifier"
        case ["norm"]:
            return "features.norm5"
        case ["stem", part]:
            return f"features.{part}0"
        case [transition, _, part] if transition.startswith("transition"):
            return f"features.{transition}.{part}"
        case [block, layer, conv, part]:
            return f"features.dense{block}.denselayer{int(layer) + 1}.{part}{conv.removeprefix('conv')}"
    raise ValueError(address)


def efficientnet(address: str) -> str:
    """`stage2.1.project.norm` is features.2.1.block.3.1; the first stage has no `expand`."""
    ends = {"logits": "classifier.1", "stem": "features.0", "head": "features.8"}
    first, *rest = address.split(".")
    if first in ends:
        return ".".join([ends[first], *(str(("conv", "norm").index(part)) for part in rest)])
    number = int(first.removeprefix("stage"))
    layer, inside = rest[0], rest[1:]
    place = ("expand", "depthwise", "se", "project").index(inside[0]) - (number == 1)
    last = (
        ".fc1" if inside[-1] == "reduce" else ".fc2" if inside[0] == "se" else f".{('conv', 'norm').index(inside[-1])}"
    )
    return f"features.{number}.{layer}.block.{place}{last}"


NAMES: dict[str, Callable[[str], str]] = {
    "resnet50": resnet,
    "googlenet": googlenet,
    "densenet121": densenet,
    "efficientnet_b0": efficientnet,
}
