"""`nas schema`: the language for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from blocks.catalog import CATALOG
from blocks.errors import FixpointError
from graphs.library import composites, extension_classes
from graphs.loading import load_document
from graphs.schema import document_schema, schema_text
from nas.cli.output import print_json
from nas.study_files import study_schema
from search_spaces import find


def _of_documents(file: Path | None) -> dict[str, Any]:
    own = load_document(find(file, "network").path, holes=True).templates if file else {}
    primitives = (*CATALOG, *extension_classes())
    return document_schema(primitives, {**composites(), **own})


class SchemaError(FixpointError):
    """A schema that can't be written where it should be."""


def schema(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A document whose own blocks are to be known as well.")
    ] = None,
    study: Annotated[bool, typer.Option("--study", help="Of study files, instead of documents.")] = False,
    to: Annotated[Path | None, typer.Option("-o", "--to", metavar="FILE", help="Write it to a file.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout; without -o, the schema is that.")
    ] = False,
) -> None:
    """Print the JSON Schema of documents, for editors.

    An editor completes and checks documents with it. It knows the blocks that ship with the product and those of
    installed packages.

    \b
    Examples:
      nas schema -o fixpoint.schema.json
      nas schema my_net.yaml -o my_net.schema.json
      nas schema --study -o study.schema.json

    \b
    The first line of a document then says where it is:
      # yaml-language-server: $schema=fixpoint.schema.json
    """
    if study and file is not None:
        raise typer.BadParameter("a study has no blocks of its own", param_hint="--study")
    text = schema_text(study_schema() if study else _of_documents(file))
    if to is None:
        print(text, end="")
        return
    try:
        to.write_text(text, "utf-8")
    except OSError as error:
        raise SchemaError(f"`{to}` can't be written: {error.strerror}") from None
    if as_json:
        print_json({"ok": True, "file": str(to)})
    else:
        print(f"{to}: written; begin a document with\n# yaml-language-server: $schema={to}")
