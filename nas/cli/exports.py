"""`nas export`: a run, a bundle or a network as a bundle."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from blocks.errors import FixpointError
from nas.cli.inputs import load_network_only, parse_settings, telling_kinds
from nas.cli.options import Json, Settings, Variant
from nas.cli.output import print_json, print_news
from search_spaces.catalog import find, nearest_file

WEIGHT_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")


def export(
    source: Annotated[
        str, typer.Argument(metavar="RUN|FILE", help="A run, a bundle, a document or a shipped network.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("-o", "--to", metavar="DIR", help="The bundle; RUN/bundle or bundles/NAME if not given."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="Weights: safetensors, or .pth of torch.")
    ] = None,
    settings: Settings = None,
    variant: Variant = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a bundle that stands there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a bundle: document, weights, ONNX and a manifest.

    The manifest proves that they compute the same.

    A document without --weights is exported with random ones, to see that it can be. The file of weights has the keys
    of the document, or those of a library that builds the network, too: `nas zoo show NAME` says which are known.

    \b
    Examples:
      nas export runs/small-digits-1 --to shipped/digits
      nas export my_net.yaml --weights my_net.safetensors
      nas export resnet50 --weights resnet50-0676ba61.pth
      nas export resnet18 --set classes=10 --weights best.pth --to shipped/ten
    """
    if Path(source).is_dir() and (weights is not None or settings or variant is not None):
        hint = "--weights, --set, --variant"
        raise typer.BadParameter("a run or a bundle has its own weights, settings and variant", param_hint=hint)
    values = parse_settings(settings or [])
    if not Path(source).is_dir():
        _refuse_missing(source)
        load_network_only(source, values, variant)  # its faults, and a space, are told before torch is imported
        if weights is None:
            print("note: random weights; --weights gives trained ones", file=sys.stderr)
    if weights is not None and not weights.exists():  # told before torch is imported, which takes seconds
        raise FixpointError(f"there is no file `{weights}`", help=nearest_file(weights, WEIGHT_SUFFIXES))
    from nas import exporting

    with telling_kinds(source):
        bundle = exporting.export(
            source, to, weights=weights, settings=values, variant=variant, overwrite=overwrite, on_wait=print_news
        )
    if as_json:
        parity = {name: dict(result) for name, result in bundle.parity.items()}
        print_json({"bundle": str(bundle.path), "files": dict(bundle.files), "parity": parity})
        return
    print(bundle.path)
    for name, sha in bundle.files.items():
        print(f"  {name:18} sha256 {sha[:16]}  {(bundle.path / name).stat().st_size:>12,} bytes")
    for name, result in bundle.parity.items():
        print(f"  {name} equals the compiled model: largest difference {_difference(result)}")


def _refuse_missing(source: str) -> None:
    """Raises FixpointError where nothing is called that; what looks like a folder was meant as one."""
    path = Path(source)
    if not path.exists() and len(path.parts) > 1 and not path.suffix:
        help = nearest_file(path, ("",)) or "give a run, a bundle, a document, or the name of a network"
        raise FixpointError(f"there is no `{source}`", help=help)
    find(source, "network")


def _difference(result: Mapping[str, float | bool]) -> str:
    """How far two outputs are apart, and how much that is of them."""
    if not result["max_abs_diff"]:
        return "0"
    return f"{result['max_abs_diff']:.2g}, {result['max_rel_diff']:.1g} of the largest output"
