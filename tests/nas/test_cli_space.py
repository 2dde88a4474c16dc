"""`nas space`: what it prints, and the keys that `--json` promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import graphs
import search_spaces
from graphs import Budget
from graphs.quantities import format_count
from nas.cli.entry import run
from search_spaces import Space, counting
from tests.nas.space_commands import printed, told

TEXT = """\
version: 1
name: own
params: {act: {choice: [relu, silu], prior: [3, 1]}}
input: {image: {map: [3, 8, 8]}}
net:
  - {name: a, conv: {out_channels: {choice: [4, 8]}, kernel_size: {choice: [1, [3, 1]]}, activation: act}}
  - {name: more, repeat: {range: [0, 2]}, conv: {out_channels: {range: [2, 40]}, kernel_size: 3}}
  - global_avg_pool: {}
  - linear: {out_features: 3}
"""


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Space:
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(TEXT, "utf-8")
    return search_spaces.load("own.yaml")


@pytest.mark.parametrize("name", search_spaces.names("space"))
def test_a_space_is_printed_as_the_document_that_it_was_written_as(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = printed(capsys, "show", name, "--as", "yaml")
    assert text == search_spaces.find(name, "space").path.read_text("utf-8")
    Path("copy.yaml").write_text(text, "utf-8")
    there, copy = search_spaces.load(name), search_spaces.load("copy.yaml")
    assert (copy.decisions, copy.size()) == (there.decisions, there.size())
    assert run(["show", name, "--as", "yaml"]) == 0
    assert capsys.readouterr().out == text


def test_a_document_is_printed_with_what_was_set(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    assert search_spaces.parse(printed(capsys, "show", "own.yaml", "--as", "yaml")).decisions == space.decisions
    document = told(capsys, "show", "own.yaml", "--as", "yaml", "--set", "act=silu")["document"]
    assert len(search_spaces.parse(document).decisions) == len(space.decisions) - 1
    assert run(["show", "resnet50_v1", "--as", "yaml", "--set", "classes=7"]) == 0
    network = graphs.parse(capsys.readouterr().out)
    assert network.hash == search_spaces.load_network("resnet50_v1", {"classes": 7}).hash
    assert run(["space", "show", "own.yaml", "--as", "yml"]) == 2
    assert "there is no `yml` to show it as; there is yaml" in capsys.readouterr().err


def test_show_lists_the_decisions(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "show", "own.yaml") == (
        "own   632 points in 5 decisions\n\n"
        "decision           kind    alternatives\n"
        "-----------------  ------  ---------------------------------------------------\n"
        "params.act         value   relu (x3), silu (x1)\n"
        "a.out_channels     value   4, 8\n"
        "a.kernel_size      value   1, [3, 1]\n"
        "more.repeat        repeat  0, 1, 2\n"
        "more.out_channels  value   2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, and 27 more\n"
    )
    shown = told(capsys, "show", "own.yaml")
    assert (shown["name"], shown["size"]) == ("own", 2 * 2 * 2 * (1 + 2 * 39))
    assert shown["decisions"][2] == {
        "address": "a.kernel_size", "kind": "value", "alternatives": [1, [3, 1]], "prior": [1, 1]
    }  # fmt: skip


def test_size_is_a_number(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "size", "own.yaml") == "632 points\n"
    assert told(capsys, "size", "own.yaml") == {"name": "own", "size": 632}


def test_count_says_what_keeps_a_budget(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    kept = sum(Budget.of(max_params=500).admits(point.graph.costs()) for point in space.points())
    share = f"{kept / 632:.2%}"
    assert printed(capsys, "count", "own.yaml", "--max-params", "500") == (
        f"{kept} of 632 points keep params <= 500 ({share}); exact, by sums over the stages\n"
    )
    counted = told(capsys, "count", "own.yaml", "--max-params", "500", "--min-macs", "1")
    assert (counted["exact"], counted["low"], counted["high"], counted["size"]) == (True, kept, kept, 632)


def test_count_of_what_is_only_drawn_from_says_how_sure_it_is(
    space: Space, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MAX_LISTED", 0)
    asked = ("count", "own.yaml", "--max-peak-bytes", "8k")
    counted = told(capsys, *asked)
    assert (counted["exact"], counted["confidence"]) == (False, 0.95)
    assert counted["low"] <= counted["estimate"] <= counted["high"] <= counted["size"]
    assert counted["low"] < counted["high"]
    text = printed(capsys, *asked)
    assert f": {counted['how']}, " in text
    assert text.endswith(" at 95% confidence\n")


def test_under_a_tight_budget_a_count_and_a_sample_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("cnn", "--max-params", "10k")
    counted = told(capsys, "count", *asked)
    assert (counted["exact"], counted["low"], counted["estimate"]) == (False, 1, 1)
    # Wilson's upper end where none of n count is z^2 / (n + z^2): 3.8415 / 2003.84 at 95%.
    assert counted["high"] / counted["size"] == pytest.approx(0.001917, rel=1e-3)
    assert printed(capsys, "count", *asked) == (
        f"at most 0.19% of {format_count(counted['size'])} points keep params <= 10k, at 95% confidence: "
        "none of 2,000 draws does, though there are some: `sample` finds them\n"
    )
    text = printed(capsys, "sample", "-n", "1", *asked)
    assert "none of 500 draws from all points kept the budget, so then " in text
    assert "not uniform" in text
    assert not told(capsys, "sample", "-n", "1", *asked)["uniform"]


def test_where_a_count_finds_nothing_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    counted = told(capsys, "count", "cnn", "--max-params", "100")
    assert (counted["low"], counted["estimate"]) == (0, 0)
    assert counted["how"] == "none of 2,000 draws does, and none was found otherwise"


def test_a_size_of_many_digits_is_shown_as_a_power_of_ten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = "".join(f"  - {{name: s{number}, repeat: {{range: [1, 9]}}, relu: {{}}}}\n" for number in range(20))
    Path("long.yaml").write_text(f"version: 1\nname: long\ninput: {{x: {{vector: 2}}}}\nnet:\n{steps}", "utf-8")
    assert told(capsys, "size", "long.yaml")["size"] == 9**20  # 12,157,665,459,056,928,801
    assert printed(capsys, "size", "long.yaml") == "1.2e19 points\n"
    assert printed(capsys, "show", "long.yaml").startswith("long   1.2e19 points in 20 decisions\n")


def test_a_sample_comes_back_as_a_point(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    sampled = told(capsys, "sample", "own.yaml", "-n", "4", "--max-params", "500", "--seed", "3")
    assert sampled["uniform"]
    assert 0 < sampled["acceptance"] <= 1
    assert len(sampled["samples"]) == 4
    for one in sampled["samples"]:
        graph = space.materialize(one["decisions"])
        assert (one["hash"], one["params"], one["macs"]) == (graph.hash, graph.costs().params, graph.costs().macs)
        assert one["params"] <= 500
    text = printed(capsys, "sample", "own.yaml", "-n", "1", "--max-params", "500")
    assert "drawn from all points; " in text
    assert text.endswith("% of these draws kept the budget\n")


def test_neighbours_are_listed_with_what_changes(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    decisions = {"params.act": "relu", "a.out_channels": 4, "a.kernel_size": 1, "more.repeat": 0}
    Path("point.json").write_text(json.dumps(decisions), "utf-8")
    found = told(capsys, "neighbours", "own.yaml", "point.json")["neighbours"]
    assert [one["changes"] for one in found] == [
        {"params.act": ["relu", "silu"]},
        {"a.out_channels": [4, 8]},
        {"a.kernel_size": [1, [3, 1]]},
        {"more.repeat": [0, 1]},
        {"more.repeat": [0, 2]},
    ]
    text = printed(capsys, "neighbours", "own.yaml", json.dumps(decisions), "--max-params", "100")
    # 8 filters in place of 4: 3 * 4 weights, 2 * 4 of the norm and 3 * 4 of the last layer more.
    assert "a.out_channels  4 -> 8           +32 " in text


def test_a_sample_is_a_point_to_start_from(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    sampled = told(capsys, "sample", "own.yaml", "-n", "1", "--max-params", "500")
    [sample] = sampled["samples"]
    wanted = told(capsys, "neighbours", "own.yaml", json.dumps(sample["decisions"]))
    for file in (sampled, sample):
        Path("sample.json").write_text(json.dumps(file), "utf-8")
        assert told(capsys, "neighbours", "own.yaml", "sample.json") == wanted


def test_a_sample_becomes_a_document_of_its_own(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    sampled = told(capsys, "sample", "own.yaml", "-n", "1", "--max-params", "500")
    [sample] = sampled["samples"]
    Path("point.json").write_text(json.dumps(sampled), "utf-8")
    asked = ("show", "own.yaml", "--decisions", "point.json")
    Path("net.yaml").write_text(printed(capsys, *asked, "--as", "yaml"), "utf-8")
    assert graphs.load("net.yaml").hash == sample["hash"]
    shown = told(capsys, *asked)
    assert (shown["hash"], shown["params"], shown["macs"]) == (sample["hash"], sample["params"], sample["macs"])
    assert f"hash {sample['hash'][:12]}" in printed(capsys, *asked)
    assert run(["check", "net.yaml"]) == 0


def test_without_a_command_its_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["space"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {command}  " in out for command in ("show", "count", "neighbours"))


def test_a_network_is_a_space_with_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text("{version: 1, name: net, input: {x: {vector: 2}}, net: [relu: {}]}", "utf-8")
    assert printed(capsys, "show", "net.yaml") == "net   a network: nothing is open\n"


def test_lint_reports(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    report = told(capsys, "lint", "own.yaml", "--samples", "20", "--max-params", "300")
    assert {one["kind"] for one in report["findings"]} == {"infeasible"}
    assert {one["address"] for one in report["findings"]} == {"more.out_channels"}
    assert report["samples"] == 20
    assert "What costs hang on" in printed(capsys, "lint", "own.yaml", "--samples", "10")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "smal"], 1, "there is no space `smal`"),
        (["count", "own.yaml", "--max-params", "4x"], 2, "max_params is a number, got `4x`"),
        (["sample", "own.yaml", "--max-params", "1"], 1, "nothing in the space `own` keeps params <= 1"),
        (["show", "own.yaml", "--decisions", '{"a": 1}'], 1, "the space has no decision `a`"),
        (["neighbours", "own.yaml", "gone.json"], 1, "`gone.json` can't be read"),
        (["neighbours", "own.yaml", "{"], 1, "decisions are JSON"),
        (["neighbours", "own.yaml", '{"samples": [{}, {}]}'], 1, "these are 2 points, and one is wanted"),
        (["neighbours", "own.yaml", '{"a": 1}'], 1, "the space has no decision `a`"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str], code: int, message: str, space: Space, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in printed(capsys, *arguments, code=code)
