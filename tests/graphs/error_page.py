"""`docs/errors.md`, made of the wrong documents of the tests: what each code means, and an example of it."""

from __future__ import annotations

from pathlib import Path

import graphs
from graphs import DocumentError
from graphs.faults import CODES
from tests.graphs.wrong_documents import FOREIGN, WRONG, Wrong

FOREIGN_TEXT = Path(__file__).parent / "golden" / "errors" / f"{FOREIGN.code}.txt"

INTRODUCTION = """\
# Errors

`nas check` tells all faults of a document at once, sorted by place. Each has a code that stays, the line it stands in
with a caret below it, and what to do about it. The notes say what else has to do with it: the steps that meet there,
where a name was given first, and, inside a block, the calls that led to it. A fault inside a block that ships with the
product is shown at the step that calls it. With `--json`, each fault is an object with `code`, `slug`, `file`, `line`,
`column`, `end_column`, `message`, `notes`, `help` and `address`. From Python, `graphs.load` raises
`graphs.DocumentError`, whose `faults` they are.

This page is made by the tests, which compare the text of every example here: `tests/graphs/error_page.py`.
"""

CHAPTERS = {"E0": "Text", "E1": "Form and values", "E2": "Types and shapes", "E3": "The graph", "E4": "Limits"}

MEANINGS = {
    "E001": "The file is missing, is no UTF-8 text, or has characters that no text has.",
    "E002": "The text is no YAML: a bracket or a quote that is never closed, an indentation that fits nothing.",
    "E003": "A key stands twice in one map, where YAML's readers silently take the last.",
    "E004": "A tag, `!something`. A document is data only; nothing in it is ever executed.",
    "E005": "An alias without its anchor, or inside of it.",
    "E006": "A number that is infinite or none.",
    "E007": "The version of the language is missing, or newer than the program. Older documents are read as they are.",
    "E101": "A part has the wrong form: a word where a map should stand, a list where a number should.",
    "E102": "A key that a document, a step or a parameter does not have.",
    "E103": "A block that neither ships with the product nor stands under `blocks`, `use` or in an installed package.",
    "E104": "An argument that the block does not have.",
    "E105": "An argument that the block needs.",
    "E106": "A value that an argument, a parameter or a key does not take.",
    "E107": "An expression that can't be read, or that has no value.",
    "E108": "A name that nothing has here: a parameter, a step, or a word.",
    "E109": "Two things with one name.",
    "E110": "Something that has to be there is missing.",
    "E111": "A block that is made of itself, directly or through others.",
    "E112": "A choice where one value is needed: the document is a search space, not a network.",
    "E113": "A file that `use` names can't be used.",
    "E114": "Weights that can't be shared, being of another shape.",
    "E115": "A block of another package breaks its contract: a mistake there, not in the document.",
    "E201": "The inputs of a step differ where they must agree. Nothing is broadcast or cropped.",
    "E202": "A map where a vector is needed, or a vector where a map is.",
    "E203": "A window is larger than its map. The help names the smallest input for which all windows fit.",
    "E204": "`groups` divides the channels of the input or the output with a remainder.",
    "E205": "A step has too many inputs, or too few.",
    "E206": "`padding: auto` with an even kernel, which has no middle.",
    "E301": "Nothing reads a step or an input, and it is no output: most often a forgotten `from`.",
    "E302": "Steps that read each other in a circle.",
    "E303": "The network costs more, or less, than its document says under `require`.",
    "E304": "A condition that the document, or a block that is called, has under `where` does not hold.",
    "E401": "A document that would take too much memory or time: refused before anything is built.",
}

# The most telling example of a code, where that is not the first of its documents.
EXAMPLES = {
    "E002": "a comma that is missing",
    "E101": "a block that is given a number",
    "E102": "an argument beside its block",
    "E106": "a truth value of YAML 1.1",
    "E110": "branches without a join",
    "E201": "unequal inputs of add inside a block",
    "E203": "one pool too many",
}


def error_page() -> str:
    """The whole page."""
    rows = [INTRODUCTION]
    chapter = ""
    for slug, code in sorted(CODES.items(), key=lambda item: item[1]):
        if code[:2] != chapter:
            chapter = code[:2]
            rows.append(f"## {CHAPTERS[chapter]}\n")
        example = example_of(code)
        rows.append(f"### {code} {slug}\n\n{MEANINGS[code]} Here, {example.case}:\n")
        rows.append(f"```yaml\n{_visible(example.text)}```\n\n```text\n{told(example)}\n```\n")
    return "\n".join(rows)


def example_of(code: str) -> Wrong:
    """The document that shows a code."""
    documents = {document.case: document for document in (*WRONG, FOREIGN) if document.code == code}
    return documents[EXAMPLES.get(code, next(iter(documents)))]


def told(document: Wrong) -> str:
    """What is said of a document; of one that needs a package, the text that its own test compares."""
    if document is FOREIGN:
        return FOREIGN_TEXT.read_text("utf-8").rstrip("\n")
    try:
        graphs.parse(document.text, "net.yaml")
    except DocumentError as error:
        return str(error)
    raise AssertionError(f"nothing is wrong with {document.case}")


def _visible(text: str) -> str:
    """A text whose control characters can be seen, as their pictures in Unicode."""
    return "".join(chr(0x2400 + ord(letter)) if ord(letter) < 32 and letter != "\n" else letter for letter in text)
