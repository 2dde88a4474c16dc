"""The parts of a document beyond its net: use, variants, defaults, share, older versions, several outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphs
from graphs import DocumentError

HEAD = "version: 1\nname: t\ninput: {image: {map: [4, 8, 8]}}\n"
PARTS = """\
version: 1
blocks:
  inner: {params: {w: int}, body: [{conv: {out_channels: w, kernel_size: 3}}]}
  cell: {params: {w: int}, body: [{inner: {w: w}}, {inner: {w: 2*w}}]}
  other: {body: [{relu: {}}]}
"""


def codes(error: pytest.ExceptionInfo[DocumentError]) -> list[tuple[str, int, str]]:
    return [(fault.code, fault.mark.line, fault.message) for fault in error.value.faults]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "parts.yaml").write_text(PARTS)
    (tmp_path / "outside.yaml").write_text(PARTS)
    return tmp_path / "net"


def write(folder: Path, use: str, net: str = "  - cell: {w: 4}\n", more: str = "") -> Path:
    path = folder / "net.yaml"
    path.write_text(f"{HEAD}use: {use}\n{more}net:\n{net}")
    return path


def test_use_takes_a_block_and_what_it_calls(folder: Path) -> None:
    graph = graphs.load(write(folder, "[parts.yaml#cell]"))
    assert [node.type.shape for node in graph.nodes if node.block.key == "conv2d"] == [(4, 8, 8), (8, 8, 8)]
    assert list(graph.document.templates) == ["cell", "inner"]
    assert graphs.parse(graph.text()).hash == graph.hash  # the text stands on its own


def test_use_takes_all_blocks_of_a_file_and_files_that_use_files(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "a.yaml").write_text("version: 1\nuse: [b.yaml]\nblocks: {a: {body: [{b: {}}]}}\n")
    (folder / "more" / "b.yaml").write_text("version: 1\nblocks: {b: {body: [{tanh: {}}]}}\n")
    graph = graphs.load(write(folder, "[parts.yaml, more/a.yaml]", "  - a: {}\n  - other: {}\n"))
    assert [node.block.key for node in graph.nodes] == ["tanh", "relu"]


def test_a_fault_in_a_used_file_is_located_there(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PARTS.replace("kernel_size: 3", "kernel: 3"))
    with pytest.raises(DocumentError) as caught:
        graphs.load(write(folder, "[parts.yaml#cell]"))
    (fault,) = caught.value.faults
    assert (fault.mark.source.name, fault.mark.line) == (str(folder / "parts.yaml"), 3)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("[parts.yaml#cel]", "`parts.yaml` has no block `cel`"),
        ("[../outside.yaml]", "`../outside.yaml` lies outside the folder of the document"),
        ("[/etc/passwd]", "`/etc/passwd` lies outside the folder of the document"),
        ("[missing.yaml]", "there is no file `missing.yaml`"),
        ("[net.yaml#cell]", "`net.yaml` uses itself"),
        (r'["a\0.yaml"]', "this is no path of a file"),
        (f"[{'a' * 5000}.yaml]", "this is no path of a file"),
    ],
)
def test_use_of_what_is_not_there_is_refused(folder: Path, use: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.load(write(folder, use))
    assert ("E113", 4, message) in codes(caught)


def test_use_does_not_follow_a_link_out_of_the_folder(folder: Path) -> None:
    (folder / "link.yaml").symlink_to(folder.parent / "outside.yaml")
    with pytest.raises(DocumentError) as caught:
        graphs.load(write(folder, "[link.yaml#cell]"))
    message = "`link.yaml` is, or lies behind, a link that leads out of the folder of the document"
    assert ("E113", 4, message) in codes(caught)


def test_files_that_use_each_other_are_refused(folder: Path) -> None:
    (folder / "a.yaml").write_text("version: 1\nuse: [b.yaml]\nblocks: {a: {body: [{relu: {}}]}}\n")
    (folder / "b.yaml").write_text("version: 1\nuse: [a.yaml]\nblocks: {b: {body: [{relu: {}}]}}\n")
    with pytest.raises(DocumentError) as caught:
        graphs.load(write(folder, "[a.yaml#a]", "  - a: {}\n"))
    assert [message for _, _, message in codes(caught)] == ["`a.yaml` uses itself"]


def test_a_block_of_a_used_name_is_refused(folder: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.load(write(folder, "[parts.yaml#cell]", more="blocks: {cell: {body: [{relu: {}}]}}\n"))
    assert ("E109", 5, "`use` gives a block `cell` already") in codes(caught)


def test_a_text_without_a_file_uses_none() -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(HEAD + "use: [parts.yaml#cell]\nnet:\n  - relu: {}\n")
    assert [code for code, _, _ in codes(caught)] == ["E113"]


VARIANTS = HEAD + "params: {w: 4}\nvariants: {big: {w: 8}, deep: {}}\nnet:\n  - conv: {out_channels: w}\n"


def test_a_variant_is_the_document_with_other_parameters() -> None:
    # A 1x1 convolution of 4 channels to w without bias, and a norm: 4w + 2w parameters.
    assert graphs.parse(VARIANTS).costs().params == 24
    big = graphs.parse(VARIANTS, variant="big")
    assert (big.name, big.costs().params) == ("big", 48)
    assert big.hash == graphs.parse(VARIANTS, settings={"w": 8}).hash
    assert graphs.parse(VARIANTS, settings={"w": 2}, variant="big").costs().params == 12


def test_unknown_variants_and_parameters_are_refused() -> None:
    with pytest.raises(DocumentError, match="the document has no variant `bigg`"):
        graphs.parse(VARIANTS, variant="bigg")
    with pytest.raises(DocumentError) as caught:
        graphs.parse(VARIANTS.replace("deep: {}", "deep: {d: 3}"))
    assert codes(caught) == [("E108", 5, "the document has no parameter `d`")]


def test_a_wrong_value_of_a_variant_is_told_whichever_is_taken() -> None:
    text = VARIANTS.replace("deep: {}", "deep: {w: 1.5}")
    for variant in (None, "big", "deep"):
        with pytest.raises(DocumentError) as caught:
            graphs.parse(text, variant=variant)
        (fault,) = caught.value.faults
        assert (fault.code, fault.message) == ("E106", "`w` takes an integer, got `1.5`")


def test_defaults_hold_for_the_document_and_its_blocks_alone() -> None:
    text = HEAD + (
        "params: {n: none}\n".replace("n: none", "n: {words: [none, batch], default: none}")
        + "defaults: {conv: {norm: n, kernel_size: 3}}\n"
        "blocks: {own: {body: [{conv: {out_channels: 4}}]}}\n"
        "net:\n  - own: {}\n  - conv: {out_channels: 4, kernel_size: 1, norm: batch}\n"
        "  - residual_basic: {out_channels: 4}\n"
    )
    keys = {
        node.address: node.block for node in graphs.parse(text).nodes if node.block.key in ("conv2d", "batch_norm2d")
    }
    assert keys["own.conv.conv"].model_dump()["kernel_size"] == 3
    assert "own.conv.norm" not in keys
    assert keys["conv.conv"].model_dump()["kernel_size"] == 1
    assert "conv.norm" in keys
    assert "residual_basic.conv1.norm" in keys  # what ships is as it ships


def test_a_default_may_give_what_a_block_requires() -> None:
    text = HEAD + "defaults: {conv: {out_channels: 6}}\nnet:\n  - conv: {}\n  - {conv: {out_channels: 2}}\n"
    graph = graphs.parse(text)
    assert [node.type.shape[0] for node in graph.nodes if node.block.key == "conv2d"] == [6, 2]
    assert graphs.parse(graph.text()).hash == graph.hash


@pytest.mark.parametrize(
    ("defaults", "found"),
    [
        ("{cnov: {norm: none}}", ("E103", "there is no block `cnov`")),
        ("{conv: {norn: none}}", ("E104", "`conv` has no argument `norn`")),
        ("{conv: {norm: bach}}", ("E106", "`norm` takes `batch` or `none`, got `bach`")),
        ("{conv: {groups: w}}", ("E108", "`groups` takes an integer; no `w` is known here")),
    ],
)
def test_wrong_defaults_are_located(defaults: str, found: tuple[str, str]) -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(HEAD + f"defaults: {defaults}\nnet:\n  - conv: {{out_channels: 4}}\n")
    assert [(code, message) for code, _, message in codes(caught)] == [found]
    assert caught.value.faults[0].mark.line == 4


SHARED = (
    HEAD
    + """\
