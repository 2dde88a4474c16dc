"""A graph writes the document that gives it: YAML that reads well, and that reads back to the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import graphs
import search_spaces
from graphs.emission import document_data
from tests.graphs.documents import documents
from tests.graphs.wrong_documents import HEAD

NETWORKS = ("lenet5", "resnet18", "resnet50", "cifar_resnet20", "densenet121", "efficientnet_b0", "googlenet")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_network_survives_the_round_trip(name: str) -> None:
    graph = search_spaces.load_network(name)
    text = graph.text()
    again = graphs.parse(text)
    assert again.text() == text
    assert again.hash == graph.hash
    assert [node.address for node in again.nodes] == [node.address for node in graph.nodes]


@pytest.mark.parametrize("name", ["lenet5"])
def test_a_shipped_network_is_written_as_it_was(name: str) -> None:
    """But for its documentation, which stands on one line then."""
    path = search_spaces.find(name, "network").path
    written = re.sub(r"doc: >-\n(?:  .*\n)+| +doc: .*\n", "", path.read_text("utf-8"))
    assert re.sub(r" *doc: .*\n", "", graphs.load(path).text()) == written


def test_settings_are_part_of_what_is_written() -> None:
    path = search_spaces.find("lenet5", "network").path
    graph = graphs.load(path, {"classes": 26})
    assert "params: {classes: 26, size: 32}" in graph.text()
    assert graphs.parse(graph.text()).hash == graph.hash != graphs.load(path).hash


ODD = {
    "every kind of parameter": (
        "params: {a: 3, b: 0.5, c: true, d: [3, 5], e: {type: int, default: 2*a}, f: {words: [x, 'no'], default: x}}\n"
        "blocks: {t: {params: {n: node, s: size, w: {type: size, words: [auto], default: auto}}, body: []}}\n"
        "net: [{relu: {}}]\n"
    ),
    "a block of alternatives": (
        "blocks:\n  t:\n    params: {k: {words: [a, b]}}\n    one_of: [{when: k == 'a', relu: {}}, {tanh: {}}]\n"
        "net: [{t: {k: b}}]\n"
    ),
    "every key of a step": (
        "net:\n"
        "  - {name: a, from: in, repeat: 2, first: {kernel_size: 1}, conv: {out_channels: 3, kernel_size: 3}}\n"
        "  - {name: b, when: in.channels > 2, unused: ok, tanh: {}}\n"
        "  - {name: c, from: [a, in], add: {}}\n"
        "  - {join: concat, parallel: {x: [], y: [{sequential: [{relu: {}}]}]}}\n"
    ),
    "texts that are no words": (
        'name: "1.0"\n'
        'doc: "tab\\there, newline\\nthere, quote \\" and \\\\, \\x7F, \\x85, \\u2028, \\uFEFF, \\U0001F600: # -"\n'
        "net: [{relu: {}}]\n"
    ),
    "conditions with quotes": "net: [{when: \"'a: #b' == 'a: #b' and not 1 > 2\", relu: {}}]\n",
    "numbers of all sizes": "params: {a: 1e300, b: 1e-300, c: -0.0, d: 999999999999999999, e: -3}\nnet: [{relu: {}}]\n",
    "requirements": 'net: [{relu: {}}]\nrequire: {params: "< 5M", peak_bytes: ">=  1"}\n',
    "a list too long for a line": f"net: [{{name: a, relu: {{}}}}, {{from: [{', '.join(['a'] * 60)}], add: {{}}}}]\n",
}


@pytest.mark.parametrize("rest", ODD.values(), ids=ODD.keys())
def test_odd_documents_survive_the_round_trip(rest: str) -> None:
    graph = graphs.parse(HEAD + rest)
    text = graph.text()
    again = graphs.parse(text)
    assert document_data(again.document) == document_data(graph.document)
    assert (again.hash, again.text()) == (graph.hash, text)


@pytest.mark.parametrize("rest", ODD.values(), ids=ODD.keys())
def test_other_readers_of_yaml_see_the_same_data(rest: str) -> None:
    """PyYAML reads YAML 1.1: what is written means the same to it, but for exponents without a point."""
    graph = graphs.parse(HEAD + rest)
    assert yaml.safe_load(graph.text()) == document_data(graph.document)


@settings(max_examples=40)
@given(documents())
def test_json_and_yaml_give_the_same_graph(data: dict[str, Any]) -> None:
    compact, indented = json.dumps(data), json.dumps(data, indent=1, ensure_ascii=False)
    dumped = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    graph = graphs.parse(compact)
    for text in (indented, dumped, graph.text(), graphs.parse(graph.text()).text()):
        again = graphs.parse(text)
        assert again.hash == graph.hash
        assert again.name == graph.name
        assert [node.address for node in again.nodes] == [node.address for node in graph.nodes]
        assert again.text() == graph.text()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_text_survives_the_round_trip(doc: str) -> None:
    data = {"version": 1, "doc": doc, "input": {"x": {"vector": 3}}, "net": [{"tanh": {}}]}
    graph = graphs.parse(json.dumps(data))
    assert graph.document.doc == doc
    assert graphs.parse(graph.text()).document.doc == doc
