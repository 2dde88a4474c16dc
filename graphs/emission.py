"""A document as YAML, in the layout of the shipped networks: sections as blocks, a step on one line where it fits."""

from __future__ import annotations

import re

from graphs.document import Action, Call, Choice, Document, Key, Parallel, Param, Sequential, Share, Step, Template
from graphs.migrations import VERSION
from graphs.text import Mapping, Scalar, Tree

WIDTH = 118

_PLAIN = re.compile(
    r"[A-Za-z_][A-Za-z0-9_ .+*/%()'-]*[A-Za-z0-9_)']|[A-Za-z_]|[0-9]+\*[A-Za-z0-9_.*+/ ()-]*[A-Za-z0-9_)]"
)
_WORDS = "true false null True False TRUE FALSE Null NULL yes no on off y n"  # of YAML 1.2, and of 1.1
_NOT_PLAIN = frozenset(_WORDS.split())
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_SECTIONS = ("body", "one_of", "parallel", "sequential")

Data = bool | int | float | str | None | list["Data"] | dict[str, "Data"]


def document_text(document: Document) -> str:
    """The document as YAML."""
    rows: list[str] = []
    for key, value in document_data(document).items():
        _emit(key, value, 0, rows)
    return "\n".join(rows) + "\n"


def document_data(document: Document) -> dict[str, Data]:
    """The document as plain data: what its JSON is."""
    data: dict[str, Data] = {"version": VERSION, "name": document.name}
    if document.doc:
        data["doc"] = document.doc
    if document.params:
        data["params"] = _params(document.params)
    if document.variants:
        data["variants"] = {name.text: _value(values) for name, values in document.variants}
    if document.where:
        data["where"] = [condition.value for condition in document.where]
    data["input"] = {name.text: _value(tree) for name, tree in document.inputs}
    if document.defaults:
        data["defaults"] = {name.text: _value(values) for name, values in document.defaults}
    if document.templates:
        data["blocks"] = {name: _template(template) for name, template in document.templates.items()}
    data["net"] = _body(document.body)
    if document.outputs:
        data["output"] = {name.text: source.value for name, source in document.outputs}
    if document.training_outputs:
        data["training_output"] = {name.text: source.value for name, source in document.training_outputs}
    if document.requirements:
        data["require"] = {name.text: bound.value for name, bound in document.requirements}
    if document.key:
        data["key"] = _key(document.key)
    return data


def _key(key: Key) -> Data:
    columns: list[Data] = [column.value for column in key.columns]
    data: dict[str, Data] = {"of": columns[0] if len(columns) == 1 else columns}
    if key.spell:
        data["spell"] = {entry.text: _spelling(tree) for entry, tree in key.spell}
    if key.absent:
        data["absent"] = key.absent
    return data["of"] if list(data) == ["of"] else data


def _spelling(tree: Tree) -> Data:
    """The texts of alternatives: as texts, since 00 is not 0."""
    if isinstance(tree, Mapping):
        return {entry.text: _spelling(text) for entry, text in tree}
    assert isinstance(tree, Scalar)
    return tree.text


def _template(template: Template) -> Data:
    data: dict[str, Data] = {}
    if template.doc:
        data["doc"] = template.doc
    if template.params:
        data["params"] = _params(template.params)
    if template.where:
        data["where"] = [condition.value for condition in template.where]
    if template.once:
        data["decide"] = "once"
    data["one_of" if template.alternatives else "body"] = _body(template.body)
    return data


def _params(params: tuple[Param, ...]) -> dict[str, Data]:
    return {param.name.text: _param(param) for param in params}


def _param(param: Param) -> Data:
    if param.default is None and not param.words:
        return param.kind
    if param.words and not isinstance(param.default, Mapping):
        data: dict[str, Data] = {} if param.kind == "word" else {"type": param.kind}
        data["words"] = list(param.words)
        return data if param.default is None else {**data, "default": _value(param.default)}
    assert param.default is not None
    plain = isinstance(param.default, Mapping) or _natural_kind(param.default) == param.kind
    return _value(param.default) if plain else {"type": param.kind, "default": _value(param.default)}


