"""Every mistake gives one fault at its place; the texts that people read are in `golden/errors`."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

import graphs
from graphs import DocumentError, Fault
from graphs.faults import CODES, MOST_COLLECTED, MOST_SHOWN
from tests.golden import assert_golden
from tests.graphs.wrong_documents import FOREIGN, HEAD, WRONG, Wrong

GOLDEN = Path(__file__).parent / "golden" / "errors"

# Many mistakes at once, in the text, the shape, the names, the types and the wiring.
MANY = """\
version: 1
nam: everything
params: {width: 8, widht2: 2*wdth}
input: {image: {map: [3, 32, 32]}}
blocks:
  cell:
    params: {w: int, act: {words: [relu, silu], default: rulu}}
    body:
      - {name: main, conv: {out_channels: w, kernel: 3}}
      - {name: skip, from: in, conv: {out_channels: 2*v}}
      - {from: [main, skip], add: {}}
net:
  - {name: stem, conv: {out_channels: width, kernel_size: 3, kernel_size: 5}}
  - cell: {w: 16.0}
  - {name: a, from: stem, conv: {out_channels: width, groups: 3}}
  - {name: b, from: stem, max_pool2d: {kernel_size: 64}}
  - {name: c, from: [c2, stem], add: {}}
  - {name: c2, from: c, relu: {}}
  - {name: lonely, from: stem, tanh: {}}
  - {name: d, from: stem, conv: {out_channels: 4}}
  - {from: [stem, d], add: {}}
  - linear: {out_features: 10}
output: {logits: linear}
require: {params: 5M}
"""


def faults_of(text: str) -> tuple[Fault, ...]:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(text, "net.yaml")
    return caught.value.faults


def whole_text_of(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(text, "net.yaml")
    return str(caught.value)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_mistake_gives_one_fault_at_its_place(wrong: Wrong) -> None:
    found = [(fault.code, fault.mark.line, fault.mark.column) for fault in faults_of(wrong.text)]
    assert found == [(wrong.code, *wrong.position)]


@pytest.mark.parametrize("code", sorted({wrong.code for wrong in WRONG}))
def test_the_texts_of_a_code_are_those_that_were_reviewed(code: str) -> None:
    parts = [f"== {wrong.case}\n\n{whole_text_of(wrong.text)}\n" for wrong in WRONG if wrong.code == code]
    assert_golden(GOLDEN / f"{code}.txt", "\n".join(parts))


def test_every_code_has_an_example_and_every_example_a_name_of_its_own() -> None:
    assert {wrong.code for wrong in (*WRONG, FOREIGN)} == set(CODES.values())
    assert len({wrong.case for wrong in WRONG}) == len(WRONG)
    assert len(set(CODES.values())) == len(CODES)


def test_every_fault_tells_what_to_do() -> None:
    # Where the message says what is wanted, or the number is the user's own, there is nothing to add.
    speechless = {wrong.code for wrong in WRONG for fault in faults_of(wrong.text) if not fault.help}
    assert speechless <= {"E106", "E107", "E303"}


def test_all_faults_are_told_at_once_in_the_order_of_the_text() -> None:
    faults = faults_of(MANY)
    places = [(fault.mark.line, fault.mark.column) for fault in faults]
    assert places == sorted(places)
    assert_golden(GOLDEN / "many.txt", whole_text_of(MANY) + "\n")


def test_a_fault_deep_in_templates_names_the_calls_that_led_there() -> None:
    text = HEAD + (
        "blocks:\n"
        "  inner:\n"
        "    params: {w: int}\n"
        "    body:\n"
        "      - {name: main, conv: {out_channels: w}}\n"
        "      - {from: [main, in], add: {}}\n"
        "  outer: {params: {w: int}, body: [{inner: {w: w}}, {inner: {w: 2*w}}]}\n"
        "net:\n"
        "  - {name: stage, outer: {w: 3}}\n"
    )
    assert_golden(GOLDEN / "chain.txt", whole_text_of(text) + "\n")


def test_a_caret_allows_for_wide_characters() -> None:
    (fault,) = faults_of(HEAD + """net:\n  - {when: "'网' == '网'", conv: {}}\n""")
    # `  - {when: ` takes 11 columns, the quoted text 10 and 2 more for each wide character, the comma and space 2.
    assert fault.render().splitlines()[2] == "      | " + " " * (11 + 10 + 4 + 2) + "^^^^"


def test_one_fault_of_a_kind_at_one_place_is_told_once_however_often_it_is_expanded() -> None:
    text = HEAD + "blocks: {b: {body: [{relu: {}}, {cnov: {}}]}}\nnet:\n  - {repeat: 500, b: {}}\n  - b: {}\n"
    assert [fault.code for fault in faults_of(text)] == ["E103"]


def test_the_text_shows_the_first_twenty_and_says_how_many_there_are() -> None:
    text = whole_text_of(HEAD + "net:\n" + "  - cnov: {}\n" * 30)
    assert text.count("E103") == MOST_SHOWN
    assert text.endswith("\n30 faults, the first 20 are shown")


def test_a_hopeless_document_is_given_up() -> None:
    text = whole_text_of(HEAD + "net:\n" + "  - cnov: {}\n" * 5000)
    assert text.endswith(f"\n{MOST_COLLECTED} or more faults, the first 20 are shown")


def test_words_of_a_document_do_not_reach_the_terminal_as_they_are() -> None:
    text = HEAD + 'net:\n  - "relu\\e[31m\\n": {}\n  - ' + "x" * 5000 + ": {}\n"
    told = whole_text_of(text)
    assert "\x1b" not in told
    assert max(map(len, told.splitlines())) < 600


def test_errors_survive_a_copy_and_a_pickle() -> None:
    error = DocumentError(faults_of(HEAD + "net:\n  - cnov: {}\n"))
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert str(other) == str(error)
        assert [fault.as_dict() for fault in other.faults] == [fault.as_dict() for fault in error.faults]


def test_a_fault_as_a_dict_has_what_the_command_line_promises() -> None:
    (fault,) = faults_of(HEAD + "net:\n  - {name: b, linear: {out_features: 2}}\n")
    assert fault.as_dict() == {
        "code": "E202",
        "slug": "wrong-kind",
        "file": "net.yaml",
        "line": 4,
        "column": 15,
        "end_column": 21,
        "message": "`linear` takes a vector, got map[3, 8, 8], stride 1",
        "notes": [],
        "help": "insert `- global_avg_pool: {}` (one number per channel) or `- flatten: {}` (all of them) before it",
        "address": "b",
    }
