"""What libyaml says of a text that is no YAML, in words that help: it names what its scanner missed, no mistake."""

from __future__ import annotations

import re

import yaml

from graphs.faults import FaultList, Mark, Source

_ONE_INDENTATION = "the keys of one map stand at one indentation; nothing follows a closing bracket or quote"


def refuse_syntax(error: yaml.YAMLError, source: Source, faults: FaultList) -> None:
    """The fault of a text that the parser refused."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "this is no YAML")
    place = _mark(getattr(error, "problem_mark", None), source)
    began = _mark(getattr(error, "context_mark", None), source) or place
    place = place or Mark(source, 1, 1, 2)
    began = began or place
    character = _character(place)
    opened = f"began at {began}:{began.column}"
    notes: tuple[str, ...] = ()
    help = ""
    mark = place
    if "tab character" in problem or ("any token" in problem and character == "\t"):
        message, help = "a tab stands in the indentation", "indent with spaces"
    elif "any token" in problem:
        message, help = f"a text can't begin with `{character}`", _quoted(place)
    elif "expected ',' or" in problem:
        closing = problem[-2]
        if place.line == began.line:
            message, help = f"`,` or `{closing}` is missing before this", "put a comma between two entries"
            notes = (f"the bracket was opened at column {began.column}",)
        else:
            message, mark, help = f"this bracket is not closed before line {place.line}", began, f"add `{closing}`"
    elif ("expected key" in problem or "'-' indicator" in problem) and character in ("}", "]", ")"):
        message, help = f"`{character}` closes nothing", "remove it, or add the bracket that it should close"
    elif "expected key" in problem:
        message, notes, help = "a key is expected here", (f"the map {opened}",), _ONE_INDENTATION
    elif "'-' indicator" in problem:
        message, notes = "a step of the list, `- `, is expected here", (f"the list {opened}",)
        help = "the keys of one step stand below its first key, or in one { }"
    elif "end of stream" in problem:
        message, mark, help = "this quote is not closed", began, "add the same quote at its end"
    elif "expected ':'" in problem:
        message, mark, help = "a `:` is missing after this key", began, "key: value, with a space after the colon"
    elif "mapping values" in problem:
        message, help = "a `:` is not expected here", f"{_ONE_INDENTATION}; a text with a colon is quoted"
    elif "escape" in problem:
        message, help = "this is no escape that a text in double quotes knows", "single quotes leave a backslash alone"
    elif "alphabetic or numeric" in problem:
        message, mark, help = (
            f"`{_character(began)}` makes an anchor or an alias, and has no name",
            began,
            _quoted(began),
        )
    elif "comment or line break" in problem:
        message, mark, help = f"`{_character(began)}` begins a text of several lines", began, _quoted(began)
    elif "node content" in problem:
        message, help = "a value is expected here", f"if this is a text, {_quoted(place)}"
    elif "tag handle" in problem:
        faults.add("tag", "a tag has no place in a document", mark, help="a document is data only")
        return
    else:
        message = problem
    faults.add("syntax", message, mark, help=help, notes=notes)


def _mark(mark: yaml.Mark | None, source: Source) -> Mark | None:
    """A position of libyaml's; the end of the text is that of its last line."""
    if mark is None:
        return None
    line, column = mark.line + 1, mark.column + 1
    if line > len(source.lines) > 0:
        line, column = len(source.lines), len(source.lines[-1]) + 1
    return Mark(source, line, column, column + 1)


def _character(mark: Mark) -> str:
    line = mark.source.lines[mark.line - 1] if mark.line <= len(mark.source.lines) else ""
    return line[mark.column - 1 : mark.column]


def _quoted(mark: Mark) -> str:
    line = mark.source.lines[mark.line - 1] if mark.line <= len(mark.source.lines) else ""
    text = re.match(r"[^,}\]#]*", line[mark.column - 1 :])
    word = text[0].strip() if text else ""
    return f'quote it: "{word}"' if word and '"' not in word else "quote it: '...'"