def _natural_kind(tree: Tree) -> str:
    if isinstance(tree, Scalar):
        return {bool: "bool", int: "int", float: "float"}.get(type(tree.value), "word")
    return "size"


def _body(body: tuple[Step, ...]) -> list[Data]:
    return [_step(step) for step in body]


def _step(step: Step) -> Data:
    data: dict[str, Data] = {}
    if step.name is not None:
        data["name"] = step.name.text
    if step.sources is not None:
        sources: list[Data] = [source.text if isinstance(source, Scalar) else _value(source) for source in step.sources]
        data["from"] = sources[0] if len(sources) == 1 else sources
    if step.when is not None:
        data["when"] = step.when.value
    if step.repeat is not None:
        data["repeat"] = _value(step.repeat)
    if step.each:
        data["decide"] = "each"
    if step.first is not None:
        data["first"] = _value(step.first)
    if step.unused:
        data["unused"] = "ok"
    key, value = _action(step.action)
    data[key] = value
    join = _join(step.action)
    if join is not None:
        data["join"] = join
    if isinstance(step.action, Choice) and step.action.prior is not None:
        data["prior"] = _value(step.action.prior)
    return data


def _action(action: Action) -> tuple[str, Data]:
    match action:
        case Call(key=key, arguments=arguments):
            return key.text, _value(arguments)
        case Sequential(body=body):
            return "sequential", _body(body)
        case Parallel(branches=branches):
            return "parallel", {name.text: _body(body) for name, body in branches}
        case Share(key=key, target=target):
            return key.text, target.text
        case Choice(alternatives=alternatives):
            return "choice", {name.text: _alternative(action) for name, action in alternatives}


def _alternative(action: Action) -> Data:
    if isinstance(action, Sequential):
        return _body(action.body)
    key, value = _action(action)
    return {key: value}


def _join(action: Action) -> str | None:
    if isinstance(action, Parallel):
        return action.join.text
    if isinstance(action, Choice):
        return next((join for _, alternative in action.alternatives if (join := _join(alternative))), None)
    return None


def _value(tree: Tree) -> Data:
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, Mapping):
        return {key.text: _value(value) for key, value in tree}
    return [_value(item) for item in tree.items]


def _emit(key: str, value: Data, indent: int, rows: list[str]) -> None:
    """`key: value` at this indentation, on one line where it fits and is no section."""
    margin = " " * indent
    line = f"{margin}{_scalar(key)}: {_flow(value)}"
    is_template = isinstance(value, dict) and ("body" in value or "one_of" in value)
    is_section = is_template or key in _SECTIONS or (indent == 0 and key in ("blocks", "net"))
    if not value or (not is_section and len(line) <= WIDTH) or not isinstance(value, dict | list):
        rows.append(line)
        return
    rows.append(f"{margin}{_scalar(key)}:")
    if isinstance(value, dict):
        for name, part in value.items():
            _emit(name, part, indent + 2, rows)
        return
    for item in value:
        _emit_item(item, indent + 2, rows)


def _emit_item(item: Data, indent: int, rows: list[str]) -> None:
    margin = " " * indent
    flow = _flow(item)
    if isinstance(item, dict) and len(item) == 1:
        flow = flow[1:-1]
    if len(margin) + 2 + len(flow) <= WIDTH or not isinstance(item, dict):
        rows.append(f"{margin}- {flow}")
        return
    start = len(rows)
    for name, part in item.items():
        _emit(name, part, indent + 2, rows)
    rows[start] = f"{margin}- {rows[start].lstrip()}"


def _flow(value: Data) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_scalar(key)}: {_flow(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case _:
            return _scalar(value)


def _scalar(value: bool | int | float | str | None) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            text = repr(value)
            return text if "." in text or "e" not in text else text.replace("e", ".0e")
        case int():
            return str(value)
    if _PLAIN.fullmatch(value) and value not in _NOT_PLAIN and ": " not in value and " #" not in value:
        return value
    return f'"{_ESCAPED.sub(_escape, value)}"'


def _escape(found: re.Match[str]) -> str:
    """As a text in double quotes has it. JSON's own writer leaves characters as they are that YAML does not take."""
    character = found[0]
    return _ESCAPES.get(character) or f"\\u{ord(character):04X}"
