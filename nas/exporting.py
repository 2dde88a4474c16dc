"""Export by name: whatever a user may point at, a run, a bundle, a document or a shipped network, as a bundle.

torch is imported when something is exported, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import search_spaces
from blocks.errors import FixpointError
from graphs import Budget
from graphs.document import Settings
from nas.driver import status
from nas.finishing import WEIGHTS as FINAL
from nas.ledger import LEDGER, RunError
from nas.manifest import MANIFEST, Bundle, ExportError, digest, read_manifest
from nas.results import RUNNING, no_network, resume_command
from search_spaces.weight_maps import load_key_maps

BUNDLES = Path("bundles")


def export(
    source: str | Path,
    to: str | Path | None = None,
    *,
    weights: str | Path | None = None,
    settings: Settings | None = None,
    variant: str | None = None,
    overwrite: bool = False,
    on_wait: Callable[[str], None] | None = None,
) -> Bundle:
    """See `nas.export`."""
    path = Path(source)
    if path.is_dir():
        if weights is not None or settings or variant is not None:
            raise FixpointError("a run or a bundle has its own weights, settings and variant")
        bundle = _bundle_of(path)
        return _export_again(bundle, Path(to or bundle), overwrite=overwrite or to is None, on_wait=on_wait)
    from nas.bundle import export as write
    from nas.bundle import random_weights
    from nas.pretrained import load_pretrained

    found = search_spaces.find(source, "network")
    graph = search_spaces.load_network(source, settings, variant=variant)
    folder = Path(to or BUNDLES / search_spaces.title(graph).replace(" ", "-"))
    of = {"variant_of": graph.document.variant_of} if variant is not None else {}
    if weights is None:
        state, told = random_weights(graph), {"weights": "random", **of}
        return write(graph, state, folder, metadata=told, overwrite=overwrite, on_wait=on_wait)
    maps = load_key_maps(found.family) if found.family else ()
    family = search_spaces.families("network").get(found.family or "", ())
    relatives = (search_spaces.load_network(name, settings) for name in family if name != graph.name)
    pretrained = load_pretrained(graph, Path(weights), maps, relatives)
    told = {
        "weights": Path(weights).name,
        "weights_sha256": digest(Path(weights)),
        "names_of": pretrained.names_of,
        **of,
    }
    return write(graph, pretrained.state, folder, metadata=told, overwrite=overwrite, on_wait=on_wait)


def _export_again(bundle: Path, to: Path, *, overwrite: bool, on_wait: Callable[[str], None] | None) -> Bundle:
    """The network of a bundle as a bundle elsewhere, checked and proved anew."""
    from nas.bundle import export as write
    from nas.bundle import load_bundle

    graph, state = load_bundle(bundle)
    manifest = read_manifest(bundle)
    budget = Budget.of(manifest["budget"]["bounds"])
    told = manifest["metadata"]
    return write(graph, state, to, budget=budget, metadata=told, overwrite=overwrite, on_wait=on_wait)


def _bundle_of(path: Path) -> Path:
    """The bundle that a folder is, or that the run in it has."""
    if (path / MANIFEST).is_file():
        return path
    if not (path / LEDGER).is_file():
        raise ExportError(f"{path} is neither a run nor a bundle", help="give the folder of a run, or a document")
    result = status(path)
    bundle = result.bundle
    if result.damage:
        raise ExportError(result.damage, help=f"`{resume_command(path)}` writes it anew, from {path / FINAL}")
    if bundle is None and result.lookup is not None:
        help = "search with `data` in place of the table, or export a document"
        raise RunError(f"{path} has no network to export: a run on a table trains nothing", help=help)
    if bundle is None and not result.is_open:
        raise no_network(result)
    if bundle is None:
        is_driven = result.ended_by == RUNNING
        help = f"see it go on: nas status {path} --watch" if is_driven else f"bring it to its end: nas resume {path}"
        raise RunError(f"{path} has no trained winner yet", help=help)
    return bundle
