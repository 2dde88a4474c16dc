"""One mistake is told once: what follows from it is passed over, what stands beside it is not.

And what came from outside the document is told as such.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import graphs
from graphs import DocumentError
from tests.graphs.wrong_documents import HEAD

NET = "net:\n  - {name: a, conv: {out_channels: width}}\n"
SIZED = "version: 1\nparams: {width: 8}\nvariants: {wide: {width: 16}, none: {width: 2*width}}\n"
SIZED += "input: {image: {map: [3, 8, 8]}}\n" + NET


def told(text: str, settings: dict[str, bool | int | float | str] | None = None, variant: str | None = None) -> str:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(text, "net.yaml", settings, variant=variant)
    return str(caught.value)


def test_a_wrong_value_from_outside_says_where_it_came_from() -> None:
    assert told(SIZED, {"width": "abc"}) == (
        "net.yaml:2:10: E108 unknown-name: `width` takes an integer; no `abc` is known here\n"
        "    2 | params: {width: 8}\n"
        "      |          ^^^^^\n"
        "  note: `width=abc` was given from outside: by `--set`, or `settings` in Python\n"
        "  help: write a number\n"
        "1 fault, with width=abc"
    )


def test_a_fault_that_a_value_from_outside_leads_to_names_the_value() -> None:
    assert told(SIZED, {"width": 0}) == (
        "net.yaml:6:36: E106 bad-value: `out_channels` takes an integer of at least 1, got 0\n"
        "    6 |   - {name: a, conv: {out_channels: width}}\n"
        "      |                                    ^^^^^\n"
        "1 fault, with width=0"
    )


def test_a_fault_of_a_variant_names_the_variant() -> None:
    assert told(SIZED.replace("wide: {width: 16}", "wide: {width: 0}"), {}, "wide").endswith(
        "got 0\n"
        "    6 |   - {name: a, conv: {out_channels: width}}\n"
        "      |                                    ^^^^^\n"
        "1 fault, in the variant `wide`"
    )
    assert told(SIZED, {"width": False}, "wide").endswith("\n1 fault, in the variant `wide` with width=false")


@pytest.mark.parametrize(
    ("settings", "variant", "place", "message", "note"),
    [
        ({"widht": 3}, None, "2:10", "parameter `widht`", "given from outside: by `--set`, or `settings` in Python"),
        ({}, "width", "3:12", "variant `width`", "asked for from outside: by `--variant`, or `variant` in Python"),
    ],
    ids=["parameter", "variant"],
)
def test_a_name_from_outside_that_the_document_does_not_have(
    settings: dict[str, bool | int | float | str], variant: str | None, place: str, message: str, note: str
) -> None:
    text = told(SIZED, settings, variant)
    assert text.startswith(f"net.yaml:{place}: E108 unknown-name: the document has no {message}\n")
    assert f"\n  note: it was {note}\n  help: did you mean `wid" in text


def test_what_was_given_survives_a_pickle() -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(SIZED, settings={"width": 0})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


USING = HEAD + "use: [USE]\nnet:\n  - cell: {w: 3}\n  - other: {}\n"
UNREADABLE = {
    "a file that is missing": ("parts.yaml", None, "net.yaml:3:7: E113 use: there is no file `parts.yaml`"),
    "a file that is no YAML": ("parts.yaml", "version: 1\nblocks: {cell: {body: [}\n", "parts.yaml:2:24: E002 syntax"),
    "a file whose blocks are a list": ("parts.yaml", "version: 1\nblocks: [cell]\n", "parts.yaml:2:9: E101"),
    "a block of a file that is no YAML": ("parts.yaml#cell, parts.yaml#other", "version: 1\nblocks: {\n", "E002"),
}


@pytest.mark.parametrize(("use", "content", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_used_is_one_fault(use: str, content: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(USING.replace("USE", use))
    if content is not None:
        (tmp_path / "parts.yaml").write_text(content)
    with pytest.raises(DocumentError) as caught:
        graphs.load(tmp_path / "net.yaml")
    (fault,) = caught.value.faults
    assert message in fault.render()


def test_a_block_that_a_readable_file_does_not_have_is_still_told(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(USING.replace("USE", "parts.yaml"))
    (tmp_path / "parts.yaml").write_text("version: 1\nblocks: {cell: {params: {w: int}, body: [{rleu: {}}]}}\n")
    with pytest.raises(DocumentError) as caught:
        graphs.load(tmp_path / "net.yaml")
    assert [fault.message for fault in caught.value.faults] == [
        "there is no block `rleu`",
        "there is no block `other`",
    ]


def test_a_link_that_leads_out_of_the_folder_is_called_one(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "parts.yaml").write_text("version: 1\nblocks: {cell: {body: []}}\n")
    (inside / "parts.yaml").symlink_to(tmp_path / "parts.yaml")
    (inside / "net.yaml").write_text(HEAD + "use: [parts.yaml, ../parts.yaml]\nnet:\n  - cell: {}\n")
    with pytest.raises(DocumentError) as caught:
        graphs.load(inside / "net.yaml")
    link, outside = caught.value.faults
    assert link.message == "`parts.yaml` is, or lies behind, a link that leads out of the folder of the document"
    assert link.help == f"copy {tmp_path / 'parts.yaml'} in place of the link"
    assert outside.message == "`../parts.yaml` lies outside the folder of the document"
    assert outside.help == "move it beside the document, or below"


@pytest.mark.parametrize(
    "blocks", ["{my-block: {body: [{relu: {}}]}}", "[{body: []}]", "{my-block: 3}"], ids=["name", "list", "both"]
)
def test_a_block_of_ones_own_that_cannot_be_read_is_one_fault(blocks: str) -> None:
    text = told(HEAD + f"blocks: {blocks}\nnet:\n  - my-block: {{w: 3}}\n")
    assert text.endswith("\n1 fault")
    assert text.startswith("net.yaml:3:")


def test_an_unknown_name_is_told_beside_steps_whose_names_cannot_be_read() -> None:
    text = told(
        HEAD
        + "net:\n"
        + "  - relu\n"
        + "  - {name: a-b, relu: {}}\n"
        + "  - {nmae: c, relu: {}}\n"
        + "  - {from: [a-b, c, relu], add: {}}\n"
        + "  - {from: stme, relu: {}}\n"
    )
    assert [line for line in text.splitlines() if line.startswith("net.yaml")] == [
        "net.yaml:4:5: E101 wrong-shape: a step is a map with a block as its key",
        "net.yaml:5:12: E106 bad-value: `a-b` is no name for a step",
        "net.yaml:6:6: E102 unknown-key: a step has no key `nmae`",
        "net.yaml:8:12: E108 unknown-name: no step here is called `stme`",
    ]


def test_a_misspelled_section_is_read_as_the_one_that_was_meant() -> None:
    text = told("version: 1\ninputs: {image: {map: [3, 8, 8]}}\nlayers:\n  - {name: a, rleu: {}}\noutputs: {x: b}\n")
    assert text == (
        "net.yaml:2:1: E102 unknown-key: a document has no key `inputs`\n"
        "    2 | inputs: {image: {map: [3, 8, 8]}}\n"
        "      | ^^^^^^\n"
        "  help: did you mean `input`?\n"
        "net.yaml:3:1: E102 unknown-key: a document has no key `layers`\n"
        "    3 | layers:\n"
        "      | ^^^^^^\n"
        "  help: here it is `net`\n"
        "net.yaml:4:15: E103 unknown-block: there is no block `rleu`\n"
        "    4 |   - {name: a, rleu: {}}\n"
        "      |               ^^^^\n"
        "  help: did you mean `relu`?\n"
        "net.yaml:5:1: E102 unknown-key: a document has no key `outputs`\n"
        "    5 | outputs: {x: b}\n"
        "      | ^^^^^^^\n"
        "  help: did you mean `output`?\n"
        "net.yaml:5:14: E108 unknown-name: no step here is called `b`\n"
        "    5 | outputs: {x: b}\n"
        "      |              ^\n"
        "  help: there is `image`, `a` or `in`\n"
        "5 faults"
    )
