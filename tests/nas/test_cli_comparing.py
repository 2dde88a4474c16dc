"""`nas diff`, and `nas show --as`: what they say, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphs
import search_spaces
from graphs.conventions import CONVENTIONS, count
from graphs.difference import difference
from nas.cli.counting import TOOLS
from nas.cli.difference import difference_lines, rows
from nas.cli.outline import outline
from tests.nas.conftest import TINY, Answer
from tests.pages import examples
from tests.test_floors import ROOT


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tiny.yaml; deep.yaml with one more block and a longer classifier; renamed.yaml with another name for the stem."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    Path("deep.yaml").write_text(TINY.replace("repeat: 2", "repeat: 3").replace("features: 10", "features: 12"))
    Path("renamed.yaml").write_text(TINY.replace("stem", "begin"))


# One more block: 2 convolutions 4*4*9 and norms of 2*4 = 304 parameters, 2 * 144 * 64 = 18,432 MACs. The classifier:
# 2 * 4 more weights and 2 biases. Nodes: a conv with norm and activation, one without, the sum, an activation: 3 + 2
# + 2 = 7. Its weights: (702 - 50 + 5 norms * 9 buffers) of (1016 + 7 * 9) numbers fit, 6 + 2 * 12 of 6 + 3 * 12 + 2
# tensors. Before: 44 + 2 * 304 + 50 = 702 parameters, 64 * (36 + 4 * 144) + 40 = 39,208 MACs, 3 + 2 * 7 + 2 = 19
# nodes.
DEEP = """\
             A tiny.yaml  B deep.yaml  difference
-----------  -----------  -----------  ----------  ------
parameters           702        1,016        +314  +44.7%
MACs              39,208       57,648     +18.44k  +47.0%
peak memory     3.00 KiB     3.00 KiB
nodes                 19           26          +7  +36.8%

7 added, 1 retyped, 1 rewired; 17 unchanged.
output logits: vector[10] -> vector[12]

   address          block            change                                    params     MACs
-  ---------------  ---------------  ----------------------------------------  ------  -------
+  body.2           residual_basic   7 added                                     +304  +18.43k
*  global_avg_pool  global_avg_pool  reads body.1.act.relu -> body.2.act.relu
~  logits           linear           out_features 10 -> 12                        +10       +8

