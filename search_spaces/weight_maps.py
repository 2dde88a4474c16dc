"""Key maps, read: how another library names the modules of a family, as data in `weights/<family>.yaml`.

    version: 1
    torchvision, timm:                              # libraries, or a kind of file of one
      stem.conv: conv1                              # a module's address here: the module's path there
      "{layer}.{n}.conv{i}": "{layer}.{n}.c{i+1}"   # {x}: a part of an address between dots, or a piece of one;
                                                    # there, an expression of what was found
      "conv{a}_{b}": "features.*"                   # those modules of the file, in natural order, one after the other
      "stage{s}.{n}":                               # a prefix, and what follows it
        to: "features.{s}.{n}"
        parts: {depthwise.conv: block.0, depthwise.norm: block.2}
      "{block}.scale": {to: "{block}", tensors: {weight: gamma}}     # tensors that are called otherwise
      unused: ["AuxLogits.*"]                       # keys of the file that nothing here needs
      networks: [resnet50]                          # those of the family that it is for; all, where it is left out

The first pattern that matches a module wins. `search_spaces.weight_names` applies what is read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from pathlib import Path

from graphs.expressions import ExpressionError, Value, parse_expression
from graphs.faults import FaultList, Mark
from graphs.text import Scalar, Sequence, Tree, parse_tree, read_source
from graphs.tree_checks import NO_ENTRIES, read_mapping

FOLDER = Path(__file__).parent / "weights"
VERSION = 1
ANY = "*"

_BRACES = re.compile(r"\{([^{}]*)\}")
_CAPTURE = re.compile(r"[a-z]\w*")
_EXAMPLE = '"{layer}.{n}.conv{i}": "{layer}.{n}.conv{i}"'


@dataclass(frozen=True, slots=True)
class Rule:
    """Modules whose address matches `pattern` are called `target` there; `tensors` are those with another name.

    `mark` is where the target stands in the map's file.
    """

    text: str
    pattern: re.Pattern[str]
    target: str
    mark: Mark
    tensors: AbstractMapping[str, str]

    def fill(self, found: AbstractMapping[str, str]) -> str:
        """The target for what the pattern found in an address. Raises `ExpressionError`."""
        names: dict[str, Value] = {name: int(text) if text.isdecimal() else text for name, text in found.items()}

        def value(braces: re.Match[str]) -> str:
            return found.get(braces[1]) or str(parse_expression(braces[1]).evaluate(names))

        return _BRACES.sub(value, self.target)


@dataclass(frozen=True, slots=True)
class KeyMap:
    """How one library calls the modules of a family. `unused` are patterns of keys that nothing here needs.

    `networks` are those of the family that it is for, where it is not for all: other networks with the same names and
    shapes may compute something else.
    """

    library: str
    rules: tuple[Rule, ...]
    unused: tuple[re.Pattern[str], ...]
    mark: Mark
    networks: tuple[str, ...] = ()

    @property
    def libraries(self) -> tuple[str, ...]:
        """Those that it is of: several, where they agree."""
        return tuple(self.library.split(", "))

    def serves(self, network: str) -> bool:
        """Whether it is for this network of the family."""
        return not self.networks or network in self.networks


def load_key_maps(family: str) -> tuple[KeyMap, ...]:
    """The key maps of a shipped family, those of the likeliest library first; none where it has no file of them.

    Raises `graphs.DocumentError`.
    """
    path = FOLDER / f"{family}.yaml"
    return read_key_maps(path) if path.is_file() else ()


def read_key_maps(path: Path) -> tuple[KeyMap, ...]:
    """The key maps of a file. Raises `graphs.DocumentError` with all faults."""
    faults = FaultList()
    source = read_source(path, faults)
    tree = parse_tree(source, faults) if source else None
    top = read_mapping(tree, "a file of key maps", None, faults, "version: 1, torchvision: {...}")
    version = top.get("version") if top else None
    if top is not None and (not isinstance(version, Scalar) or version.value != VERSION):
        mark = version.mark if version else top.mark
        faults.add("version", f"a file of key maps has version {VERSION}", mark, help=f"version: {VERSION}")
    maps = [_read_map(key, tree, faults) for key, tree in top or () if key.text != "version"]
    faults.raise_if_any()
    return tuple(maps)


def glob_pattern(text: str) -> re.Pattern[str]:
    """What a word with `*` stands for: any characters in its place."""
    return re.compile(".+".join(map(re.escape, text.split(ANY))))


def _read_map(library: Scalar, tree: Tree, faults: FaultList) -> KeyMap:
    rules: list[Rule] = []
    unused: list[re.Pattern[str]] = []
    networks: list[str] = []
    for key, value in read_mapping(tree, f"`{library.text}`", None, faults, _EXAMPLE) or NO_ENTRIES:
        if key.text == "unused":
            unused += map(glob_pattern, _read_list(key, value, '["AuxLogits.*"]', faults))
        elif key.text == "networks":
            networks += _read_list(key, value, "[resnet50, resnet101]", faults)
        elif isinstance(value, Scalar):
            rules += _read_rule(key, "", value, value.text, {}, faults)
        else:
            rules += _read_group(key, value, faults)
    return KeyMap(library.text, tuple(rules), tuple(unused), library.mark, tuple(networks))


def _read_group(key: Scalar, tree: Tree, faults: FaultList) -> list[Rule]:
    """A pattern with `to`, and with `parts` or `tensors` or both."""
    example = "{to: features, parts: {conv: '0', norm: '1'}}"
    group = read_mapping(tree, f"`{key.text}`", ("to", "parts", "tensors"), faults, example)
    to = group.get("to") if group else None
    if group is None or not isinstance(to, Scalar):
        if group is not None:
            faults.add("missing-key", f"`{key.text}` needs `to`, a word", tree.mark, help=example)
        return []
    tensors = {name.text: part.text for name, part in _words(group.get("tensors"), "tensors", faults)}
    if group.get("parts") is None:
        return _read_rule(key, "", to, to.text, tensors, faults)
    rules: list[Rule] = []
    for name, part in _words(group.get("parts"), "parts", faults):
        target = ".".join(filter(None, (to.text, part.text)))
        rules += _read_rule(key, f".{name.text}", part, target, tensors, faults)
    return rules


def _read_rule(
    key: Scalar, ending: str, value: Scalar, target: str, tensors: AbstractMapping[str, str], faults: FaultList
) -> list[Rule]:
    """One rule, or none where its pattern or its target is at fault."""
    text = key.text + ending
    names: set[str] = set()
    pieces: list[str] = []
    for place, piece in enumerate(_BRACES.split(text)):
        if place % 2 == 0:
            pieces.append(re.escape(piece))
        elif not _CAPTURE.fullmatch(piece):
            help = "`{n}` is a part of an address, and any small letters may be its name"
            faults.add("bad-value", f"`{{{piece}}}` is no name for a part of an address", key.mark, help=help)
            return []
        else:
            pieces.append(f"(?P={piece})" if piece in names else f"(?P<{piece}>[^.]+)")
            names.add(piece)
    for expression in _BRACES.findall(target):
        try:
            unknown = parse_expression(expression).names - names
        except ExpressionError as error:
            faults.add("expression", f"`{{{expression}}}`: {error}", value.mark)
            return []
        if unknown:
            help = f"`{text}` finds {', '.join(sorted(names))}" if names else f"`{text}` finds nothing"
            faults.add("unknown-name", f"`{{{expression}}}` reads {', '.join(sorted(unknown))}", value.mark, help=help)
            return []
    return [Rule(text, re.compile("".join(pieces)), target, value.mark, tensors)]


def _words(tree: Tree | None, what: str, faults: FaultList) -> list[tuple[Scalar, Scalar]]:
    found: list[tuple[Scalar, Scalar]] = []
    for key, value in read_mapping(tree, f"`{what}`", None, faults) or NO_ENTRIES:
        if isinstance(value, Scalar):
            found.append((key, value))
        else:
            faults.add("wrong-shape", f"`{key.text}` in `{what}` is a word", value.mark)
    return found


def _read_list(key: Scalar, tree: Tree, example: str, faults: FaultList) -> list[str]:
    if not isinstance(tree, Sequence) or not all(isinstance(item, Scalar) for item in tree.items):
        message = f"`{key.text}` is a list of words"
        faults.add("wrong-shape", message, tree.mark, help=f"{key.text}: {example}")
        return []
    return [item.text for item in tree.items if isinstance(item, Scalar)]
