"""What an editor shows: the shipped schema in the real yaml-language-server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blocks import CATALOG
from graphs.library import composites
from graphs.reading import DOCUMENT_KEYS
from graphs.steps import GROUPS, STEP_KEYS
from tests.graphs import language_server
from tests.graphs.language_server import LanguageServer
from tests.test_floors import ROOT

SCHEMA = ROOT / "graphs/schema.json"
HEAD = "version: 1\ninput: {image: {map: [3, 8, 8]}}\n"
BLOCKS = {*(block.key for block in CATALOG), *composites()}
# Copied from `blocks/composites/residual.yaml`, and from torch.nn.Conv2d without what is inferred.
RESIDUAL = {"out_channels", "kernel_size", "stride", "se_reduction", "shortcut", "activation"}
CONV2D = {"out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"}


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    server = LanguageServer()
    yield server
    server.close()


KEYS = {
    "a block": ("net:\n  - conv2d:\n      |", CONV2D),
    "the arguments left": ("net:\n  - conv2d:\n      stride: 2\n      |", CONV2D - {"stride"}),
    "a composite": ("net:\n  - name: a\n    residual_basic:\n      |", RESIDUAL),
    "braces": ("net:\n  - residual_basic: {o|}", RESIDUAL),
    "braces in braces": ("net:\n  - {name: a, residual_basic: {out_channels: 8, k|}}", RESIDUAL - {"out_channels"}),
    "first": ("net:\n  - repeat: 2\n    first:\n      |\n    residual_basic:\n      out_channels: 8\n", RESIDUAL),
    "a branch": (
        "net:\n  - join: add\n    parallel:\n      a:\n        - conv2d:\n            |\n      b: []\n",
        CONV2D,
    ),
    "sequential": ("net:\n  - sequential:\n      - conv2d:\n          |\n", CONV2D),
    "a block of one's own": ("blocks:\n  cell:\n    body:\n      - conv2d:\n          |\n", CONV2D),
    "below defaults": ("defaults: {linear: {bias: false}}\nnet:\n  - conv2d:\n      |", CONV2D),
    "in defaults": ("defaults:\n  conv2d:\n    |\n", CONV2D),
    "an alternative": ("net:\n  - choice:\n      a:\n        conv2d:\n          |\n", CONV2D),
    "a step": ("net:\n  - |", {*STEP_KEYS, *GROUPS, *BLOCKS}),
    "the rest of a step": ("net:\n  - name: a\n    |", {*STEP_KEYS, *GROUPS, *BLOCKS} - {"name"}),
    "a template": ("blocks:\n  cell:\n    |\n", {"doc", "params", "where", "decide", "body", "one_of"}),
    "a document": ("|", set(DOCUMENT_KEYS) - {"version", "input"}),
}


@pytest.mark.parametrize(("text", "keys"), KEYS.values(), ids=KEYS)
def test_completion_offers_what_may_stand_there_and_nothing_else(
    text: str, keys: set[str], server: LanguageServer
) -> None:
    assert server.keys(SCHEMA, HEAD + text) == keys


VALUES = {
    "words": ("net:\n  - shortcut:\n      like: a\n      kind: |", {"project", "pad"}),
    "words in braces": ("net:\n  - shortcut: {like: a, kind: |}", {"project", "pad"}),
    "a flag": ("net:\n  - linear:\n      out_features: 3\n      bias: |", {"true", "false"}),
    # For any key of a step, the server also offers what a block of one's own may be given: nothing.
    "join": ("net:\n  - join: |", {"concat", "add", "null"}),
    "the default of a number": ("net:\n  - conv2d:\n      stride: |", {"1"}),
}


@pytest.mark.parametrize(("text", "values"), VALUES.values(), ids=VALUES)
def test_completion_offers_the_words_of_an_argument(text: str, values: set[str], server: LanguageServer) -> None:
    assert server.values(SCHEMA, HEAD + text) == values


def test_completing_a_block_writes_the_arguments_that_it_needs(server: LanguageServer) -> None:
    offered = {item["label"]: item["insertText"] for item in server.completions(SCHEMA, f"{HEAD}net:\n  - |")}
    assert offered["linear"].split() == ["linear:", "out_features:"]
    assert offered["conv2d"].split() == ["conv2d:", "out_channels:", "$1", "kernel_size:", "$2"]
    assert offered["relu"].split() == ["relu:"]


FAULTS = {
    "a misspelt argument": (
        "net:\n  - conv: {out_channels: 3, strid: 2}",
        (4, "strid", "Property strid is not allowed."),
    ),
    "a misspelt key": ("nett: []\nnet:\n  - relu: {}", (3, "nett", "Property nett is not allowed.")),
    "an argument that is missing": ("net:\n  - linear: {}", (4, "linear", 'Missing property "out_features".')),
    "a wrong type": (
        "net:\n  - linear: {out_features: 3.5}",
        (4, "3.5", "Incorrect type. Expected one of integer, string, object."),
    ),
    "no type of a parameter": (
        "blocks: {a: {params: {w: itn}, body: []}}\nnet:\n  - a: {}",
        (3, "itn", "A type is int, float, bool, size, node; a word needs {words: [...], default: ...}."),
    ),
    "no name": (
        "net:\n  - {name: a-b, relu: {}}",
        (4, "a-b", "A name is a letter, then letters, digits and _, and not in, and, or, not."),
    ),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_mistake_is_underlined(text: str, fault: tuple[int, str, str], server: LanguageServer) -> None:
    assert server.diagnostics(SCHEMA, HEAD + text) == [fault]


@pytest.mark.parametrize("name", ["search_spaces/networks/resnet.yaml", "search_spaces/spaces/small.yaml"])
def test_a_document_without_mistakes_has_nothing_underlined(name: str, server: LanguageServer) -> None:
    assert server.diagnostics(SCHEMA, (ROOT / name).read_text("utf-8")) == []


def test_hovering_over_a_block_shows_what_it_is(server: LanguageServer) -> None:
    shown = server.hover(SCHEMA, f"{HEAD}net:\n  - lin|ear: {{out_features: 3}}")
    assert "A fully connected layer, vector (C) to vector (out\\_features). Source: torch.nn.Linear." in shown


def test_hovering_over_an_argument_shows_what_it_takes(server: LanguageServer) -> None:
    shown = server.hover(SCHEMA, f"{HEAD}net:\n  - linear: {{out_fe|atures: 3}}")
    assert "Takes an integer of at least 1; required." in shown


def test_ci_installs_the_server() -> None:
    wanted = language_server.INSTALL.replace("npm install", "")
    installs = [line for line in (ROOT / ".ci/run").read_text("utf-8").splitlines() if line.startswith("npm install")]
    assert [line for line in installs if line.endswith(wanted)] != []


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_server_names_the_command_that_installs_it(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(language_server, "SCRIPT", ROOT / "nowhere")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/node")
    with pytest.raises(outcome, match=f"yaml-language-server is missing: {language_server.INSTALL}"):
        language_server.command()