net:
  - {name: a, conv: {out_channels: 4, kernel_size: 3}}
  - {name: b, share: a}
  - {name: c, repeat: 2, share: b}
"""
)


def test_shared_weights_are_counted_once_and_computed_each_time() -> None:
    # One 3x3 convolution of 4 channels to 4, and its norm; applied four times on 8x8.
    graph = graphs.parse(SHARED)
    assert graph.costs().params == 4 * 4 * 9 + 2 * 4
    assert graph.costs().buffers == 2 * 4 + 1
    assert graph.costs().macs == 4 * (4 * 4 * 9 * 8 * 8)


def test_shared_weights_are_one_module_in_torch() -> None:
    import torch

    module = graphs.parse(SHARED).compile()
    assert {key.split(".")[0] for key in module.state_dict()} == {"a"}
    module.eval()
    image = torch.randn(2, 4, 8, 8)
    single = graphs.parse(HEAD + "net:\n  - {name: a, conv: {out_channels: 4, kernel_size: 3}}\n").compile().eval()
    single.load_state_dict(module.state_dict())
    expected = single(single(single(single(image))))
    assert torch.equal(module(image), expected)


def test_sharing_is_part_of_the_hash_and_of_the_text() -> None:
    graph = graphs.parse(SHARED)
    assert graphs.parse(graph.text()).hash == graph.hash
    apart = SHARED.replace("share: a", "conv: {out_channels: 4, kernel_size: 3}")
    assert graphs.parse(apart).hash != graph.hash


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(SHARED.replace("[4, 8, 8]", "[3, 8, 8]"))
    assert codes(caught) == [("E114", 6, "`a` has other weights than these inputs need")]


def test_sharing_that_fails_leaves_later_sharing_alone() -> None:
    net = (
        "  - {name: x, cell: {}}\n  - {name: y, share: x}\n"
        "  - {name: z, from: x, cell: {}}\n  - {from: [y, z], concat: {}}\n"
    )
    blocks = (
        "blocks:\n  cell:\n    body:\n"
        "      - {name: a, conv: {out_channels: 8, kernel_size: 3}}\n"
        "      - {name: b, conv: {out_channels: 8, kernel_size: 3}}\n"
        "      - {name: c, share: b}\n"
    )
    with pytest.raises(DocumentError) as caught:
        graphs.parse(HEAD + blocks + "net:\n" + net)
    assert [fault.message for fault in caught.value.faults] == ["`x` has other weights than these inputs need"]


def test_a_document_of_an_older_version_is_migrated() -> None:
    head = HEAD.replace("version: 1", "version: 0")
    old = head + "layers:\n  - {name: y, conv: {out_channels: 3}}\noutput: y\n"
    new = HEAD + "net:\n  - {name: y, conv: {out_channels: 3}}\noutput: {y: y}\n"
    graph = graphs.parse(old)
    assert graph.hash == graphs.parse(new).hash
    assert graph.text() == graphs.parse(new).text()


def test_a_fault_in_an_old_document_is_shown_where_it_was_written() -> None:
    old = "version: 0\ninput: {image: {map: [4, 8, 8]}}\nlayers:\n  - {name: y, cnov: {}}\n"
    with pytest.raises(DocumentError) as caught:
        graphs.parse(old)
    assert codes(caught) == [("E103", 4, "there is no block `cnov`")]


@pytest.mark.parametrize("version", ["2", "-1", "1.0", "true", "one"])
def test_unknown_versions_are_refused(version: str) -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(HEAD.replace("version: 1", f"version: {version}") + "net:\n  - relu: {}\n")
    assert [code for code, _, _ in codes(caught)] == ["E007"]
