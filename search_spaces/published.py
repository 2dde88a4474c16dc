"""What is known of the shipped networks beside their documents.

`published.csv`: paper, year, and accuracies with protocol and source. A network has a row for each accuracy, the one
nearest to its paper's own training first; one without any has a row that says why. The year is that of the paper's
first version. `verified.csv`: what a network comes to, and the other implementation whose logits it has with the same
weights, or why there is none; the tests write it from what they compare.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
IMAGENET_ONE_CROP = "ImageNet, 1-crop"  # what the protocols begin with that can be compared with each other


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Per cent of the images whose class is the first, or among the first five; `protocol` says on which, and how."""

    top1: float
    top5: float | None
    protocol: str
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """A network in the literature. `reason` says why it has no accuracy, where it has none."""

    name: str
    family: str
    year: int
    paper: str
    accuracies: tuple[Accuracy, ...]
    reason: str = ""

    def one_crop(self) -> Accuracy | None:
        """The first accuracy on ImageNet with a single crop of each image."""
        return next((found for found in self.accuracies if found.protocol.startswith(IMAGENET_ONE_CROP)), None)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a network comes to, and what it was compared with, such as `torchvision 0.28.0 resnet50`, or why with none.

    `input` is as in 3x224x224.
    """

    input: str
    params: int
    macs: int
    against: str
    reason: str


@cache
def published() -> dict[str, Published]:
    """All that is known, by the name of the network."""
    found: dict[str, Published] = {}
    for row in _rows("published.csv"):
        name = row["name"]
        known = found[name].accuracies if name in found else ()
        reason = "" if row["top1"] else row["source"].removeprefix("none: ")
        if row["top1"]:
            top5 = float(row["top5"]) if row["top5"] else None
            known += (Accuracy(float(row["top1"]), top5, row["protocol"], row["source"]),)
        found[name] = Published(name, row["family"], int(row["year"]), row["paper"], known, reason)
    return found


@cache
def verified() -> dict[str, Verified]:
    """How each network was verified, by its name."""
    return {
        row["name"]: Verified(row["input"], int(row["params"]), int(row["macs"]), row["against"], row["reason"])
        for row in _rows("verified.csv")
    }


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