Weights: 30 of the 44 tensors of B fit A's (65% of its numbers).
"""


@pytest.mark.usefixtures("files")
class TestDiff:
    def test_totals_come_first_then_one_line_then_the_changes(self, nas: Callable[..., Answer]) -> None:
        assert nas("diff", "tiny.yaml", "deep.yaml") == (0, DEEP, "")

    def test_networks_that_are_equal_but_for_names_are_the_same(self, nas: Callable[..., Answer]) -> None:
        code, out, _ = nas("diff", "tiny.yaml", "renamed.yaml", "--depth", "1")
        digest = graphs.parse(TINY).hash[:12]
        assert code == 0
        assert f"The same network: hash {digest}; 3 nodes with another address." in out.splitlines()
        assert [line.split() for line in out.splitlines() if line.startswith(">")] == [
            [">", "begin", "conv", "3", "moved"]
        ]

    def test_a_network_and_itself_have_no_difference_and_no_table(self, nas: Callable[..., Answer]) -> None:
        code, out, _ = nas("diff", "tiny.yaml", "tiny.yaml")
        assert code == 0
        assert "difference" not in out
        assert "address" not in out
        assert "100% of its numbers" in out

    def test_settings_are_those_of_the_second(self, nas: Callable[..., Answer]) -> None:
        code, out, _ = nas("diff", "tiny.yaml", "tiny.yaml", "--set", "width=8")
        assert code == 0
        assert "B tiny.yaml width=8" in out
        assert "stem.conv" in out
        assert "out_channels 4 -> 8" in out

    def test_a_block_of_one_step_stands_at_its_own_address(self, nas: Callable[..., Answer]) -> None:
        silu = TINY.replace("kernel_size: 3", "kernel_size: 3, activation: silu", 1)
        Path("silu.yaml").write_text(silu)
        assert silu != TINY
        code, out, _ = nas("diff", "silu.yaml", "tiny.yaml")
        assert code == 0
        assert f"1 retyped; {len(graphs.parse(TINY).nodes) - 1} unchanged." in out
        assert [line.split()[:6] for line in out.splitlines() if line.startswith("~")] == [
            ["~", "stem.act", "relu", "silu", "->", "relu"]
        ]

    def test_json_has_every_change_on_its_own(self, nas: Callable[..., Answer]) -> None:
        code, out, err = nas("diff", "tiny.yaml", "deep.yaml", "--json")
        found: dict[str, Any] = json.loads(out)
        assert (code, err) == (0, "")
        assert found["same"] is False
        assert found["difference"] == {"params": 314, "macs": 18_440, "peak_bytes": 0, "nodes": 7}
        assert found["counts"] == {"added": 7, "removed": 0, "retyped": 1, "moved": 0, "rewired": 1, "unchanged": 17}
        assert len(found["changes"]) == 9
        assert found["changes"][-1] == {
            "kind": "retyped",
            "address": "logits",
            "before": "logits",
            "block": "linear",
            "details": ["out_features 10 -> 12"],
            "params": 10,
            "macs": 8,
        }
        assert found["weights"]["fitting_tensors"] == 30
        assert {"logits.weight", "logits.bias", "body.2.conv1.conv.weight"} <= set(found["weights"]["fresh"])

    def test_json_says_where_weights_went(self, nas: Callable[..., Answer]) -> None:
        _, out, _ = nas("diff", "tiny.yaml", "renamed.yaml", "--json")
        found = json.loads(out)
        assert found["same"] is True
        assert ["stem.conv.weight", "begin.conv.weight"] in found["weights"]["moved"]
        assert found["weights"]["fresh"] == []

    def test_a_document_at_fault_is_code_1(self, nas: Callable[..., Answer]) -> None:
        Path("broken.yaml").write_text(TINY.replace("kernel_size", "kernel_sise"))
        code, out, err = nas("diff", "tiny.yaml", "broken.yaml")
        assert (code, out) == (1, "")
        assert "did you mean `kernel_size`?" in err

    def test_a_terminal_cuts_the_table_and_not_the_figures(self) -> None:
        before, after = graphs.parse(TINY), graphs.parse(TINY, settings={"width": 8})
        lines = difference_lines(difference(before, after), None, 80)
        assert max(map(len, lines)) <= 80
        assert any(line.startswith("~  stem.conv") and line.endswith("+2.304k") for line in lines)  # 4 * 9 * 64 MACs

    def test_an_address_stands_in_one_row_and_without_a_depth_each_change_does(self) -> None:
        found = difference(search_spaces.load_network("resnet50"), search_spaces.load_network("resnet18"))
        addresses = [row.address for row in rows(found, 2)]
        assert len(addresses) == len(set(addresses))
        assert len(rows(found, None)) == len(found.changes)

    @pytest.mark.parametrize("depth", ["0", "1", "2", "3"])
    def test_rows_add_up_at_any_depth(self, nas: Callable[..., Answer], depth: str) -> None:
        _, out, _ = nas("diff", "tiny.yaml", "deep.yaml", "--depth", depth)
        rows = [line.split() for line in out.splitlines() if line[:3] in ("+  ", "~  ", "*  ")]
        assert sum(int(cell) for row in rows for cell in row if cell.startswith("+") and cell[1:].isdigit()) == 314 + 8


class TestCounting:
    def test_the_column_and_the_total_are_the_tool_s(self, nas: Callable[..., Answer]) -> None:
        code, out, err = nas("show", "resnet50", "--as", "fvcore", "--depth", "1")
        assert (code, err) == (0, "")
        assert "fvcore flops" in out.splitlines()[2]
        assert "flops 4,111,512,576 (4.112G), as fvcore 0.1.5.post20221221 counts:" in " ".join(out.split())
        assert "4,089,184,256" in out  # ours stay

    @pytest.mark.parametrize("tool", TOOLS)
    def test_json_has_a_number_for_every_node(self, nas: Callable[..., Answer], tool: str) -> None:
        _, out, _ = nas("show", "resnet50", "--as", tool, "--json")
        found = json.loads(out)
        counted = found["counted_as"]
        assert counted["tool"] == tool
        assert sum(counted["nodes"]) == counted["total"]
        assert len(counted["nodes"]) == len(found["nodes"])
        assert found["macs"] == 4_089_184_256

    def test_without_it_nothing_is_counted_as_anyone(self, nas: Callable[..., Answer]) -> None:
        _, out, _ = nas("show", "resnet50", "--json")
        assert "counted_as" not in json.loads(out)

    def test_an_unknown_tool_is_a_mistake_of_usage_with_the_nearest_name(self, nas: Callable[..., Answer]) -> None:
        code, out, err = nas("show", "resnet50", "--as", "torchinfos")
        assert (code, out) == (2, "")
        assert "did you mean `torchinfo`?" in err

    def test_rows_have_the_counts_of_their_nodes(self) -> None:
        graph = graphs.parse(TINY)
        counts = range(len(graph.nodes))
        listed = outline(graph, 1, counts)
        assert [row.macs for row in listed] == [0 + 1 + 2, sum(range(3, 17)), 17, 18]


@pytest.mark.parametrize("command", ["diff", "show"])
def test_the_help_fits_a_screen_and_has_examples(
    nas: Callable[..., Answer], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = nas(command, "--help")
    assert code == 0
    assert f"  nas {command} " in out
    assert len(out.splitlines()) <= 50
    assert max(map(len, out.splitlines())) <= 80


PAGE = ROOT / "docs/comparing.md"


def test_the_difference_on_the_page_is_what_the_command_says(nas: Callable[..., Answer]) -> None:
    (example,) = examples(PAGE)
    command, shown = example.text.split("\n", 1)
    assert nas(*command.removeprefix("$ nas ").split()) == (0, shown, "")


def test_the_figures_on_the_page_are_those_of_the_conventions() -> None:
    networks = [
        search_spaces.load_network(name) for name in ("resnet50", "googlenet", "densenet121", "efficientnet_b0")
    ]
    for known in CONVENTIONS:
        (row,) = (line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| `{known.name}` |"))
        figures = [cell.strip() for cell in row.strip("|").split("|")[2:]]
        assert figures == [f"{count(network, known).total:,}" for network in networks]
