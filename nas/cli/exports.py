"""`nas export`: a run, a bundle or a network as a bundle."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphs import Budget
from nas.cli.inputs import load_network, parse_settings
from nas.cli.networks import Json, Settings
from nas.cli.output import print_json

if TYPE_CHECKING:
    from nas.manifest import Bundle

BUNDLES = Path("bundles")


def export(
    source: Annotated[
        str, typer.Argument(metavar="RUN|FILE", help="A run, a bundle, a document or a shipped network.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="The bundle; RUN/bundle or bundles/NAME if not given.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="Weights by address, in safetensors.")
    ] = None,
    settings: Settings = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a bundle that stands there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a bundle: document, weights, ONNX and a manifest that proves they compute the same.

    A document without --weights is exported with random ones, to see that it can be.

    \b
    Examples:
      nas export runs/small-digits-1 --to shipped/digits
      nas export my_net.yaml --weights my_net.safetensors
    """
    path = Path(source)
    if path.is_dir():
        if weights is not None or settings:
            raise typer.BadParameter(
                "a run or a bundle has its own weights and settings", param_hint="--weights, --set"
            )
        found = _bundle_of(path)
        bundle = export_again(found, to or found, overwrite=overwrite or to is None)
    else:
        bundle = _export_network(source, to, weights, settings or [], overwrite)
    if as_json:
        parity = {name: dict(result) for name, result in bundle.parity.items()}
        print_json({"bundle": str(bundle.path), "files": dict(bundle.files), "parity": parity})
        return
    print(bundle.path)
    for name, sha in bundle.files.items():
        print(f"  {name:18} sha256 {sha[:16]}  {(bundle.path / name).stat().st_size:>12,} bytes")
    for name, result in bundle.parity.items():
        print(f"  {name} equals the compiled model: largest difference {result['max_abs_diff']:.2g}")


def export_again(bundle: Path, to: Path, *, overwrite: bool = False) -> Bundle:
    """The network of a bundle as a bundle elsewhere, checked and proved anew. Raises: ExportError."""
    from nas.bundle import export, load_bundle
    from nas.manifest import MANIFEST

    graph, state = load_bundle(bundle)
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    budget = Budget.of(manifest["budget"]["bounds"])
    return export(graph, state, to, budget=budget, metadata=manifest["metadata"], overwrite=overwrite)


def _bundle_of(path: Path) -> Path:
    """The bundle that a folder is, or that the run in it has. Raises: RunError, ExportError."""
    from nas.ledger import LEDGER, RunError
    from nas.manifest import MANIFEST, ExportError

    if (path / MANIFEST).is_file():
        return path
    if not (path / LEDGER).is_file():
        raise ExportError(f"{path} is neither a run nor a bundle", help="give the folder of a run, or a document")
    from nas.driver import status

    bundle = status(path).bundle
    if bundle is None:
        raise RunError(f"{path} has no trained winner yet", help=f"bring it to its end: nas resume {path}")
    return bundle


def _export_network(source: str, to: Path | None, weights: Path | None, settings: list[str], overwrite: bool) -> Bundle:
    graph = load_network(source, parse_settings(settings))
    to = to or BUNDLES / graph.name
    from nas.bundle import export, random_weights, read_weights

    if weights is not None:
        state, _ = read_weights(weights)
        return export(graph, state, to, metadata={"weights": weights.name}, overwrite=overwrite)
    print("note: random weights; --weights gives trained ones", file=sys.stderr)
    return export(graph, random_weights(graph), to, metadata={"weights": "random"}, overwrite=overwrite)
