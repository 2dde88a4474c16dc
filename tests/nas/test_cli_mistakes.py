"""What the commands for documents say where they are given something else, or several things that are wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import graphs
import search_spaces
from graphs import DocumentError
from nas.cli.entry import run
from nas.cli.networks import network_lines
from tests.nas.conftest import TINY

HEAD = "version: 1\ninput: {image: {map: [3, 8, 8]}}\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Writes a file into the working folder; its name."""
    monkeypatch.chdir(tmp_path)

    def written(name: str, text: str) -> str:
        Path(name).write_text(text)
        return name

    return written


def test_a_file_of_blocks_alone_is_checked(
    write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    parts = write(
        "parts.yaml", "version: 1\nblocks: {a: {body: [{relu: {}}]}, b: {params: {w: int}, body: [{a: {}}]}}\n"
    )
    assert run(["check", parts]) == 0
    assert capsys.readouterr().out == "parts.yaml: ok, 2 blocks for other documents to use: a, b\n"
    assert run(["check", parts, "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["files"]
    assert report == {"file": parts, "variant": None, "ok": True, "blocks": ["a", "b"]}


def test_mistakes_in_a_file_of_blocks_are_told(
    write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    parts = write("parts.yaml", "version: 1\nblocks:\n  a: {body: [{rleu: {}}]}\n")
    assert run(["check", parts]) == 1
    assert capsys.readouterr().err == (
        "parts.yaml:3:15: E103 unknown-block: there is no block `rleu`\n"
        "    3 |   a: {body: [{rleu: {}}]}\n"
        "      |               ^^^^\n"
        "  help: did you mean `relu`?\n"
        "1 fault\n"
    )


def test_a_file_of_blocks_is_no_network(write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]) -> None:
    parts = write("parts.yaml", "version: 1\nblocks: {a: {body: [{relu: {}}]}}\n")
    assert run(["show", parts]) == 1
    assert "a file of blocks alone is for other documents to `use`" in capsys.readouterr().err
    other = write("other.yaml", "version: 1\nparams: {w: 3}\nblocks: {a: {body: [{relu: {}}]}}\n")
    assert run(["check", other]) == 1
    assert "E110 missing-key: a document needs `input` and `net`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "small"],
        ["draw", "small", "-o", "small.svg"],
        ["diff", "small", "resnet18"],
        ["diff", "resnet18", "small"],
    ],
    ids=" ".join,
)
def test_a_space_is_no_network(
    arguments: list[str], write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    assert capsys.readouterr().err == (
        "error: small is a search space, not a network\n"
        "  help: `nas space show small` says what is open in it, `nas search --space small` searches it\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "study.yaml"],
        ["draw", "study.yaml", "-o", "x.svg"],
        ["diff", "resnet18", "study.yaml"],
        ["space", "show", "study.yaml"],
        ["space", "locate", "cnn", "study.yaml"],
        ["export", "study.yaml"],
    ],
    ids=" ".join,
)
def test_a_study_is_no_network(
    arguments: list[str], write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    write("study.yaml", "version: 1\nspace: small\ndata: digits\n")
    assert run(arguments) == 1
    assert capsys.readouterr().err.removeprefix("note: random weights; --weights gives trained ones\n") == (
        "error: study.yaml is a study, not a network or a space\n"
        "  help: `nas check study.yaml` checks it, `nas search study.yaml` searches\n"
    )


@pytest.mark.parametrize("folder", ["run", "run/bundle"])
def test_the_folder_of_a_run_or_a_bundle_is_told_with_its_network(
    folder: str, write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run/bundle").mkdir(parents=True)
    write("run/bundle/architecture.yaml", HEAD)
    for command in ("show", "check"):
        assert run([command, folder]) == 1
        assert capsys.readouterr().err == (
            f"error: {folder} is a folder\n  help: did you mean `run/bundle/architecture.yaml`?\n"
        )


def test_diff_tells_the_mistakes_of_both_networks(
    write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write("a.yaml", HEAD + "net:\n  - rleu: {}\n"), write("b.yaml", HEAD + "net:\n  - {repeat: 2, tahn: {}}\n")
    assert run(["diff", a, b]) == 1
    assert capsys.readouterr().err == (
        "a.yaml:4:5: E103 unknown-block: there is no block `rleu`\n"
        "    4 |   - rleu: {}\n"
        "      |     ^^^^\n"
        "  help: did you mean `relu`?\n"
        "1 fault\n"
        "b.yaml:4:17: E103 unknown-block: there is no block `tahn`\n"
        "    4 |   - {repeat: 2, tahn: {}}\n"
        "      |                 ^^^^\n"
        "  help: did you mean `tanh`?\n"
        "1 fault\n"
    )
    assert run(["diff", a, "no_such", "--json"]) == 1
    assert [error["code"] for error in json.loads(capsys.readouterr().out)["errors"]] == ["E103", "NotFoundError"]
    assert run(["diff", a, a]) == 1
    assert capsys.readouterr().err.count("1 fault") == 1


def test_check_names_the_variant_of_a_mistake(
    write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = "version: 1\nparams: {width: 8, half: {type: int, default: width // 2}}\n"
    text += "variants: {wide: {width: 16}, thin: {width: 1}}\n"
    net = write(
        "net.yaml", text + "input: {image: {map: [3, 8, 8]}}\nnet:\n  - conv2d: {out_channels: half, kernel_size: 1}\n"
    )
    assert run(["check", net]) == 1
    said = capsys.readouterr()
    assert said.out == (  # 3 * 4 and 3 * 8 weights, with 4 and 8 biases; 64 positions
        "net.yaml: ok, 16 parameters, 768 MACs\nnet.yaml --variant wide: ok, 32 parameters, 1.536k MACs\n"
    )
    assert said.err == (
        "net.yaml --variant thin:\n"
        "net.yaml:6:28: E106 bad-value: `out_channels` takes an integer of at least 1, got 0\n"
        "    6 |   - conv2d: {out_channels: half, kernel_size: 1}\n"
        "      |                            ^^^^\n"
        "1 fault, in the variant `thin`\n"
    )
    assert run(["check", net, "--json"]) == 1
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert (error["variant"], error["line"]) == ("thin", 6)


def test_a_mistake_of_all_variants_is_told_once_and_those_of_one_are_told_beside_it(
    write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = "version: 1\nparams: {width: 8}\nvariants: {wide: {width: 16}, thin: {width: 0}}\n"
    net = write(
        "net.yaml",
        text + "input: {image: {map: [3, 8, 8]}}\nnet:\n  - {name: a, conv: {out_channels: width}}\n  - rleu: {}\n",
    )
    assert run(["check", net]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "net.yaml:7:5: E103 unknown-block: there is no block `rleu`\n"
        "    7 |   - rleu: {}\n"
        "      |     ^^^^\n"
        "  help: did you mean `relu`?\n"
        "1 fault\n"
        "net.yaml --variant thin:\n"
        "net.yaml:6:36: E106 bad-value: `out_channels` takes an integer of at least 1, got 0\n"
        "    6 |   - {name: a, conv: {out_channels: width}}\n"
        "      |                                    ^^^^^\n"
        "1 fault, in the variant `thin`\n"
    )
    assert run(["check", net, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [(error["code"], error["variant"]) for error in answer["errors"]] == [("E103", None), ("E106", "thin")]
    assert [report["ok"] for report in answer["files"]] == [False, False, False]


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (["show", "lenet5", "--set"], "nas show --help"),
        (["show"], "nas show --help"),
        (["show", "lenet5", "--dpeth", "1"], "nas show --help"),
        (["shwo", "lenet5"], "nas --help"),
    ],
    ids=["an option without its value", "no argument", "an unknown option", "an unknown command"],
)
def test_a_wrong_call_says_where_help_is(arguments: list[str], help: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.endswith(f"\n  help: {help}\n")


def test_a_network_that_breaks_what_it_requires_is_shown_with_the_fault_beneath(
    write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    net = "net: [{name: a, conv2d: {out_channels: 4, kernel_size: 3}}]\n"  # 3 * 4 * 9 weights and 4 biases
    broken = write("net.yaml", f'{HEAD}{net}require: {{params: "< 100"}}\n')
    assert run(["show", broken]) == 1
    said = capsys.readouterr()
    assert "parameters       112, and 0 buffer elements" in said.out
    assert said.err.startswith("net.yaml:4:19: E303 requirement: params is 112, required is < 100\n")
    assert run(["show", broken, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["params"], found["ok"], [error["code"] for error in found["errors"]]) == (112, False, ["E303"])
    broken = write("net.yaml", f'{HEAD}{net}require: {{param: "< 100", macs: "< 1"}}\n')
    assert run(["show", broken]) == 1
    said = capsys.readouterr()
    assert not said.out
    assert "E102 unknown-key" in said.err


def test_a_space_is_no_network_to_export(write: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]) -> None:
    space = write("space.yaml", f"{HEAD}net: [{{conv: {{out_channels: {{choice: [4, 8]}}}}}}]\n")
    told = []
    for command in ("show", "export"):
        assert run([command, space]) == 1
        told.append(capsys.readouterr().err)
    assert told[0] == told[1]
    assert told[0].startswith("error: space.yaml is a search space, not a network\n")


def test_a_missing_file_is_an_error_that_does_not_list_all_networks(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "no_such.yaml"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: there is no file `no_such.yaml`\n  help: networks that ship: ")
    assert said.endswith(" more, which `nas zoo list` shows\n")


def test_a_narrow_table_drops_figures_before_it_cuts_names() -> None:
    graph = search_spaces.load_network("resnet18")
    header = {width: network_lines(graph, 1, width)[2].split() for width in (120, 70)}
    assert header[120] == ["address", "block", "output", "values", "weights", "params", "MACs"]
    assert header[70] == ["address", "block", "output", "params", "MACs"]
    assert "…" not in "\n".join(network_lines(graph, 1, 70))
    assert "…" in "\n".join(network_lines(graph, 1, 40))


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "nas", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nas ")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.onnx", b"\x08\x0a\x12\x07pytorch", "this is an exported network, not a document"),
        ("m.safetensors", b"{}", "these are weights, not a document"),
        ("m.yaml", b"\x00\x01\xff\xfe" * 300_000, "this is a binary file, not a document"),
    ],
    ids=["onnx", "weights", "binary"],
)
def test_what_is_no_text_is_no_document(
    name: str, content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert run(["show", str(tmp_path / name)]) == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert "help: " in shown


def test_a_name_of_a_file_without_its_suffix_is_told_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    assert run(["show", "tiny"]) == 1
    assert "did you mean `tiny.yaml`?" in capsys.readouterr().err


def test_decisions_of_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["space", "show", "small", "--decisions", "nofile.json"]) == 1
    assert "error: `nofile.json` can't be read: no such file or directory\n" in capsys.readouterr().err


def test_from_python_the_name_of_a_network_is_told_where_it_is_loaded() -> None:
    with pytest.raises(DocumentError, match=r'search_spaces\.load_network\("resnet18"\)'):
        graphs.load("resnet18")


def test_a_tab_in_an_indentation_is_told_with_what_to_do() -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse("version: 1\nname: a\n\tinput: 3\n")
    (fault,) = caught.value.faults
    assert (fault.message, fault.help, fault.mark.line) == ("a tab stands in the indentation", "indent with spaces", 3)
