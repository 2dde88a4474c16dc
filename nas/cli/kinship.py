"""`nas space locate` and `nas space kin`: where a network lies in a space, and which networks are near it."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.cli.inputs import load_network_only, parse_settings
from nas.cli.options import Json, Settings, Variant
from nas.cli.output import print_json, table, terminal_width
from nas.cli.spaces import SpaceName, shown, space
from search_spaces import Decisions, NotInSpaceError
from search_spaces.kinship import kin, space_for

__all__ = ["locate", "show_kin", "space"]

Network = Annotated[str, typer.Argument(metavar="FILE", help="A document, or the name of a shipped network.")]


@space.command()
def locate(
    name: SpaceName, network: Network, settings: Settings = None, variant: Variant = None, as_json: Json = False
) -> None:
    """Find the decisions that lead to a network.

    By its structure alone; of one that is no point of the space, where it leaves it.

    `channels`, `size` and `classes` of the space, where it has such parameters, are set to those of the network.
    --variant is one of the network's.

    \b
    Examples:
      nas space locate cnn resnet50
      nas space locate small my_net.yaml --json
    """
    graph = load_network_only(network, variant=variant)
    decisions: Decisions | None = None
    free: tuple[str, ...] = ()
    reason = ""
    try:
        decisions, free = space_for(name, graph, parse_settings(settings or [])).find(graph)
    except NotInSpaceError as error:
        reason = error.message
    if as_json:
        print_json({"member": decisions is not None, "decisions": decisions, "free": list(free), "reason": reason})
    elif decisions is None:
        print(f"{network} is no point of {name}: {reason}")
    else:
        rows = [[address, shown(value)] for address, value in decisions.items() if address not in free]
        more = f"; {len(free)} more could be any, --json has them" if free else ""
        print(f"{network} is a point of {name}, by {len(rows)} decision{'s' * (len(rows) != 1)}{more}\n")
        print("\n".join(table(["decision", "taken"], rows, "<<", width=terminal_width())))


@space.command("kin")
def show_kin(
    network: Network,
    name: Annotated[str, typer.Option("--space", metavar="SPACE", help="A shipped space, or one's own.")] = "cnn",
    within: Annotated[int, typer.Option("--within", min=0, metavar="N", help="How many decisions away, at most.")] = 2,
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """List the shipped networks a few decisions away.

    With the decisions that differ. What an alternative decides inside counts with it as one.

    \b
    Examples:
      nas space kin resnet50
      nas space kin vgg16 --within 4 --json
    """
    graph = load_network_only(network, variant=variant)
    try:
        found = kin(name, graph, within, parse_settings(settings or []))
    except NotInSpaceError as error:
        raise NotInSpaceError(
            f"{network} is no point of {name}: {error.message}", help=error.help, address=error.address
        ) from None
    if as_json:
        print_json(
            {
                "kin": [
                    {
                        "name": one.name,
                        "distance": one.distance,
                        "changes": {address: list(pair) for address, pair in one.changes.items()},
                    }
                    for one in found
                ]
            }
        )
        return
    rows = []
    for one in found:
        texts = [f"{address} {shown(old)} -> {shown(new)}" for address, (old, new) in one.changes.items()]
        rows += [
            [one.name if n == 0 else "", str(one.distance) if n == 0 else "", text]
            for n, text in enumerate(texts or ["the same decisions"])
        ]
    if rows:
        print("\n".join(table(["network", "distance", "decisions that differ"], rows, "<><", width=terminal_width())))
    else:
        print(f"no shipped network is within {within} decisions of {network} in {name}")
