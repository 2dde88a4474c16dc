"""What is known of the shipped networks from outside, `proofs/<family>.yaml`, and how each is proved right.

    resnet50:
      params: 25_557_032
      training_params: 25_557_032      # with what only trains, where that is other
      macs: 4_089_184_256              # at batch 1 and the size of the document
      convs: 53
      linears: 1
      source: where the figures come from
      reference: {library: torchvision, builder: resnet50, options: {}, outputs: {}, size: 64}
      layers: resnet50                 # a table in layers/, also from outside
      training_layers: NAME            # one of the network in training, in any order

`size` is the side of the image on which both are run, the document's own where it is left out; `settings` are values of
our parameters without which the library's network is another; `outputs` are those of training and what the library's
named tuple calls them. Without a `reference`, `unverified` says why there is no other implementation. The library
`paper` is `paper_models.py` and `paper_classics.py`, our own: there is a reason beside it, too.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

import search_spaces
from graphs import Graph
from tests import references

FOLDER = Path(__file__).parent
PROOFS = FOLDER / "proofs"
LAYERS = FOLDER / "layers"

# Of the libraries that are compared with, as the commands that install them say.
VERSIONS = dict(
    re.findall(r"(\w+)==(\S+)", f"{references.INSTALL} {references.INSTALL_TIMM} {references.INSTALL_PYTORCHCV}")
)

Layer = tuple[str, tuple[int, ...], int, int]


@dataclass(frozen=True)
class Reference:
    """A model of another library, and the side of the image on which it is run; None for the network's own.

    `outputs` are our outputs in training and those of its named tuple, `settings` what is other in ours.
    """

    library: Literal["torchvision", "timm", "pytorchcv", "paper"]
    builder: str
    options: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    settings: dict[str, int | float | str] = field(default_factory=dict)
    size: int | None = None


@dataclass(frozen=True)
class Proof:
    """What one network is compared with."""

    name: str
    family: str
    params: int
    macs: int
    convs: int
    linears: int
    source: str
    training_params: int | None = None
    reference: Reference | None = None
    unverified: str = ""
    layers: str = ""
    training_layers: str = ""

    @property
    def against(self) -> str:
        """The implementation that it is compared with, in words; nothing where there is none."""
        if self.reference is None:
            return ""
        if self.reference.library == "paper":
            return "a second writing of the paper"
        return f"{self.reference.library} {VERSIONS[self.reference.library]} {self.reference.builder}"

    def graph(self) -> Graph:
        """The network; the same for all tests."""
        return _network(self.name)

    def compared(self) -> Graph:
        """The network as it is compared with its reference."""
        assert self.reference is not None
        size = {} if self.reference.size is None else {"size": self.reference.size}
        return search_spaces.load_network(self.name, {**size, **self.reference.settings})


@cache
def _network(name: str) -> Graph:
    return search_spaces.load_network(name)


@cache
def proofs() -> dict[str, Proof]:
    """All proofs by the name of the network."""
    found: dict[str, Proof] = {}
    for path in sorted(PROOFS.glob("*.yaml")):
        for name, facts in yaml.safe_load(path.read_text("utf-8")).items():
            assert name not in found, f"{name} has two proofs"
            reference = Reference(**facts.pop("reference")) if "reference" in facts else None
            found[name] = Proof(name=name, family=path.stem, reference=reference, **facts)
    return found


def layer_table(name: str) -> list[Layer]:
    """The convolutions, linear layers and batch norms of a table: block, shape of the output, parameters, MACs."""
    with (LAYERS / f"{name}.csv").open(encoding="utf-8") as file:
        return [
            (row["op"], tuple(map(int, row["output_shape"].split("x"))), int(row["params"]), int(row["macs"]))
            for row in csv.DictReader(file)
        ]
