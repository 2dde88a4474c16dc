"""Key maps, applied: which tensor of another library's file is which of a network's.

A key is the address of a module and the name of a tensor of its: `stem.conv.weight`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from graphs.expressions import ExpressionError
from graphs.faults import FaultList, nearest
from search_spaces.weight_maps import ANY, KeyMap, Rule, glob_pattern


@dataclass(frozen=True, slots=True)
class Matching:
    """What a key map finds in a file: `names` are a network's keys and those of the file.

    `missing` are keys of the network, each with the one that the file should have; `surplus` are those of the file
    that nothing took. `counts` says where a pattern with `*` finds more or fewer modules than there are.
    """

    library: str
    names: Mapping[str, str]
    missing: Mapping[str, str]
    surplus: tuple[str, ...]
    counts: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.missing and not self.surplus


def match(network: str, key_map: KeyMap, ours: Iterable[str], theirs: Collection[str]) -> Matching:
    """Match the keys of a network, in the order of its state_dict, with those of a file.

    Raises `graphs.DocumentError`, at its place in the map's file, where no pattern matches a module, where what a
    pattern finds is not what its target needs, or where two modules are given one name.
    """
    modules: dict[str, list[str]] = {}
    for key in ours:
        address, _, tensor = key.rpartition(".")
        modules.setdefault(address, []).append(tensor)
    found, counts = _found(network, key_map, modules, theirs)
    names: dict[str, str] = {}
    missing: dict[str, str] = {}
    held = set(theirs)
    for address, tensors in modules.items():
        rule, path = found[address]
        for tensor in tensors:
            key, other = f"{address}.{tensor}", f"{path}.{rule.tensors.get(tensor, tensor)}"
            (names if other in held else missing)[key] = other
    taken = set(names.values())
    surplus = [key for key in theirs if key not in taken and not any(map_.fullmatch(key) for map_ in key_map.unused)]
    return Matching(key_map.library, names, missing, tuple(surplus), counts)


def _found(
    network: str, key_map: KeyMap, modules: Iterable[str], theirs: Iterable[str]
) -> tuple[dict[str, tuple[Rule, str]], tuple[str, ...]]:
    """The rule and the path there of each module, and what is to be said of patterns with `*`."""
    faults = FaultList()
    found: dict[str, tuple[Rule, str]] = {}
    listed: dict[str, list[tuple[Rule, str]]] = {}
    claimed: dict[tuple[str, str], str] = {}
    for address in modules:
        rule, captured = _rule_for(address, key_map.rules)
        if rule is None:
            help = nearest(address, (known.text for known in key_map.rules))
            message = f"`{key_map.library}` has no pattern for `{address}` of {network}"
            faults.add("missing-key", message, key_map.mark, help=help)
            continue
        try:
            path = rule.fill(captured)
        except ExpressionError as error:
            faults.add("expression", f"`{rule.target}` for `{address}` of {network}: {error}", rule.mark)
            continue
        if ANY in path:
            listed.setdefault(path, []).append((rule, address))
            continue
        found[address] = rule, path
        for tensor in (*rule.tensors.values(), *([] if rule.tensors else [""])):
            first = claimed.setdefault((path, tensor), address)
            if first != address:
                message = f"`{path}` is both `{first}` and `{address}` of {network}"
                faults.add("duplicate-name", message, rule.mark, help="two modules have two names: mend a pattern")
    faults.raise_if_any()
    counts: list[str] = []
    taken = {path for _, path in found.values()}
    for glob, places in listed.items():
        paths = [path for path in _modules_of(theirs, glob) if path not in taken]
        if len(paths) != len(places):
            counts.append(f"{network} has {len(places)} modules for `{glob}`, the file {len(paths)}")
        for (rule, address), path in zip(places, paths + [glob] * len(places), strict=False):
            found[address] = rule, path
    return found, tuple(counts)


def _rule_for(address: str, rules: Iterable[Rule]) -> tuple[Rule | None, dict[str, str]]:
    for rule in rules:
        if whole := rule.pattern.fullmatch(address):
            return rule, whole.groupdict()
    return None, {}


def _modules_of(keys: Iterable[str], glob: str) -> list[str]:
    """The modules of a file that a word with `*` stands for, in natural order: 2 before 10."""
    pattern = glob_pattern(glob)
    return sorted(
        {path for path in map(_module_of, keys) if pattern.fullmatch(path)}, key=lambda path: list(_natural(path))
    )


def _module_of(key: str) -> str:
    return key.rpartition(".")[0]


def _natural(text: str) -> Iterator[tuple[int, str]]:
    for piece in re.split(r"(\d+)", text):
        yield (int(piece), "") if piece.isdecimal() else (-1, piece)
