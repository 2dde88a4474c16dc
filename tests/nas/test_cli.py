"""The command line on documents: what it says, its exit codes, and that no mistake ends in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

import graphs
from nas.cli import entry, networks
from nas.cli.commands import COMMANDS
from nas.cli.entry import application
from nas.cli.output import format_bytes, format_seconds, format_share, table
from tests.nas.conftest import TINY, Answer

# stem: 1*4*9 and a norm of 2*4; each residual block: two convolutions 4*4*9 with a norm of 2*4; linear: 4*10 + 10.
STEM, BLOCK, LOGITS = 36 + 8, 2 * (144 + 8), 50
PARAMS = STEM + 2 * BLOCK + LOGITS
# The convolutions at 64 positions, and the linear layer.
MACS = 64 * (36 + 4 * 144) + 40


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return file


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A kernel name is misspelt in line 6, and line 8 has an unknown block."""
    file = tmp_path / "broken.yaml"
    file.write_text(TINY.replace("kernel_size: 3", "kernel_sise: 3").replace("global_avg_pool", "global_avg_pol"))
    return file


def in_process(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from nas.cli import main; main()", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


class TestCheck:
    def test_a_sound_document_is_one_line(self, nas: Callable[..., Answer]) -> None:
        assert nas("check", "resnet50") == (0, "resnet50: ok, 25,557,032 parameters, 4.089G MACs\n", "")

    def test_several_files_are_each_checked_even_after_a_broken_one(
        self, nas: Callable[..., Answer], tiny: Path, broken: Path
    ) -> None:
        code, out, err = nas("check", broken, tiny)
        assert code == 1
        assert out == f"{tiny}: ok, {PARAMS} parameters, 39.21k MACs\n"
        assert f"{broken}:6:" in err
        assert f"{broken}:8:" in err
        assert err.endswith("2 faults\n")

    def test_json_has_every_fault_with_its_place(self, nas: Callable[..., Answer], broken: Path, tiny: Path) -> None:
        code, out, err = nas("check", tiny, broken, "--json")
        said = json.loads(out)
        assert (code, err, said["ok"]) == (1, "", False)
        assert [(error["file"], error["line"], error["column"]) for error in said["errors"]] == [
            (str(broken), 6, 46),
            (str(broken), 8, 5),
        ]
        assert all(
            error.keys() >= {"code", "file", "line", "column", "message", "help", "address"} for error in said["errors"]
        )
        assert [file["ok"] for file in said["files"]] == [True, False]

    def test_json_of_a_sound_document(self, nas: Callable[..., Answer], tiny: Path) -> None:
        code, out, err = nas("check", tiny, "--json")
        said = json.loads(out)
        assert (code, err) == (0, "")
        assert said["ok"] is True
        assert said["errors"] == []
        assert said["files"][0]["params"] == PARAMS

    def test_a_name_that_nothing_has_is_answered_with_the_nearest(self, nas: Callable[..., Answer]) -> None:
        code, out, err = nas("check", "resnet5")
        assert (code, out) == (1, "")
        assert "there is no network `resnet5`" in err
        assert "did you mean `resnet50`?" in err

    def test_settings_reach_the_document(self, nas: Callable[..., Answer], tiny: Path) -> None:
        code, out, _ = nas("check", tiny, "--set", "width=8", "--json")
        # twice the width: stem 72 + 16, four convolutions of 576 with norms of 16, linear 80 + 10
        assert (code, json.loads(out)["files"][0]["params"]) == (0, 88 + 4 * 592 + 90)

    def test_a_setting_that_the_document_lacks_is_a_fault(self, nas: Callable[..., Answer], tiny: Path) -> None:
        code, _, err = nas("check", tiny, "--set", "widht=8")
        assert code == 1
        assert "did you mean `width`?" in err


class TestShow:
    def test_what_training_has_more_is_told(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        path = tmp_path / "headed.yaml"
        path.write_text(
            "version: 1\ninput: {x: {vector: 4}}\nnet:\n  - {name: head, linear: {out_features: 3}}\n"
            "  - {name: out, from: x, linear: {out_features: 2}}\noutput: {out: out}\ntraining_output: {aux: head}\n"
        )
        _, out, _ = nas("show", path)
        assert "training adds    aux: 15 parameters, 12 MACs\n" in out
        said = json.loads(nas("show", path, "--json")[1])
        assert (said["params"], said["training_params"], len(said["nodes"])) == (10, 25, 1)

    def test_json_keeps_its_promise(self, nas: Callable[..., Answer], tiny: Path) -> None:
        code, out, err = nas("show", tiny, "--json")
        said = json.loads(out)
        assert (code, err) == (0, "")
        assert said["hash"] == graphs.parse(TINY).hash
        assert (said["name"], said["params"], said["macs"], said["flops"]) == ("tiny", PARAMS, MACS, 2 * MACS)
        # every norm has a mean and a variance for each of 4 channels, and a counter
        assert said["buffers"] == 5 * 9
        # five 3x3 convolutions of stride 1 see 11 pixels, the first alone 3; the pool of 8 adds 7
        assert said["receptive_field"]["least"] == [10, 10]
        assert said["receptive_field"]["most"] == [18, 18]
        assert said["output"] == {"logits": "vector[10]"}
        assert said.keys() >= {"activation_bytes", "peak_bytes"}
        nodes = {node["address"]: node for node in said["nodes"]}
        assert nodes["logits"] == {
            "address": "logits",
            "block": "linear",
            "arguments": {"out_features": 10, "bias": True},
            "type": "vector[10]",
            "params": 50,
            "weights": 40,
            "macs": 40,
            "output_bytes": 40,
        }
        assert sum(node["params"] for node in nodes.values()) == PARAMS

    def test_deeper_nodes_are_added_up(self, tiny: Path) -> None:
        lines = networks.network_lines(graphs.load(tiny), 1, None)
        weights = str(4 * 4 * 9 * 4)  # four convolutions of 3x3 from 4 to 4 channels
        body = ["body", "2", "x", "residual_basic", "4x8x8", "256", weights, str(2 * BLOCK), "87%", "36.86k", "94%"]
        assert [line.split() for line in lines[4:9]] == [
            ["image", "input", "1x8x8", "64", "-", "-", "-"],
            ["stem", "conv", "3x3", "4x8x8", "256", "36", str(STEM), "6%", "2.304k", "6%"],
            [*body, "#" * networks.BAR],
            ["global_avg_pool", "global_avg_pool", "4", "4", "-", "-", "-"],
            ["logits", "linear", "10", "10", "40", "50", "7%", "40", "<1%"],
        ]

    def test_the_depth_is_that_of_addresses(self, tiny: Path) -> None:
        graph = graphs.load(tiny)

        def addresses(depth: int | None) -> list[str]:
            lines = networks.network_lines(graph, depth, None)
            return [line.split()[0] for line in lines[5 : lines.index("", 4)]]

        assert addresses(1) == ["stem", "body", "global_avg_pool", "logits"]
        assert addresses(2)[-4:] == ["body.0", "body.1", "global_avg_pool", "logits"]
        assert addresses(None) == [node.address for node in graph.nodes]

    def test_the_totals_and_what_is_not_counted_stand_below(self, nas: Callable[..., Answer], tiny: Path) -> None:
        _, out, _ = nas("show", tiny)
        assert "parameters       702, and 45 buffer elements\n" in out
        # less 4 + 4 for each of five norms, and ten biases
        assert "weights          652 of the parameters, without biases, scales and shifts\n" in out
        assert "values           846 in the rows above\n" in out  # 64; three times 256, two of them blocks; 4; 10
        assert "MACs             39,208 (39.21k; 78.42k FLOPs)\n" in out
        assert "bias, norm, activation and pooling are not counted" in " ".join(out.split())

    @pytest.mark.parametrize("depth", [0, 1, 2])
    def test_no_line_is_wider_than_a_terminal_of_80_columns(self, depth: int) -> None:
        from search_spaces import load_network

        lines = networks.network_lines(load_network("resnet50"), depth or None, 80)
        assert max(map(len, lines)) <= 80
        assert any(line.startswith("logits") and "2,049,000" in line for line in lines)


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["shwo", "x"], "Did you mean 'show'?"),
            (["show", "resnet50", "--detph", "1"], "--depth"),
            (["show"], "Missing argument"),
            (["show", "resnet50", "--depth", "deep"], "--depth"),
            (["show", "resnet50", "--set", "width"], "as in --set classes=10"),
            (["search", "--data", "digits"], "--space"),
            (["search", "--space", "small", "--data", "digits", "--max-params", "few"], "as in 4000, 4k"),
            (["search", "--space", "small", "--data", "digits", "--sampler", "tpa"], "did you mean `tpe`?"),
            (["search", "--space", "small", "--data", "digits", "--max-parms", "4k"], "--max-params"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_a_wrong_command_line_is_code_2_with_a_hint(
        self, nas: Callable[..., Answer], arguments: list[str], said: str
    ) -> None:
        code, out, err = nas(*arguments)
        assert (code, out) == (2, "")
        assert said in err
        assert "--help" in err

    def test_a_wrong_command_line_is_json_where_that_was_asked_for(self, nas: Callable[..., Answer]) -> None:
        code, out, err = nas("show", "--json")
        assert (code, err) == (2, "")
        assert json.loads(out)["errors"][0]["code"] == "usage"

    @pytest.mark.parametrize("command", ["check", "show", "search", "resume", "status", "export"])
    def test_the_help_of_a_command_is_one_screen_with_examples(
        self, nas: Callable[..., Answer], command: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        code, out, _ = nas(command, "--help")
        assert code == 0
        assert f"  nas {command} " in out
        assert len(out.splitlines()) <= 50
        assert max(map(len, out.splitlines())) <= 80

    def test_the_long_help_of_a_search_shows_what_the_short_one_leaves_out(self, nas: Callable[..., Answer]) -> None:
        _, short, _ = nas("search", "--help")
        code, long, _ = nas("search", "--help-all")
        assert code == 0
        for rare in ("--eta", "--screening-draws", "--rivals", "--learning-rate", "--min-params", "--seen"):
            assert f"  {rare} " not in short
            assert f"  {rare} " in long

    def test_every_option_of_a_search_says_what_it_takes_and_what_it_does(self) -> None:
        command = get_command(application(["search"])).commands["search"]  # type: ignore[attr-defined]
        options = [one for one in command.params if one.name != "study"]
        assert [one.name for one in options if not one.help] == []
        metavars = {one.name: one.metavar for one in options}
        assert (metavars["optimizer"], metavars["schedule"]) == ("adamw|sgd", "one_cycle|cosine")

    @pytest.mark.parametrize("group", [(), ("space",), ("zoo",)], ids=["nas", "space", "zoo"])
    def test_no_summary_of_a_command_is_cut_short(self, group: tuple[str, ...], nas: Callable[..., Answer]) -> None:
        code, out, _ = nas(*group, "--help")
        assert code == 0
        _, _, summaries = out.partition("Commands:\n")
        assert summaries
        assert "..." not in summaries

    def test_no_command_is_help(self, nas: Callable[..., Answer]) -> None:
        code, out, _ = nas()
        assert code == 0
        assert "Commands:" in out


def test_an_interruption_while_commands_are_imported_ends_quietly() -> None:
    script = """
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from nas.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(("given", "found"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_wait_without_work_unless_asked_otherwise(given: dict[str, str], found: str) -> None:
    script = """
import atexit, os, sys
from nas.cli import main
atexit.register(lambda: print(os.environ["OMP_WAIT_POLICY"]))
sys.argv = ["nas", "--version"]
main()
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | given
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == found


class TestBugs:
    @pytest.fixture
    def bug(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise ValueError("seven\nis odd")

        monkeypatch.setattr(networks, "load_network_only", fail)

    @pytest.mark.usefixtures("bug")
    def test_a_bug_is_one_line_that_says_how_to_see_more(
        self, nas: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("NAS_TRACEBACK", raising=False)
        code, out, err = nas("show", "resnet50")
        assert (code, out) == (1, "")
        assert err == (
            "error: this should not have happened: ValueError: seven is odd\n  help: NAS_TRACEBACK=1 shows where\n"
        )

    @pytest.mark.usefixtures("bug")
    def test_the_traceback_is_shown_where_it_is_asked_for(
        self, nas: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NAS_TRACEBACK", "1")
        code, _, err = nas("show", "resnet50")
        assert code == 1
        assert "Traceback (most recent call last)" in err

    @pytest.mark.usefixtures("bug")
    def test_a_bug_is_json_where_that_was_asked_for(self, nas: Callable[..., Answer]) -> None:
        code, out, err = nas("show", "resnet50", "--json")
        assert (code, err) == (1, "")
        assert json.loads(out)["errors"][0]["code"] == "internal"

    def test_an_interrupted_command_is_code_130(
        self, nas: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(networks, "load_network_only", interrupt)
        assert nas("show", "resnet50") == (130, "", "")


class TestProcess:
    def test_the_faults_of_a_document_end_a_process_with_code_1_and_no_traceback(self, broken: Path) -> None:
        done = in_process("check", broken)
        assert (done.returncode, done.stdout) == (1, "")
        assert "did you mean `kernel_size`?" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_reader_that_leaves_is_no_error_message(self) -> None:
        command = "from nas.cli import main; main()"
        arguments = [sys.executable, "-c", command, "show", "resnet50", "--json"]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""

    def test_documents_are_shown_without_the_terminal_library(self) -> None:
        loaded = "from nas.cli.entry import run; import sys; run(['show', 'resnet50']); sys.exit('rich' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=False)
        assert done.returncode == 0


class TestText:
    def test_a_table_is_cut_where_it_is_widest(self) -> None:
        rows = [["a" * 20, "1"], ["b", "234"]]
        assert table(["name", "n"], rows, "<>", width=15) == [
            "name          n",
            "----------  ---",
            "aaaaaaaaa…    1",
            "b           234",
        ]

    @pytest.mark.parametrize(
        ("value", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.50 KiB"), (3 * 2**30, "3.00 GiB")]
    )
    def test_bytes_are_binary(self, value: int, text: str) -> None:
        assert format_bytes(value) == text

    @pytest.mark.parametrize(
        ("value", "text"), [(4.24, "4.2 s"), (187.4, "3:07 min"), (7500, "2:05 h"), (59.99, "1:00 min")]
    )
    def test_seconds_become_minutes_and_hours(self, value: float, text: str) -> None:
        assert format_seconds(value) == text

    @pytest.mark.parametrize(
        ("part", "whole", "text"),
        [(0, 5, ""), (1, 1000, "<1%"), (9, 1000, "<1%"), (1, 100, "1%"), (1, 3, "33%"), (3, 3, "100%")],
    )
    def test_shares_are_percent(self, part: int, whole: int, text: str) -> None:
        assert format_share(part, whole) == text


def test_every_command_is_registered_once() -> None:
    registered = entry.application(COMMANDS).registered_commands
    names = [command.callback.__name__ for command in registered if command.callback]
    assert len(names) == len(set(names))
    assert {"check", "show", "search", "resume", "status", "export"} <= set(names)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("nas sp", ["space"]),
        ("nas space li", ["lint"]),
        ("nas show --d", ["--depth"]),
        ("nas space count --max-m", ["--max-macs"]),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, offered: list[str]) -> None:
    """As the script of `nas --show-completion bash` asks."""
    asked = {"_NAS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run([sys.executable, "-m", "nas"], env=os.environ | asked, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, offered, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_alone_says_of_itself_what_it_says_among_all(name: str) -> None:
    alone, among = (get_command(entry.application(names)) for names in ([name], COMMANDS))
    assert isinstance(alone, typer.core.TyperGroup)
    assert isinstance(among, typer.core.TyperGroup)
    assert list(alone.commands) == [name]
    assert alone.commands[name].get_short_help_str() == among.commands[name].get_short_help_str()


SPACE = """\
version: 1
name: open
params: {w: {choice: [8, 16]}}
variants: {big: {w: 64}}
input: {image: {map: [3, 8, 8]}}
net:
  - conv: {out_channels: w}
"""


def test_a_space_and_its_variants_are_checked_once_each(nas: Callable[..., Answer], tmp_path: Path) -> None:
    path = tmp_path / "open.yaml"
    path.write_text(SPACE)
    code, out, err = nas("check", path)
    assert (code, err) == (0, "")
    # big leaves nothing open; a 1x1 convolution of 3 channels to 64 and its norm: 192 + 128 parameters
    assert out.splitlines() == [
        f"{path}: ok, a space of 2 points in 1 decision",
        f"{path} --variant big: ok, 320 parameters, 12.29k MACs",
    ]


def test_a_variant_of_ones_own_is_shown_with_the_name_of_its_document(
    nas: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "open.yaml").write_text(SPACE)
    _, out, _ = nas("show", tmp_path / "open.yaml", "--variant", "big")
    assert out.startswith("open big   image 3x8x8   hash ")
    _, out, _ = nas("show", "resnet34")  # a variant of a family that ships
    assert out.startswith("resnet34   image 3x224x224   hash ")


def test_a_space_whose_networks_are_illegal_shows_the_fault(nas: Callable[..., Answer], tmp_path: Path) -> None:
    path = tmp_path / "open.yaml"
    path.write_text(SPACE.replace("  - conv", "  - linear: {out_features: 3}\n  - conv"))
    code, _, err = nas("check", path)
    assert code == 1
    assert "E202 wrong-kind: `linear` takes a vector" in err


def test_a_space_is_not_shown_as_a_network(nas: Callable[..., Answer]) -> None:
    code, _, err = nas("show", "small")
    assert code == 1
    assert err.startswith("error: small is a search space, not a network\n")


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b.yaml"], ids=["long", "null byte"])
def test_a_name_that_no_file_can_have_is_refused(nas: Callable[..., Answer], name: str) -> None:
    code, _, err = nas("check", name)
    assert code == 1
    assert "no file" in err
    assert "should not have happened" not in err
