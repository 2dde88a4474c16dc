"""The table of docs/networks.md, made of what the tests compare: `proofs/*.yaml`."""

from __future__ import annotations

from blocks.types import Map
from graphs import Graph
from search_spaces import families
from search_spaces.published import published
from tests.search_spaces.proof_data import Proof, proofs

HEADING = "## The table\n"


def page_with_table(page: str) -> str:
    """The page with its last section written anew."""
    before, heading, _ = page.partition(HEADING)
    assert heading, "the page has a heading for its table"
    return f"{before}{HEADING}\n{summary()}\n\n{table()}"


def summary() -> str:
    """How many there are, and how many are compared with what."""
    all_proofs = list(proofs().values())
    elsewhere = [proof for proof in all_proofs if proof.reference and proof.reference.library != "paper"]
    again = [proof for proof in all_proofs if proof.reference and proof.reference.library == "paper"]
    alone = [proof for proof in all_proofs if proof.reference is None]
    layered = sum(bool(proof.layers) for proof in all_proofs)
    unverified = f"{len(alone)} are unverified" if alone else "none is unverified"
    return (
        f"{len(all_proofs)} networks. The logits of {len(elsewhere)} are compared with another library's, those of "
        f"{len(again)} with a second\nwriting of the paper, since no library builds them; {unverified}. "
        f"{layered} are compared layer by layer (l)."
    )


def table() -> str:
    """A row for each network, its family's in a row."""
    rows = ["| network | year | input | parameters | MACs | figures of | logits of |", "|---|---|---|---|---|---|---|"]
    for names in families("network").values():
        rows += [row(proofs()[name]) for name in names]
    return "\n".join(rows) + "\n"


def row(proof: Proof) -> str:
    """One network: what it has, whose figures these are, and whose logits it has with the same weights."""
    graph = proof.graph()
    params = f"{proof.params:,}"
    if proof.training_params:
        params += f" ({proof.training_params:,} in training)"
    layers = " (l)" if proof.layers else ""
    cells = (
        f"`{proof.name}`",
        str(published()[proof.name].year),
        size(graph),
        params,
        f"{proof.macs:,}",
        f"{proof.source}{layers}",
        compared(proof),
    )
    return f"| {' | '.join(cells)} |"


def compared(proof: Proof) -> str:
    """What a network's logits are compared with, or that they are not."""
    if proof.reference is None:
        return f"**unverified**: {proof.unverified}"
    return f"{proof.against}: {proof.unverified}" if proof.unverified else proof.against


def size(graph: Graph) -> str:
    """The shape of the first input."""
    (first, *_) = graph.inputs.values()
    assert isinstance(first, Map)
    return f"{first.channels}x{first.height}x{first.width}"
