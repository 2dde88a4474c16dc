"""The networks and spaces that ship with the product, found by name.

A file holds a family: the document's own `name` is its first network, its variants are the others. All have names of
their own; that of the file alone is none.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from blocks.errors import FixpointError
from graphs.document import Document, Settings
from graphs.faults import FaultList, nearest, nearest_word, one_of
from graphs.graph import Graph
from graphs.loading import graph_of, load, load_document

FOLDER = Path(__file__).parent

Kind = Literal["network", "space"]

SUFFIXES = (".yaml", ".yml", ".json")
MOST_LISTED = 12
_SHOWN_BY = {"network": "`nas show {}` shows it", "space": "`nas space show {}` shows it"}

_NAME = re.compile(r"^name: *(\w+)", re.MULTILINE)
_VARIANTS = re.compile(r"^variants:[^\n]*\n((?:(?: [^\n]*|#[^\n]*)?\n)*)", re.MULTILINE)
_VARIANT = re.compile(r"^  (\w+):", re.MULTILINE)


class NotFoundError(FixpointError):
    """Neither a file nor the name of a shipped network or space."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """The file of a network or space, and which of its variants it is; None for the document as it stands.

    `family` is the name of its file where that ships with the product.
    """

    path: Path
    variant: str | None = None
    family: str | None = None

    def with_variant(self, variant: str | None) -> CatalogEntry:
        """Another variant of the same document. Raises `NotFoundError` where this is a variant itself."""
        if variant is None:
            return self
        if self.variant is not None:
            help = f"leave --variant out, or give `{variant}` in place of `{self.variant}`"
            raise NotFoundError(f"`{self.variant}` is a variant already, and has none of its own", help=help)
        return replace(self, variant=variant)


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all shipped networks or spaces, those of variants among them."""
    return tuple(sorted(_shipped(kind)))


def families(kind: Kind) -> dict[str, tuple[str, ...]]:
    """The names that each file holds, by the name of the file: the document's own first, then its variants."""
    held: dict[str, tuple[str, ...]] = {}
    for name, found in _shipped(kind).items():
        assert found.family is not None
        held[found.family] = (*held.get(found.family, ()), name)
    return held


def find(name_or_path: str | Path, kind: Kind) -> CatalogEntry:
    """A shipped network or space by its name, or a user's own by its path; an existing file wins over a name.

    Raises `NotFoundError` with the nearest name.
    """
    path, name = Path(name_or_path), str(name_or_path)
    try:
        if path.is_file():
            return CatalogEntry(path)
    except (OSError, ValueError) as error:  # a name that is too long, or has a null byte
        why = getattr(error, "strerror", None) or str(error)
        raise NotFoundError(f"`{name[:40]}...` is no file: {why}") from None
    known = _shipped(kind)
    if name in known:
        return known[name]
    if path.is_dir():
        raise NotFoundError(f"`{name}` is a folder, not a {kind}")
    if path.suffix or len(path.parts) > 1:
        help = nearest_file(path, SUFFIXES) or f"{kind}s that ship: {_listed(known)}"
        raise NotFoundError(f"there is no file `{name}`", help=help)
    if family := families(kind).get(name):
        raise NotFoundError(f"`{name}` is a family, not a {kind}", help=f"its {kind}s are {_listed(family)}")
    other: Kind = "space" if kind == "network" else "network"
    if name in _shipped(other):
        raise NotFoundError(f"`{name}` is a {other}, not a {kind}", help=_SHOWN_BY[other].format(name))
    longer = [one for one in known if one.endswith(f"_{name.lower()}") or one.startswith(f"{name.lower()}_")]
    beside = next((f"{name}{suffix}" for suffix in SUFFIXES if Path(f"{name}{suffix}").is_file()), "")
    meant = f"did you mean {one_of(longer, most=4)}?" if longer else nearest(name, known)
    meant = f"did you mean `{beside}`?" if beside else meant
    help = meant or f"there is {_listed(known)}, or a path to a file"
    raise NotFoundError(f"there is no {kind} `{name}`", help=help)


def title(graph: Graph) -> str:
    """What a network is called where it is shown: of a variant of one's own document by the name of that, too. A family
    that ships has a name of its own for each."""
    document = graph.document
    path = document.source.path
    is_shipped = path is not None and path.parent == FOLDER / "networks"
    return f"{document.variant_of} {graph.name}" if document.variant_of and not is_shipped else graph.name


def nearest_file(path: Path, suffixes: Container[str]) -> str:
    """`did you mean ...?` of a file with one of these suffixes beside where this one should be, or nothing."""
    try:
        beside = {file.stem: file for file in sorted(path.parent.iterdir()) if file.suffix in suffixes}
    except OSError:
        return ""
    meant = nearest_word(path.stem, beside)
    return f"did you mean `{beside[meant]}`?" if meant else ""


def load_network(
    name_or_path: str | Path,
    settings: Settings | None = None,
    *,
    variant: str | None = None,
    keep_requirements: bool = True,
) -> Graph:
    """The graph of a shipped network by its name, or of one's own file, or of a variant of it.

    `settings` overrides the document's `params`; what it requires may go unasked. Raises `NotFoundError`, and
    `DocumentError` with all faults.
    """
    found = find(name_or_path, "network").with_variant(variant)
    return load(found.path, settings, variant=found.variant, keep_requirements=keep_requirements)


def load_networks(wanted: Container[str] | None = None) -> Iterator[tuple[str, Graph]]:
    """The shipped networks with their names, all or those that are wanted, a family after the other.

    Nothing is checked that a network of its own does not need: `load_network` checks all.
    """
    for name, document in network_documents(wanted):
        yield name, graph_of(document)


def network_documents(wanted: Container[str] | None = None) -> Iterator[tuple[str, Document]]:
    """The documents of shipped networks with their names, as `load_networks` has them; each file is read once."""
    documents: dict[Path, Document] = {}
    for name, found in _shipped("network").items():
        if wanted is not None and name not in wanted:
            continue
        if found.path not in documents:
            documents[found.path] = load_document(found.path, holes=False)
        document = documents[found.path]
        yield name, document if found.variant is None else document.with_variant(found.variant, FaultList())


def scan(text: str) -> tuple[str, ...]:
    """The names that a shipped document holds, its own first, found without parsing it.

    It reads what stands at the start of lines, which is how the shipped documents are written.
    """
    own = _NAME.search(text)
    variants = _VARIANTS.search(text)
    return (*([own[1]] if own else ()), *(_VARIANT.findall(variants[1]) if variants else ()))


@cache
def _shipped(kind: Kind) -> dict[str, CatalogEntry]:
    found: dict[str, CatalogEntry] = {}
    for path in sorted((FOLDER / f"{kind}s").glob("*.yaml")):
        own, *variants = scan(path.read_text("utf-8"))
        found |= {name: CatalogEntry(path, name if name != own else None, path.stem) for name in (own, *variants)}
    return found


def _listed(known: Iterable[str]) -> str:
    """All names, or the first of many and where they are listed."""
    names = list(known)
    if len(names) <= MOST_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_LISTED])} and {len(names) - MOST_LISTED} more, which `nas zoo list` shows"
