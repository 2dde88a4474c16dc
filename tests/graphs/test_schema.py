"""The JSON Schema of documents says what the reader says of their form, and the shipped file is the present one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

import graphs
import search_spaces
from blocks import CATALOG
from graphs.budget import METRICS
from graphs.faults import FaultList
from graphs.library import composites
from graphs.loading import load_document
from graphs.reading import DOCUMENT_KEYS
from graphs.schema import document_schema, schema_text
from graphs.steps import GROUPS, STEP_KEYS
from graphs.text import Mapping, Sequence, Tree, parse_tree, source_of
from nas.cli.entry import run
from tests.graphs.wrong_documents import WRONG, Wrong
from tests.test_floors import ROOT

SHIPPED = ROOT / "graphs/schema.json"
SCHEMA: dict[str, Any] = json.loads(SHIPPED.read_text("utf-8"))
HEAD = "version: 1\ninput: {image: {map: [3, 8, 8]}}\n"
NETWORKS = sorted({search_spaces.find(name, "network").path for name in search_spaces.names("network")})
SPACES = [search_spaces.find(name, "space").path for name in search_spaces.names("space")]
LIBRARIES = sorted((ROOT / "blocks/composites").glob("*.yaml"))


def data_of(text: str) -> Any:
    """A text as JSON has it, by our own reader: `no` is a word, and `010` ten."""
    faults = FaultList()
    source = source_of(text, "net.yaml", faults)
    tree = parse_tree(source, faults) if source else None
    faults.raise_if_any()
    assert tree is not None
    return _plain(tree)


def _plain(tree: Tree) -> Any:
    match tree:
        case Mapping():
            return {key.text: _plain(value) for key, value in tree}
        case Sequence():
            return [_plain(item) for item in tree.items]
        case _:
            return tree.value


def refusals(text: str, schema: dict[str, Any] = SCHEMA) -> list[str]:
    return [error.message for error in Draft7Validator(schema).iter_errors(data_of(text))]


def test_the_shipped_schema_is_the_present_one() -> None:
    present = schema_text(document_schema(CATALOG, composites()))
    assert SHIPPED.read_text("utf-8") == present, "nas schema -o graphs/schema.json writes it anew"


def test_the_schema_is_one_of_draft_7() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_the_schema_has_the_keys_that_the_reader_has() -> None:
    step = SCHEMA["definitions"]["any-step"]["properties"]
    assert set(SCHEMA["properties"]) == set(DOCUMENT_KEYS)
    assert set(step) == {*STEP_KEYS, *GROUPS, *(block.key for block in CATALOG), *composites()}
    assert set(SCHEMA["properties"]["require"]["properties"]) == set(METRICS)


def test_an_argument_says_what_it_takes() -> None:
    conv2d = SCHEMA["definitions"]["conv2d"]
    assert conv2d["required"] == ["out_channels", "kernel_size"]
    out_channels, padding, bias = (conv2d["properties"][name] for name in ("out_channels", "padding", "bias"))
    assert out_channels["description"] == "Takes an integer of at least 1; required."
    assert (out_channels["type"], out_channels["minimum"]) == (["integer", "string", "object"], 1)
    assert (padding["minimum"], padding["examples"]) == (0, [0, "auto"])
    assert bias["description"] == "Takes true or false; by default true."
    assert bias["type"] == ["boolean", "string", "object"]


def test_every_block_and_every_argument_is_described() -> None:
    blocks = {name: part for name, part in SCHEMA["definitions"].items() if "-" not in name}
    assert [name for name, part in blocks.items() if not part["description"]] == []
    arguments = [(name, key) for name, part in blocks.items() for key in part["properties"]]
    assert [pair for pair in arguments if not blocks[pair[0]]["properties"][pair[1]]["description"]] == []


@pytest.mark.parametrize("path", [*NETWORKS, *SPACES, *LIBRARIES], ids=lambda path: path.stem)
def test_everything_that_ships_is_valid(path: Path) -> None:
    assert refusals(path.read_text("utf-8")) == []


@pytest.mark.parametrize("space", search_spaces.names("space"))
def test_a_sampled_network_is_valid_as_it_is_written_down(space: str) -> None:
    for point in search_spaces.load(space).sample(5).points:
        assert refusals(point.graph.text()) == []


VALID = {
    "a list of steps that is empty": "net: [{join: add, parallel: {a: [{relu: {}}], b: []}}]",
    "a block without arguments": "net: [{relu: }]",
    "an expression": "params: {w: 4}\nnet: [{conv: {out_channels: 2*w, kernel_size: [w - 1, 3]}}]",
    "a block of one's own": "blocks: {cell: {params: {w: int}, body: [{relu: {}}]}}\nnet: [{cell: {w: 3}}]",
    "defaults that give what is required": "defaults: {conv2d: {kernel_size: 3}}\nnet: [{conv2d: {out_channels: 4}}]",
    "defaults, read in a block": (
        "defaults: {linear: {out_features: 3}}\n"
        "blocks: {head: {body: [{global_avg_pool: {}}, {sequential: [{linear: {}}]}]}}\nnet: [{head: {}}]"
    ),
    "first": "net: [{repeat: 2, first: {kernel_size: 3}, conv: {out_channels: 3}}]",
    "share": "net: [{name: a, conv: {out_channels: 3}}, {share: a}]",
    "variants": "params: {w: 4}\nvariants: {wide: {w: 8}}\nnet: [{conv: {out_channels: w}}]",
    "a bound": 'net: [{relu: {}}]\nrequire: {params: "< 5M", macs: ">= 0"}',
}


@pytest.mark.parametrize("rest", VALID.values(), ids=VALID)
def test_what_the_reader_takes_is_valid(rest: str) -> None:
    graphs.parse(HEAD + rest)
    assert refusals(HEAD + rest) == []


HOLES = {
    "values": "net: [{conv: {out_channels: {choice: [4, 8]}, kernel_size: {range: [1, 5], step: 2}}}]",
    "a pair": "net: [{conv: {out_channels: 4, kernel_size: {choice: [[1, 3], 3]}}}]",
    "a word": "net: [{conv: {out_channels: 4, activation: {choice: [relu, silu]}}}]",
    "repeat": "net: [{repeat: {range: [1, 3]}, relu: {}}]",
    "a parameter": "params: {w: {choice: [2, 4]}}\nnet: [{conv: {out_channels: w}}]",
    "a block": "net: [{choice: {a: {relu: {}}, b: [{silu: {}}, {silu: {}}]}}]",
    "a key": 'net: [{repeat: {range: [0, 3]}, relu: {}}]\nkey: "{relu.repeat}"',
    "a key of columns": 'net: [{relu: {}}]\nkey: {of: ["{a}", "{b}"], spell: {x: 0, a: {y: 00}}, absent: "-"}',
}


@pytest.mark.parametrize("rest", HOLES.values(), ids=HOLES)
def test_a_hole_is_valid_where_the_reader_takes_one(rest: str, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(HEAD + rest)
    load_document(tmp_path / "space.yaml", holes=True)
    assert refusals(HEAD + rest) == []


def wrong(*codes: str) -> list[Wrong]:
    return [document for document in WRONG if document.code in codes]


@pytest.mark.parametrize("document", wrong("E102", "E104", "E105"), ids=str)
def test_a_document_that_is_wrong_in_form_is_refused(document: Wrong) -> None:
    assert refusals(document.text) != []


TYPES_AND_GRAPH = ("E201", "E202", "E203", "E204", "E205", "E206", "E301", "E302", "E303")


@pytest.mark.parametrize("document", wrong("E103", "E107", "E108", "E111", *TYPES_AND_GRAPH), ids=str)
def test_a_document_that_is_wrong_in_meaning_is_left_to_nas_check(document: Wrong) -> None:
    assert refusals(document.text) == []


INVALID = {
    "a step that is a word": ("net: [relu]", "'relu' is not of type 'object'"),
    "a number in place of a list": ("net: 3", "3 is not of type 'array'"),
    "an input of two kinds": (
        "net: [{relu: {}}]\ninput: {x: {map: [1, 2, 3], vector: 3}}",
        "should not be valid under",
    ),
    "a parameter of no type": ("blocks: {a: {params: {w: itn}, body: []}}\nnet: [{a: {}}]", "'itn' does not match"),
    "a hole without alternatives": ("net: [{conv: {out_channels: {choice: []}}}]", "[] should be non-empty"),
    "no channels at all": ("net: [{conv2d: {out_channels: 0, kernel_size: 3}}]", "0 is less than the minimum of 1"),
    "an unknown argument in first": (
        "net: [{repeat: 2, first: {strid: 2}, conv: {out_channels: 3}}]",
        "Additional properties are not allowed ('strid' was unexpected)",
    ),
    "a block that is given a number": ("net: [{repat: 3, relu: {}}]", "3 is not of type 'object', 'null'"),
}


@pytest.mark.parametrize(("rest", "message"), INVALID.values(), ids=INVALID)
def test_a_refusal_says_what_is_wrong(rest: str, message: str) -> None:
    head = HEAD if "input" not in rest else "version: 1\n"
    assert [found for found in refusals(head + rest) if message in found] != []


def test_a_document_without_input_and_net_is_refused_and_a_library_is_not() -> None:
    assert refusals("version: 1\nname: a") == ["'input' is a required property", "'net' is a required property"]
    assert refusals("version: 1\nblocks: {a: {body: [{relu: {}}]}}") == []


def test_the_command_prints_the_shipped_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert capsys.readouterr().out == SHIPPED.read_text("utf-8")


def test_the_command_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "-o", str(tmp_path / "a.json"), "--json"]) == 0
    assert (tmp_path / "a.json").read_text("utf-8") == SHIPPED.read_text("utf-8")
    assert json.loads(capsys.readouterr().out) == {"ok": True, "file": str(tmp_path / "a.json")}


def test_a_file_that_cannot_be_written_is_an_error_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schema", "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: `{tmp_path}` can't be written: Is a directory\n"


def test_the_blocks_of_a_document_are_known_where_it_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = "blocks: {conv: {params: {w: int}, body: [{relu: {}}]}}\nnet: [{conv: {w: 3}}]"
    (tmp_path / "net.yaml").write_text(HEAD + rest)
    assert run(["schema", str(tmp_path / "net.yaml")]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert refusals(HEAD + rest, schema) == []
    assert refusals(HEAD + "net: [{conv: {out_channels: 3}}]", schema) != []
