"""Blocks of other packages: found by their entry points, used like any other, refused where they break the contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import graphs
from blocks import extensions
from blocks.extensions import BlockError
from graphs import DocumentError
from graphs.library import block_class, extension_classes
from nas.cli.entry import run
from tests.golden import assert_golden
from tests.graphs.error_page import FOREIGN_TEXT
from tests.graphs.wrong_documents import FOREIGN
from tests.test_floors import loaded_by

BLOCK = '''
from typing import ClassVar, Literal

from blocks import Cost, Map, Primitive, RuleError, Type, Window


class PixelUnshuffle(Primitive):
    """Squares of pixels as channels: (C, H, W) to (factor^2 C, H / factor, W / factor). torch.nn.PixelUnshuffle."""

    key: ClassVar[str] = "pixel_unshuffle"
    takes: ClassVar[Literal["map", "vector", "any"]] = "map"

    factor: int = 2

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        (source,) = inputs
        assert isinstance(source, Map)
        if source.height % self.factor or source.width % self.factor:
            size = f"{source.height} x {source.width}"
            raise RuleError("bad-value", f"squares of {self.factor} do not tile a map of {size}", argument="factor")
        vertical, horizontal = source.stride
        return Map(
            source.channels * self.factor**2,
            source.height // self.factor,
            source.width // self.factor,
            (vertical * self.factor, horizontal * self.factor),
            source.dtype,
        )

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost(window=Window((self.factor, self.factor), (self.factor, self.factor)))

    def build(self, inputs: tuple[Type, ...]):
        from torch import nn

        return nn.PixelUnshuffle(self.factor)


NUMBER = 3


class Other:
    pass


class Halve(Primitive):
    """One that breaks in as many ways as `by` has values."""

    key = "halve"

    by: int = 2

    def infer(self, inputs):
        return None if self.by == 1 else inputs[0] if 7 // self.by else inputs[0]

    def cost(self, inputs):
        if self.by == 3:
            raise RuleError("no-such-kind", "three is refused", argument="by")
        return {2: "free", 4: Cost()}[self.by]

    def build(self, inputs):
        raise OSError("no kernel")


class Untrue(Primitive):
    """The identity by its rules, and by its module what `how` says."""

    key = "untrue"

    how: Literal["same", "shape", "batch", "params", "buffers", "pair", "raises", "numbers"] = "same"

    def infer(self, inputs):
        return inputs[0]

    def cost(self, inputs):
        return Cost()

    def build(self, inputs):
        import torch
        from torch import nn

        class Numbers(nn.Module):
            def forward(self, image):
                return image * (1 + image.sum().item())

        class Pair(nn.Module):
            def forward(self, image):
                return image, image

        channels = inputs[0].shape[0]
        return {
            "same": nn.Identity,
            "shape": lambda: nn.MaxPool2d(2),
            "batch": lambda: nn.Unflatten(0, (1, 2)),
            "params": lambda: nn.Conv2d(channels, channels, 1),
            "buffers": lambda: nn.BatchNorm2d(channels, affine=False),
            "pair": Pair,
            "raises": lambda: nn.Conv2d(channels + 1, channels, 1),
            "numbers": Numbers,
        }[self.how]()


class NoKey(Primitive):
    infer = PixelUnshuffle.infer
    cost = PixelUnshuffle.cost
    build = PixelUnshuffle.build


class NoCost(Primitive):
    key = "no_cost"
    infer = PixelUnshuffle.infer
    build = PixelUnshuffle.build


class NoRule(Primitive):
    key = "no_rule"


class Text(NoKey):
    key = "text"
    words: str = "any"


class Loose(NoKey, extra="allow"):
    key = "loose"
'''
NET = """\
version: 1
input: {image: {map: [1, 8, 8]}}
net:
  - pixel_unshuffle: {factor: 4}
  - conv: {out_channels: 5, kernel_size: 1}
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package whose metadata have these entry points, for the length of a test."""

    def package(*entries: str, name: str = "our-blocks", module: str = "our_blocks", source: str = BLOCK) -> None:
        folder = tmp_path / name
        metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("[fixpoint.blocks]\n" + "\n".join(entries) + "\n")
        (folder / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(folder)
        forget()

    forget()
    yield package
    monkeypatch.undo()
    forget()
    sys.modules.pop("our_blocks", None)


def forget() -> None:
    """Look for packages again."""
    for remembered in (extensions._entries, extensions._load, block_class):
        remembered.cache_clear()


def test_a_block_of_another_package_is_a_block(install: Install) -> None:
    install("pixel_unshuffle = our_blocks:PixelUnshuffle")
    graph = graphs.parse(NET)
    assert [str(node.type) for node in graph.nodes][:2] == ["map[16, 2, 2], stride 4", "map[5, 2, 2], stride 4"]
    assert graph.costs().macs == 16 * 5 * 2 * 2
    assert graph.costs().receptive_field.most == (4, 4)
    assert graphs.parse(graph.text()).hash == graph.hash
    module = graph.compile()
    assert module(torch.zeros(2, 1, 8, 8)).shape == (2, 5, 2, 2)
    assert module.get_submodule("pixel_unshuffle")(torch.arange(16.0).view(1, 1, 4, 4)).flatten().tolist() == [
        float(number) for number in range(16)
    ]


def test_its_arguments_and_rules_are_checked_at_their_place(install: Install) -> None:
    install("pixel_unshuffle = our_blocks:PixelUnshuffle")
    with pytest.raises(DocumentError) as caught:
        graphs.parse(NET.replace("factor: 4", "factor: 3"), "net.yaml")
    assert str(caught.value) == (
        "net.yaml:4:31: E106 bad-value: squares of 3 do not tile a map of 8 x 8\n"
        "    4 |   - pixel_unshuffle: {factor: 3}\n"
        "      |                               ^\n"
        "1 fault"
    )
    with pytest.raises(DocumentError, match=r"`pixel_unshuffle` has no argument `facto`"):
        graphs.parse(NET.replace("factor: 4", "facto: 4"))
    with pytest.raises(DocumentError, match="did you mean `pixel_unshuffle`"):
        graphs.parse(NET.replace("pixel_unshuffle", "pixel_unshufle"))


def test_the_command_line_knows_it(install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install("pixel_unshuffle = our_blocks:PixelUnshuffle")
    (tmp_path / "net.yaml").write_text(NET)
    assert run(["check", str(tmp_path / "net.yaml")]) == 0
    assert capsys.readouterr().out.endswith("net.yaml: ok, 90 parameters, 320 MACs\n")  # 16 * 5, and 2 * 5 of the norm
    assert run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert "Takes an integer; by default 2." in str(schema["definitions"]["pixel_unshuffle"]["properties"]["factor"])


def test_a_package_is_imported_only_where_its_block_is_used(install: Install) -> None:
    install("pixel_unshuffle = our_blocks:PixelUnshuffle", source="raise SystemError('imported')")
    graphs.parse(NET.replace("pixel_unshuffle: {factor: 4}", "relu: {}"))
    with pytest.raises(DocumentError, match="there is no block `relux`"):
        graphs.parse(NET.replace("pixel_unshuffle: {factor: 4}", "relux: {}"))
    with pytest.raises(BlockError, match="imported"):
        graphs.parse(NET)


def test_a_block_of_another_package_costs_no_heavy_library(install: Install, tmp_path: Path) -> None:
    install("pixel_unshuffle = our_blocks:PixelUnshuffle")
    script = f"import graphs\nassert graphs.parse({NET!r}).costs().macs == 320"
    assert loaded_by(script, tmp_path / "our-blocks") == set()


OURS = "the block `{0}` of the package our-blocks (our_blocks:{1})"
RULES = "a block is a `Primitive` with `key` and the rules `infer`, `cost` and `build`"
REFUSED = {
    "no cost": ("no_cost", "NoCost", "has no rule `cost`", RULES),
    "no rule at all": ("no_rule", "NoRule", "has no rule `infer`, `cost`, `build`", RULES),
    "no key": (
        "gate",
        "NoKey",
        "has no `key`",
        'the name of the entry point is the key: key: ClassVar[str] = "gate"',
    ),
    "another key": (
        "gate",
        "PixelUnshuffle",
        "has the key `pixel_unshuffle`",
        'the name of the entry point is the key: key: ClassVar[str] = "gate"',
    ),
    "no primitive": ("other", "Other", "is no subclass of `blocks.Primitive`", RULES),
    "no class": ("number", "NUMBER", "is no subclass of `blocks.Primitive`", RULES),
    "no such name": (
        "gone",
        "Gone",
        "can't be loaded: AttributeError: module 'our_blocks' has no attribute 'Gone'",
        "reinstall the package",
    ),
    "an argument that no document can give": (
        "text",
        "Text",
        "has an argument `words` that no document can give",
        "an argument is a bool, int, float, a pair of integers, or a `Literal` of words",
    ),
    "arguments that are not checked": (
        "loose",
        "Loose",
        "changes `extra` of its `model_config`",
        "leave `model_config` as `Primitive` has it",
    ),
    "the key of a primitive": ("conv2d", "NoKey", "has a key that the product has already", "rename the block"),
    "the key of a composite": ("inception", "NoKey", "has a key that the product has already", "rename the block"),
    "a key of steps": ("repeat", "NoKey", "has a key that the product has already", "rename the block"),
    "a key that no name is": (
        "a-b",
        "NoKey",
        "has a key that no step can have",
        "a key is a letter, then letters, digits and _",
    ),
}


@pytest.mark.parametrize(("key", "name", "message", "help"), REFUSED.values(), ids=REFUSED)
def test_a_block_that_breaks_the_contract_is_refused_by_name(
    key: str, name: str, message: str, help: str, install: Install
) -> None:
    install(f"{key} = our_blocks:{name}")
    with pytest.raises(BlockError) as caught:
        extension_classes()
    assert str(caught.value) == f"{OURS.format(key, name)} {message}\n  help: {help}"


def test_a_block_whose_rule_raises_anything_is_a_fault_at_its_place(install: Install) -> None:
    install("halve = our_blocks:Halve")
    with pytest.raises(DocumentError) as caught:
        graphs.parse(FOREIGN.text, "net.yaml")
    (fault,) = caught.value.faults
    assert (fault.code, fault.mark.line, fault.mark.column, fault.address) == ("E115", *FOREIGN.position, "halve")
    assert_golden(FOREIGN_TEXT, f"{caught.value}\n")


BROKEN = {
    "a type that is none": (
        "1",
        "foreign-block",
        "gives NoneType by its rule `infer`, where a `Map` or a `Vector` is due",
    ),
    "a cost that is none": ("2", "foreign-block", "gives str by its rule `cost`, where a `Cost` is due"),
    "a cost that fails": ("5", "foreign-block", "fails in its rule `cost`: KeyError: 5"),
    "a kind of fault that nobody knows": ("3", "bad-value", "three is refused"),
}


@pytest.mark.parametrize(("by", "slug", "message"), BROKEN.values(), ids=BROKEN)
def test_a_rule_that_gives_something_else_is_a_fault(by: str, slug: str, message: str, install: Install) -> None:
    install("halve = our_blocks:Halve")
    with pytest.raises(DocumentError) as caught:
        graphs.parse(FOREIGN.text.replace("by: 0", f"by: {by}"))
    (fault,) = caught.value.faults
    assert fault.slug == slug
    assert fault.message == (message if slug == "bad-value" else f"{OURS.format('halve', 'Halve')} {message}")


def test_a_module_that_cannot_be_built_is_told_with_its_address(install: Install) -> None:
    install("halve = our_blocks:Halve")
    graph = graphs.parse(FOREIGN.text.replace("halve: {by: 0}", "{name: h, halve: {by: 4}}"))
    with pytest.raises(BlockError) as caught:
        graph.compile()
    assert str(caught.value) == (
        f"{OURS.format('halve', 'Halve')} fails in its rule `build` at `h`: OSError: no kernel\n"
        "  help: this is a mistake of that package: report it there"
    )


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("shape", "its rule `infer` says 3x8x8, and the module of its rule `build` gives 3x4x4"),
        (
            "batch",
            "its rule `infer` says 3x8x8, and the module of its rule `build` gives 2x3x8x8"
            " for 1 images where 2 came in",
        ),
        ("params", "its rule `cost` says 0 parameters, and the module of its rule `build` has 12"),  # 3 * 3 + 3
        ("buffers", "its rule `cost` says 0 buffers, and the module of its rule `build` has 7"),  # 3 + 3 + 1
        ("pair", "the module of its rule `build` gives tuple, where a tensor is due"),
    ],
)
def test_a_module_that_is_another_than_the_rules_say_is_told(install: Install, how: str, reason: str) -> None:
    install("untrue = our_blocks:Untrue")
    graph = graphs.parse(FOREIGN.text.replace("halve: {by: 0}", f"{{name: u, untrue: {{how: {how}}}}}"))
    with pytest.raises(BlockError) as caught:
        graph.compile()
    assert str(caught.value) == (
        f"{OURS.format('untrue', 'Untrue')}, at `u`: {reason}\n"
        "  help: this is a mistake of that package: report it there"
    )


def test_a_module_that_fails_on_what_its_block_reads_is_told(install: Install) -> None:
    install("untrue = our_blocks:Untrue")
    graph = graphs.parse(FOREIGN.text.replace("halve: {by: 0}", "{name: u, untrue: {how: raises}}"))
    with pytest.raises(BlockError, match="at `u`: the module of its rule `build` fails on 3x8x8: RuntimeError: Given"):
        graph.compile()


@pytest.mark.parametrize("how", ["same", "numbers"])
def test_a_module_that_the_rules_are_true_of_is_compiled_and_nothing_is_drawn_for_it(
    install: Install, how: str
) -> None:
    """Also one that meta tensors are not enough for."""
    install("untrue = our_blocks:Untrue")
    graph = graphs.parse(FOREIGN.text.replace("halve: {by: 0}", f"{{name: u, untrue: {{how: {how}}}}}"))
    torch.manual_seed(0)
    module = graph.compile()
    found = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(found, torch.rand(1))
    assert module(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)


def test_two_packages_with_one_key_are_refused(install: Install) -> None:
    install("gate = our_blocks:PixelUnshuffle")
    install("gate = their_blocks:PixelUnshuffle", name="their-blocks", module="their_blocks")
    with pytest.raises(BlockError) as caught:
        block_class("gate")
    assert str(caught.value) == (
        "the block `gate` of the package our-blocks (our_blocks:PixelUnshuffle) has the key of "
        "the block `gate` of the package their-blocks (their_blocks:PixelUnshuffle)\n"
        "  help: uninstall one of the packages, or rename its block"
    )


def test_the_command_line_ends_with_the_reason(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("no_cost = our_blocks:NoCost")
    (tmp_path / "net.yaml").write_text(NET.replace("pixel_unshuffle: {factor: 4}", "no_cost: {}"))
    assert run(["check", str(tmp_path / "net.yaml")]) == 1
    assert capsys.readouterr().err.startswith(f"error: {OURS.format('no_cost', 'NoCost')} has no rule `cost`\n")
