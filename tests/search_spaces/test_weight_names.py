"""Key maps: patterns, arithmetic on what they find, lists in natural order, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphs import DocumentError
from search_spaces.weight_maps import KeyMap, load_key_maps, read_key_maps
from search_spaces.weight_names import Matching, match

HEAD = "version: 1\nlibrary:\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with key maps, from which errors name the file alone."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str) -> tuple[KeyMap, ...]:
    path = Path("map.yaml")
    path.write_text(text, "utf-8")
    return read_key_maps(path)


def matched(rules: str, ours: str, theirs: str) -> Matching:
    """What one library's rules find, with keys given as words."""
    (key_map,) = read(HEAD + rules)
    return match("net", key_map, ours.split(), theirs.split())


RULES = [
    ("a word", "  stem.conv: conv1", "stem.conv.weight", "conv1.weight"),
    ("captures", '  "{l}.{n}.conv{i}.norm": "{l}.{n}.bn{i}"', "layer1.0.conv2.norm.bias", "layer1.0.bn2.bias"),
    ("a piece at either end", '  "{a}_x_{b}": "{b}.{a}"', "p_x_q.weight", "q.p.weight"),
    ("arithmetic", '  "b.{n}": "d{n+1}.{2*n+4}.{n//2}"', "b.3.weight", "d4.10.1.weight"),
    ("a leading zero stays", '  "b.{n}": "d{n}"', "b.03.weight", "d03.weight"),
    ("a capture used twice", '  "{a}.{a}": "{a}"', "x.x.weight", "x.weight"),
    ("parts", '  "s.{n}": {to: "f.{n+4}", parts: {e.conv: 0.0, e.norm: 0.1}}', "s.1.e.norm.bias", "f.5.0.1.bias"),
    ("no prefix", '  stem: {to: "", parts: {conv: conv_stem}}', "stem.conv.weight", "conv_stem.weight"),
    ("tensors", '  "{b}.scale": {to: "{b}", tensors: {weight: gamma}}', "b1.scale.weight", "b1.gamma"),
    ("the first that matches", "  stem: one\n  s{x}: two", "stem.weight", "one.weight"),
    ("only whole addresses", "  a.b: wrong\n  a.b.c: right", "a.b.c.weight", "right.weight"),
]


@pytest.mark.parametrize(("rules", "ours", "theirs"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_a_rule_finds_the_name_there(rules: str, ours: str, theirs: str, folder: Path) -> None:
    found = matched(rules, ours, theirs)
    assert found.complete
    assert found.names == {ours: theirs}


def test_a_star_takes_the_modules_of_the_file_in_natural_order(folder: Path) -> None:
    rules = '  stem: features.0\n  "conv{a}_{b}": "features.*"'
    ours = "stem.weight conv1_1.weight conv1_1.bias conv1_2.weight conv2_1.weight"
    theirs = "features.0.weight features.10.weight features.2.weight features.2.bias features.4.weight"
    assert matched(rules, ours, theirs).names == {
        "stem.weight": "features.0.weight",
        "conv1_1.weight": "features.2.weight",
        "conv1_1.bias": "features.2.bias",
        "conv1_2.weight": "features.4.weight",
        "conv2_1.weight": "features.10.weight",
    }


def test_a_star_that_finds_too_few_says_so(folder: Path) -> None:
    found = matched('  "c{n}": "f.*"', "c1.weight c2.weight", "f.0.weight")
    assert found.counts == ("net has 2 modules for `f.*`, the file 1",)
    assert found.missing == {"c2.weight": "f.*.weight"}


def test_missing_and_surplus_keys_are_told(folder: Path) -> None:
    found = matched("  a: x\n  b: y", "a.weight b.weight b.bias", "x.weight y.weight z.weight")
    assert found.missing == {"b.bias": "y.bias"}
    assert found.surplus == ("z.weight",)
    assert not found.complete


def test_unused_keys_are_no_surplus(folder: Path) -> None:
    found = matched('  a: x\n  unused: ["aux.*", "Aux.*"]', "a.weight", "x.weight Aux.fc.bias")
    assert found.complete


def test_a_map_may_be_for_some_networks_of_a_family(folder: Path) -> None:
    (map_,) = read(HEAD + "  a: b\n  networks: [one, two]\n")
    assert [map_.serves(name) for name in ("one", "two", "three")] == [True, True, False]
    (map_,) = read(HEAD + "  a: b\n")
    assert map_.serves("three")


def test_networks_that_stride_elsewhere_have_maps_of_their_own() -> None:
    """Version 1 and 1.5 of ResNet have equal names and shapes, in every library: a file of one must not pass for the
    other."""
    assert [map_.library for map_ in load_key_maps("resnet") if map_.serves("resnet50")] == ["torchvision, timm"]
    assert [map_.library for map_ in load_key_maps("resnet") if map_.serves("resnet50_v1")] == ["pytorchcv"]


WRONG = {
    "no version": ("a: {b: c}\n", "map.yaml:1:1: E007", "a file of key maps has version 1"),
    "no map": ("version: 1\na: b\n", "map.yaml:2:4: E101", "`a` is a map of keys and values"),
    "no capture": (HEAD + '  "a{0}": b\n', "map.yaml:3:3: E106", "`{0}` is no name for a part of an address"),
    "an unknown name": (HEAD + '  "a{n}": "b{m}"\n', "map.yaml:3:11: E108", "`{m}` reads m"),
    "no expression": (HEAD + '  "a{n}": "b{n+}"\n', "map.yaml:3:11: E107", "`{n+}`: the expression ends too early"),
    "no target": (HEAD + "  a: {parts: {b: c}}\n", "map.yaml:3:6: E110", "`a` needs `to`, a word"),
    "an unknown key": (HEAD + "  a: {to: b, part: {}}\n", "map.yaml:3:14: E102", "did you mean `parts`?"),
    "a list for a word": (HEAD + "  a: {to: b, parts: {c: [d]}}\n", "map.yaml:3:25: E101", "`c` in `parts` is a word"),
    "networks": (HEAD + "  networks: resnet50\n", "map.yaml:3:13: E101", "`networks` is a list of words"),
    "unused": (HEAD + "  unused: aux\n", "map.yaml:3:11: E101", "`unused` is a list of words"),
}


@pytest.mark.parametrize(("text", "place", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_map_is_refused_at_its_place(text: str, place: str, message: str, folder: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert str(caught.value).startswith(place)
    assert message in str(caught.value)


MISFITS = {
    "no pattern": ("  stem: a", "stm.weight", "map.yaml:2:1: E110", "`library` has no pattern for `stm` of net"),
    "two modules of one name": (
        '  "{a}.x": "y"',
        "p.x.weight q.x.weight",
        "map.yaml:3:12: E109",
        "both `p.x` and `q.x`",
    ),
    "a word in arithmetic": ('  "{a}.x": "y{a+1}"', "p.x.weight", "map.yaml:3:12: E107", "for `p.x` of net"),
}


@pytest.mark.parametrize(("rules", "ours", "place", "message"), MISFITS.values(), ids=MISFITS)
def test_a_map_that_does_not_fit_is_refused_at_its_place(
    rules: str, ours: str, place: str, message: str, folder: Path
) -> None:
    with pytest.raises(DocumentError) as caught:
        matched(rules, ours, "")
    assert str(caught.value).startswith(place)
    assert message in str(caught.value)


def test_a_family_without_a_file_has_no_maps() -> None:
    assert load_key_maps("lenet5") == ()
