"""Hostile documents end in a located fault: nothing is executed, nothing explodes, nothing else is raised."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphs
from graphs import DocumentError
from graphs.assembly import MAX_NODES, MAX_STEPS
from graphs.fragments import forget
from graphs.text import MAX_BYTES, MAX_VALUES
from search_spaces.catalog import find
from tests.graphs.wrong_documents import HEAD, WRONG

BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 12)
)
DEEP_ALIASES = f"a0: &a0 {'[' * 60}{']' * 60}\n" + "".join(
    f"a{number}: &a{number} {'[' * 60}*a{number - 1}{']' * 60}\n" for number in range(1, 60)
)


def blocks(count: int, body: Callable[[int], str]) -> str:
    """Templates t0 to t(count - 1) in a chain, each with the body that is made from the number of the next."""
    rows = (f"  t{number}: {{body: [{body(number + 1)}]}}\n" for number in range(count))
    return "blocks:\n" + "".join(rows) + f"  t{count}: {{body: [{{relu: {{}}}}]}}\n"


START = "net: [{t0: {}}]\n"


def in_groups(number: int) -> str:
    return "{sequential: [" * 26 + f"{{t{number}: {{}}}}" + "]}" * 26


HOSTILE = {
    "an alias bomb": (BOMB + HEAD, "E401", "values after the expansion of its aliases"),
    "aliases that nest": (DEEP_ALIASES, "E401", "nested more than 64 deep"),
    "a million brackets": ("[" * 900_000, "E401", "nested more than 64 deep"),
    "maps in maps": ("{a: " * 200_000, "E401", "nested more than 64 deep"),
    "an anchor inside itself": ("a: &a [*a]\n", "E005", "stands inside its own anchor"),
    "an integer of half a megabyte": (
        HEAD + f"net: [{{conv: {{out_channels: {'9' * 500_000}}}}}]\n",
        "E401",
        "500,000 digits",
    ),
    "more than a megabyte": ("#" * (MAX_BYTES + 1), "E401", "larger than 1,000,000 bytes"),
    "more than a megabyte of wide characters": ("# " + "网" * (MAX_BYTES // 3), "E401", "larger than 1,000,000 bytes"),
    "too many values": (f"[{'1,' * MAX_VALUES}]", "E401", "more than 100,000 values"),
    "repeats of repeats of nothing": (
        HEAD + "net: [{repeat: 20000, sequential: [{repeat: 20000, sequential: []}]}]\n",
        "E401",
        f"more than {MAX_STEPS:,} steps",
    ),
    "repeats of repeats": (
        HEAD + "net: [{repeat: 20000, sequential: [{repeat: 20000, relu: {}}]}]\n",
        "E401",
        f"more than {MAX_NODES:,} nodes",
    ),
    "repeats of steps that are left out": (
        HEAD + f"net: [{{repeat: 20000, sequential: [{', '.join(['{when: 1 > 2, relu: {}}'] * 5000)}]}}]\n",
        "E401",
        f"more than {MAX_STEPS:,} steps",
    ),
    "blocks that double": (HEAD + blocks(30, lambda n: f"{{t{n}: {{}}}}, {{t{n}: {{}}}}") + START, "E401", "more than"),
    "blocks that nest": (HEAD + blocks(100, lambda n: f"{{t{n}: {{}}}}") + START, "E401", "nested more than 32 deep"),
    "groups that nest inside blocks that nest": (
        HEAD + blocks(40, in_groups) + START,
        "E401",
        "nested more than 32 deep",
    ),
    "addresses without end": (
        HEAD + "net: [" + f"{{name: {'n' * 64}, sequential: [" * 20 + "{relu: {}}" + "]}" * 20 + "]\n",
        "E401",
        "more than 500 characters",
    ),
    "a block that calls itself twice": (
        HEAD + "blocks: {b: {body: [{b: {}}, {b: {}}]}}\nnet: [{b: {}}]\n",
        "E111",
        "made of itself",
    ),
    "steps that share in a chain": (
        HEAD
        + "net:\n  - {name: s0, relu: {}}\n"
        + "".join(f"  - {{name: s{n + 1}, share: s{n}}}\n" for n in range(500)),
        "E401",
        "more than 32 steps share",
    ),
    "a tower of strides": (
        HEAD + "net: [{repeat: 500, max_pool2d: {kernel_size: 1, stride: 99999999}}]\n",
        "E401",
        "pixels of stride",
    ),
    "a kernel beyond all numbers": (
        HEAD + "net: [{conv: {out_channels: 65536, kernel_size: 999999999}}]\n",
        "E401",
        "parameters; at most",
    ),
    "a tower of products": (
        HEAD + "net: [{conv: {out_channels: 99999999*99999999*99999999}}]\n",
        "E107",
        "larger than 2^53",
    ),
    "a tower of brackets": (
        HEAD + f"net: [{{conv: {{out_channels: {'(' * 90}1{')' * 90}}}}}]\n",
        "E107",
        "nests at most 16",
    ),
    "an expression without end": (
        HEAD + f"net: [{{conv: {{out_channels: {'1+' * 500}1}}}}]\n",
        "E107",
        "at most 200 characters",
    ),
    "a cycle of ten thousand steps": (
        HEAD + "net:\n" + "".join(f"  - {{name: n{n}, from: n{(n + 1) % 9000}, relu: {{}}}}\n" for n in range(9000)),
        "E302",
        "`n0` reads `n1`",
    ),
    "a map that no input can fill": (
        HEAD + "net: [{repeat: 1500, max_pool2d: {kernel_size: 2, stride: 1}}]\n",
        "E203",
        "nothing is left",
    ),
    "code for a name": (
        HEAD + 'net: [{name: "x\\n    raise SystemExit", relu: {}}]\n',
        "E106",
        "is no name for a step",
    ),
    "a null byte": (HEAD + "net: [{relu: {}}]\0\n", "E001", "U+0000"),
    "half a surrogate": (HEAD + "doc: \ud800\nnet: [{relu: {}}]\n", "E001", "U+D800"),
    "nothing": ("", "E110", "the document is empty"),
    "nothing but spaces": ("  \n \n", "E110", "the document is empty"),
    "a second document": (HEAD + "net: [{relu: {}}]\n---\nversion: 1\n", "E002", "a second document"),
    "a directive of a future YAML": ("%YAML 3.0\n---\nversion: 1\n", "E002", "incompatible"),
    "a merge key of YAML 1.1": (HEAD + "net: [{conv: {<<: {out_channels: 3}}}]\n", "E002", "a merge key"),
    "a key that is a list": (HEAD + "net: [{relu: {}}]\n? [a, b]\n: 1\n", "E002", "a key is a word"),
}


@pytest.mark.parametrize(("text", "code", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_document_ends_in_a_located_fault(text: str, code: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(text)
    fault = caught.value.faults[0]
    assert (fault.code, message in fault.message) == (code, True), fault.message
    assert fault.mark.line >= 1
    assert fault.mark.column >= 1


@pytest.mark.parametrize("depth", [29, 30, 31, 32])
def test_the_limit_of_nesting_does_not_depend_on_what_was_expanded_before(depth: int) -> None:
    head = "version: 1\ninput: {i: {map: [3, 8, 8]}}\n"
    call = "[{residual_basic: {out_channels: 3}}]"
    rows = [f"  t{n}: {{body: [{{t{n + 1}: {{}}}}]}}\n" for n in range(depth - 1)]
    nested = f"{head}blocks:\n{''.join(rows)}  t{depth - 1}: {{body: {call}}}\nnet: [{{t0: {{}}}}]\n"

    def outcome() -> str:
        try:
            return graphs.parse(nested).hash
        except DocumentError as error:
            return str(error)

    forget()
    cold = outcome()
    graphs.parse(f"{head}net: {call}\n")
    assert outcome() == cold


def test_repeats_in_blocks_that_nothing_calls_cost_nothing() -> None:
    body = "{repeat: 20000, sequential: [{repeat: 20000, relu: {}}]}"
    rows = "".join(f"  t{number}: {{body: [{body}]}}\n" for number in range(500))
    assert len(graphs.parse(HEAD + f"blocks:\n{rows}net: [{{relu: {{}}}}]\n").nodes) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfev\x00", "no UTF-8 text: invalid start byte at byte 0"),
        (b"version: 1\nname: caf\xe9\n", "no UTF-8 text: invalid continuation byte at byte 20"),
        (b"\x00" * 10, "U+0000"),
        (b"", "the document is empty"),
        ("é".encode() * (MAX_BYTES // 2 + 1), "larger than 1,000,000 bytes"),
    ],
    ids=["utf-16", "latin-1", "binary", "empty", "too large, cut inside a character"],
)
def test_a_file_that_is_no_text_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=message.replace("+", r"\+")):
        graphs.load(path)


def test_the_place_of_a_byte_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(b"version: 1\nname: caf\xe9\n")
    with pytest.raises(DocumentError) as caught:
        graphs.load(path)
    assert (caught.value.faults[0].mark.line, caught.value.faults[0].mark.column) == (2, 10)


@pytest.mark.parametrize("path", [".", "missing.yaml", "a\0b.yaml", "x" * 5000])
def test_a_path_without_a_file_is_refused(path: str) -> None:
    with pytest.raises(DocumentError, match="E001 unreadable: cannot be read"):
        graphs.load(path)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = HEAD + "net:\n  - {name: a, conv: {out_channels: 4}}\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert graphs.load(path).hash == graphs.parse(text).hash == graphs.parse("\ufeff" + text).hash


# Fuzzing: whatever comes in, either a graph comes out or a DocumentError with faults that can be rendered.


def survives(text: str) -> None:
    try:
        graph = graphs.parse(text)
    except DocumentError as error:
        faults, told = error.faults, str(error)
    else:
        assert graphs.parse(graph.text()).hash == graph.hash
        return
    assert faults
    assert told
    assert all(json.dumps(fault.as_dict()) for fault in faults)


SHIPPED = tuple(find(name, "network").path.read_text("utf-8") for name in ("lenet5", "cifar_resnet20"))
TEMPLATES = HEAD + (
    "params: {w: 8, act: {words: [relu, silu], default: relu}}\n"
    "blocks:\n"
    "  cell:\n"
    "    params: {width: int, stride: 1, k: {type: size, default: 3}, like: node}\n"
    "    body:\n"
    "      - {name: a, conv: {out_channels: width, kernel_size: k, stride: stride}}\n"
    "      - {name: s, from: in, when: stride > 1 and in.channels != width, shortcut: {like: a, kind: pad}}\n"
    "      - {from: [a, s], add: {}}\n"
    "net:\n"
    "  - {name: stem, conv: {out_channels: w, activation: act}}\n"
    "  - {name: body, repeat: 2, first: {stride: 1}, cell: {width: 'w', like: stem}}\n"
    "  - {name: split, join: concat, parallel: {l: [], r: [{tanh: {}}, {share: tanh}]}}\n"
    "  - {name: gap, unused: ok, global_avg_pool: {}}\n"
    "  - {from: split, flatten: {}}\n"
    "  - {name: y, linear: {out_features: round_to(1.2*w, 8)}}\n"
    "output: {logits: y, features: split}\n"
    'require: {params: "< 1G"}\n'
)
SEEDS = (*SHIPPED, TEMPLATES, *(wrong.text for wrong in WRONG))
PIECES = """
{ } [ ] : , - & * &a *a !x ' " | > ? # << ~ % // ( ) == in in.channels 1e9 -1 0 .inf null true 65537 é 网 add concat
conv parallel sequential share choice range
"""
MORE = (": ", "\n", "  ", "\t", "\u2028", "\x7f", "repeat: 3", "from: in", "when: 1 > 0", "relu: {}", "version: 0")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A document with some stretches cut out, doubled or replaced."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        middle = draw(
            st.one_of(
                st.sampled_from([*PIECES.split(), *MORE]),
                st.just(""),
                st.just(text[start:end] * 2),
                st.text(max_size=3),
            )
        )
        text = text[:start] + middle + text[end:]
    return text


@settings(max_examples=300)
@given(mutated())
@example(HEAD + "net: [{name: x, shortcut: {like: [x]}}]\n")
@example(HEAD + "net: [{conv: {out_channels: {range: [1, [2]]}}}]\n")
@example("version: 1\ninput: {a: {vector: 1}, b: {vector: 1}}\nnet: []\n")
@example(HEAD + "net: [{linear: {out_features: in.features}}]\n")
def test_a_mutated_document_gives_a_graph_or_a_document_error(text: str) -> None:
    survives(text)


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_gives_a_graph_or_a_document_error(text: str) -> None:
    survives(text)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_give_a_graph_or_a_document_error(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.yaml"
        path.write_bytes(content)
        with contextlib.suppress(DocumentError):
            graphs.load(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("params", "input", "blocks", "net", "output", "require", "use", "defaults", "variants", "name", "doc")


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_any_data_under_the_right_keys_gives_a_graph_or_a_document_error(data: dict[str, object]) -> None:
    base = {"version": 1, "input": {"image": {"map": [3, 8, 8]}}, "net": [{"relu": {}}]}
    survives(json.dumps({**base, **data}))
