"""The command line on runs and bundles. The driver itself is tested elsewhere; here a ledger is written by hand."""

from __future__ import annotations

import io
import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import graphs
from graphs import Budget
from nas import bundle as bundles
from nas import driver
from nas.bundle import random_weights
from nas.cli.live import Live
from nas.cli.progress import describe
from nas.history import History
from nas.ledger import Ledger
from nas.manifest import Bundle, ExportError, refuse_unwritable
from nas.parity import Parity, compare
from nas.recipe import Recipe
from nas.records import Ended, Exported, Finalised, Proposed, Record, Rejected, Started
from nas.results import Result, SearchInterrupted, summarize
from nas.study import Study
from nas.trials import Completed, Diverged, Lost, Paused, Progress, Stopped
from tests.nas.conftest import Answer
from tests.nas.fakes import write_bundle

Observe = Callable[[Record, History], None]

NETWORK = """
version: 1
name: little
input: {image: {map: [1, 4, 4]}}
net:
  - {name: stem, conv2d: {out_channels: 2, kernel_size: 3}}
  - {name: pool, global_avg_pool: {}}
  - {name: logits, linear: {out_features: 3}}
output: {logits: logits}
"""

RECIPE_LINE = "recipe: 3 epochs (5 for the best), adamw, learning rate 0.05, batches of 128; augmentation: shift 1"

STARTED = Started(
    name="run",
    study=Study(
        space="little", budget=Budget.of(max_params=4000), sampler="random", trials=3, candidates=2, final_seeds=2
    ),
    space="little",
    space_text="",
    data="digits",
    split_seed=0,
    fingerprint="",
    recipe=Recipe(epochs=3, final_epochs=5),
    versions={},
)


def proposed(trial: int, params: int, confirms: int | None = None) -> Proposed:
    return Proposed(trial, {}, f"{trial}" * 32, params, 100 * params, seed=trial, epochs=2, confirms=confirms)


EXPORTED = Exported("bundle", {})
SEARCHED: list[Record] = [
    Rejected({}, {"max_params": 0.5}),
    proposed(0, 3000),
    Progress(0, 1, 0.5, {}, 0.1),
    Progress(0, 2, 0.75, {}, 0.2),
    Completed(0),
    proposed(1, 2000),
    Progress(1, 1, 0.9, {}, 0.3),
    Progress(1, 2, 0.96, {}, 0.3),
    Completed(1),
    proposed(2, 1000),
    Progress(2, 1, 0.25, {}, 0.1),
    Paused(2, 1),
    Stopped(2, 1),
    Ended("trials"),
]
FINISHED: list[Record] = [
    *SEARCHED,
    proposed(3, 2000, confirms=1),
    Progress(3, 1, 0.97, {}, 0.3),
    Completed(3),
    Finalised(1, 11, 0.95, 0.1, 2.0, "final/1-11.safetensors"),
    Finalised(1, 12, 0.97, 0.1, 2.0, "final/1-12.safetensors"),
    EXPORTED,
]


def play(
    folder: Path, records: list[Record], observe: Observe = lambda record, history: None, first: Started = STARTED
) -> History:
    """Writes a ledger as a driver would, and tells an observer of every line."""
    folder.mkdir(exist_ok=True)
    with Ledger.create(folder) as ledger:
        history = History(folder, ledger.append(first))
        observe(first, history)
        for record in records:
            history.apply(ledger.append(record))
            observe(record, history)
    return history


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[list[Record]], dict[str, Any]]:
    """`nas search` plays these records instead of searching; gives what it was asked for."""
    asked: dict[str, Any] = {}

    def plays(records: list[Record]) -> dict[str, Any]:
        def search(study: Study, *, on_event: Observe, **more: Any) -> Result:
            asked.update(more, study=study)
            if records[-1] == EXPORTED:
                write_bundle(tmp_path / "run" / "bundle")
            history = play(tmp_path / "run", records, on_event)
            if not history.ended_by:
                raise SearchInterrupted(history.run)
            return summarize(history, driver_is_alive=False)

        monkeypatch.setattr(driver, "search", search)
        return asked

    return plays


SEARCH = ("search", "--space", "small", "--data", "digits", "--max-params", "4k")


class TestSearch:
    def test_it_prints_the_run_first_then_a_line_for_every_trial_then_the_best(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any], tmp_path: Path
    ) -> None:
        searching(FINISHED)
        code, out, err = nas(*SEARCH)
        assert (code, err) == (0, "")
        folder = tmp_path / "run"
        assert [line for line in out.splitlines() if not line.startswith("time ")] == [
            f"run {folder}",
            "starts: no hand-designed network fits",
            RECIPE_LINE,
            "1/3  trial 0     75.00%      3k params    300k MACs  complete, 2 epochs, 0.3 s; best 75.00% (trial 0)",
            "2/3  trial 1     96.00%      2k params    200k MACs  complete, 2 epochs, 0.6 s; best 96.00% (trial 1)",
            "3/3  trial 2     25.00%      1k params    100k MACs  paused, 1 epoch, 0.1 s; best 96.00% (trial 1)",
            "search ended (trials): 3 networks trained, 1 proposal refused untrained",
            "training the best 2 longer, first of all trial 1: 4 trainings of 5 epochs, about 4.5 s of training",
            "trial 1 again   97.00%      2k params    200k MACs  complete, 1 epoch, 0.3 s",
            "final training 1/2: test accuracy 95.00%, 2.0 s",
            "final training 2/2: test accuracy 97.00%, 2.0 s",
            f"bundle {folder}/bundle",
            "",
            "   trial  validation  retrained  params     MACs  network",
            "-  -----  ----------  ---------  ------  -------  ------------",
            "*      1      96.00%     97.00%   2,000  200,000  111111111111",
            "       0      75.00%          -   3,000  300,000  000000000000",
            "",
            f"run           {folder}",
            "trials        2 complete, 1 stopped, 1 rejected",
            "ended by      trials",
            "best          trial 1, 2k parameters, 200k MACs",
            # the mean of 0.95 and 0.97, and their sample deviation 0.02 / sqrt(2)
            "test accuracy 96.00% +- 1.41 over seeds: 95.00%, 97.00%",
            f"bundle        {folder}/bundle",
            f"look at it    nas show {folder}/bundle/architecture.yaml",
        ]

    def test_the_accuracy_of_a_single_seed_has_no_spread(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any]
    ) -> None:
        finals = [record for record in FINISHED if isinstance(record, Finalised)]
        searching([record for record in FINISHED if record not in finals[1:]])
        _, out, _ = nas(*SEARCH)
        assert "test accuracy 95.00%, of one seed\n" in out

    @pytest.mark.parametrize(
        ("keys", "why", "seconds"),
        [
            ({"candidates": 1}, "trial 1 is the only candidate", 2 * 5 * (0.3 + 0.3) / 2),
            (
                {"objectives": ("accuracy", "macs"), "prefer": "macs"},
                "trial 0 is preferred by macs",
                2 * 5 * (0.1 + 0.2) / 2,
            ),
        ],
    )
    def test_it_says_where_there_are_no_candidates_to_compare(
        self, keys: dict[str, Any], why: str, seconds: float, tmp_path: Path
    ) -> None:
        first = replace(STARTED, study=STARTED.study.model_copy(update=keys))
        lines: list[str] = []
        cheaper = replace(proposed(0, 3000), macs=7)
        records = [cheaper if record == proposed(0, 3000) else record for record in SEARCHED]
        play(tmp_path / "run", records, lambda record, history: lines.append(describe(record, history)), first)
        assert lines[-1] == (
            "search ended (trials): 3 networks trained, 1 proposal refused untrained\n"
            f"{why}: none is trained longer to be compared\n"
            f"final training of trial {why.split()[1]}: 2 trainings of 5 epochs, about {seconds:.1f} s of training"
        )

    @pytest.mark.parametrize(("final_epochs", "how", "seconds"), [(5, "longer", (4.5, 3.0)), (3, "again", (2.7, 1.8))])
    def test_longer_trainings_are_announced_with_their_length(
        self, final_epochs: int, how: str, seconds: tuple[float, float], tmp_path: Path
    ) -> None:
        recipe = Recipe(epochs=3, final_epochs=final_epochs)
        first = replace(STARTED, study=STARTED.study.model_copy(update={"candidates": 2}), recipe=recipe)
        lines: list[str] = []
        again = [replace(proposed(3 + index, 0), confirms=index % 2) for index in range(4)]
        records: list[Record] = [
            *SEARCHED,
            *(one for job in again for one in (job, Progress(job.trial, 1, 0.9), Completed(job.trial))),
        ]
        play(tmp_path / "run", records, lambda record, history: lines.append(describe(record, history)), first)
        assert [line for line in lines if "of training" in line] == [
            f"training the best 2 {how}, first of all trial 0: "
            f"4 trainings of {final_epochs} epochs, about {seconds[0]} s of training",
            lines[-1],
        ]
        told = f"2 trainings of {final_epochs} epochs, about {seconds[1]} s of training"
        assert lines[-1].endswith(f"\nfinal training of trial 1: {told}")

    def test_json_is_one_object_on_stdout_and_progress_is_elsewhere(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any], tmp_path: Path
    ) -> None:
        searching(FINISHED)
        code, out, err = nas(*SEARCH, "--json")
        said = json.loads(out)
        assert code == 0
        assert said["run"] == str(tmp_path / "run")
        assert said["ended_by"] == "trials"
        assert said["trials"] == {"complete": 2, "stopped": 1, "rejected": 1}
        assert {key: said["best"][key] for key in ("trial", "value", "params", "macs")} == {
            "trial": 1,
            "value": 0.96,
            "params": 2000,
            "macs": 200_000,
        }
        assert said["bundle"] == str(tmp_path / "run" / "bundle")
        assert said["best"]["network"] is None  # it has no name
        assert err.startswith(f"run {tmp_path / 'run'}\n")

    def test_it_hands_on_what_it_was_asked_for(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], dict[str, Any]], tmp_path: Path
    ) -> None:
        asked = searching(FINISHED)
        options = ["--max-macs", "400k", "--min-peak-bytes", "7", "--trials", "5", "--sampler", "random", "--seed", "9"]
        more = [
            "--executor",
            "ray",
            "--workers",
            "2",
            "--set",
            "width=3",
            "--epochs",
            "2",
            "--run",
            str(tmp_path / "r"),
        ]
        nas(*SEARCH, *options, *more)
        study = asked["study"]
        assert study.budget.as_dict() == {"max_params": 4000, "max_macs": 400_000, "min_peak_bytes": 7}
        assert (study.space, study.data, asked["run"]) == ("small", "digits", tmp_path / "r")
        assert (study.trials, study.sampler, study.seed, study.workers) == (5, "random", 9, 2)
        assert (study.executor, study.set) == ("ray", {"width": 3})
        assert study.recipe.model_fields_set == {"epochs"}
        assert study.recipe.epochs == 2

    def test_an_interruption_says_how_to_go_on(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any], tmp_path: Path
    ) -> None:
        searching(SEARCHED[:4])
        code, _, err = nas(*SEARCH)
        assert code == 130
        assert err == f"interrupted; go on with: nas resume {tmp_path / 'run'}\n"

    def test_a_worker_that_is_lost_is_told(self, tmp_path: Path) -> None:
        lines: list[str] = []
        records: list[Record] = [proposed(0, 3000), *[Lost(0, "The actor died.\nIts node is gone.")] * 5]
        play(tmp_path / "run", records, lambda record, history: lines.append(describe(record, history)))
        gone = "trial 0: its worker or node is gone"
        assert lines[2:] == [
            *(f"{gone} ({number} of 5); it goes on from its last rung" for number in range(1, 5)),
            f"{gone} (5 of 5); it is not tried again",
        ]

    def test_sigterm_is_an_interruption(
        self, nas: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def ended(*_: object, **__: object) -> None:
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt:
                signal.raise_signal(signal.SIGTERM)  # a scheduler that insists
                raise SearchInterrupted(tmp_path / "run") from None

        handler = signal.getsignal(signal.SIGTERM)
        for verb in ("search", "resume"):
            monkeypatch.setattr(driver, verb, ended)
        for command in (SEARCH, ("resume", tmp_path)):
            code, _, err = nas(*command)
            assert (code, err) == (130, f"interrupted; go on with: nas resume {tmp_path / 'run'}\n")
        assert signal.getsignal(signal.SIGTERM) is handler

    def test_an_interruption_is_json_where_that_was_asked_for(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any]
    ) -> None:
        searching(SEARCHED[:4])
        code, out, _ = nas(*SEARCH, "--json")
        assert (code, json.loads(out)["ended_by"]) == (130, "interrupted")

    def test_a_search_in_which_nothing_was_trained_to_the_end_is_a_fault(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any], tmp_path: Path
    ) -> None:
        searching([proposed(0, 3000), Diverged(0, "the loss became nan in epoch 1"), Ended("failures")])
        code, out, err = nas(*SEARCH)
        assert code == 1
        assert "diverged" in out
        why = "1 of 1 trials diverged, such as by: the loss became nan in epoch 1; lower the `learning_rate` of"
        told = "error: no network was trained to the end, so there is nothing to export\n  help: "
        assert err.startswith(f"{told}{why}")
        assert why not in out
        code, out, _ = nas("status", tmp_path / "run")
        assert code == 0
        assert out.splitlines()[-1].startswith(f"no network    {why}")
        code, _, said = nas("export", tmp_path / "run")
        assert (code, said) == (1, err)

    def test_a_place_that_is_taken_is_refused_before_the_search(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any], tmp_path: Path
    ) -> None:
        asked = searching(FINISHED)
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / "file").touch()
        code, _, err = nas(*SEARCH, "--to", tmp_path / "taken")
        assert code == 1
        assert "is not empty and no bundle" in err
        assert asked == {}

    @pytest.mark.parametrize("place", ["file/bundle", "/proc/bundle"])
    def test_a_place_that_cannot_be_written_is_refused_before_the_search(
        self, nas: Callable[..., Answer], searching: Callable[[list[Record]], Any], tmp_path: Path, place: str
    ) -> None:
        asked = searching(FINISHED)
        (tmp_path / "file").touch()
        code, _, err = nas(*SEARCH, "--to", tmp_path / place)
        assert (code, asked) == (1, {})
        assert f"{tmp_path / place} can't be written: " in err

    def test_trying_a_place_leaves_nothing_there(self, tmp_path: Path) -> None:
        refuse_unwritable(tmp_path / "deep" / "er" / "bundle")
        assert [*tmp_path.iterdir()] == []
        (tmp_path / "bundle").mkdir()
        (tmp_path / "bundle" / "file").touch()
        with pytest.raises(ExportError, match="is not empty and no bundle"):
            refuse_unwritable(tmp_path / "bundle")
        assert [*tmp_path.rglob("*")] == [tmp_path / "bundle", tmp_path / "bundle" / "file"]

    def test_overwriting_is_of_a_place(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        for command in (SEARCH, ("resume", tmp_path)):
            code, _, err = nas(*command, "--overwrite")
            assert code == 2
            assert "--overwrite is of a bundle --to somewhere" in err

    def test_an_impossible_budget_is_refused_before_a_run_is_made(
        self, nas: Callable[..., Answer], tmp_path: Path
    ) -> None:
        arguments = ("search", "--space", "small", "--data", "digits", "--max-params", "10", "--run", tmp_path / "run")
        code, out, err = nas(*arguments)
        assert (code, out) == (1, "")
        assert "its smallest network has" in err
        assert not (tmp_path / "run").exists()


class TestStatus:
    def test_a_finished_run(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        play(tmp_path / "run", FINISHED)
        code, out, _ = nas("status", tmp_path / "run", "--json")
        said = json.loads(out)
        assert code == 0
        assert (said["ended_by"], said["trials"]["complete"], said["best"]["trial"]) == ("trials", 2, 1)

    @pytest.mark.parametrize("lost", ["", "model.safetensors"])
    def test_a_bundle_that_is_lost_or_damaged_is_not_named_as_if_it_were_there(
        self, nas: Callable[..., Answer], tmp_path: Path, lost: str
    ) -> None:
        run = tmp_path / "run"
        play(run, FINISHED)
        if lost:
            write_bundle(run / "bundle")
            (run / "bundle" / lost).write_bytes(b"other weights")
        why = f"{run}/bundle/{lost} was changed after the export" if lost else f"{run}/bundle is gone"
        _, out, _ = nas("status", run)
        assert out.splitlines()[-1].startswith(f"bundle        {why}")
        assert out.endswith(f"; `nas resume {run}` writes it anew\n")
        said = json.loads(nas("status", run, "--json")[1])
        assert said["bundle"] is None
        assert said["damage"].startswith(why)
        code, _, err = nas("export", run, "--to", tmp_path / "shipped", "--overwrite")
        assert code == 1
        assert err.startswith(f"error: {why}")
        assert err.endswith(f"\n  help: `nas resume {run}` writes it anew, from {run}/final\n")

    def test_a_run_whose_driver_died_is_told_how_to_go_on(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        play(tmp_path / "run", SEARCHED[:7])
        code, out, _ = nas("status", tmp_path / "run")
        assert code == 0
        assert out.endswith(f"go on with    nas resume {tmp_path / 'run'}\n")

    @pytest.mark.parametrize("command", ["status", "resume"])
    def test_a_folder_that_is_no_run(self, nas: Callable[..., Answer], tmp_path: Path, command: str) -> None:
        code, out, err = nas(command, tmp_path)
        assert (code, out) == (1, "")
        assert "is not a run" in err

    @pytest.mark.parametrize("command", ["status", "resume", "export"])
    def test_a_run_that_is_misspelt(
        self, nas: Callable[..., Answer], tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "runs" / "small-digits-1").mkdir(parents=True)
        code, out, err = nas(command, "runs/small-digit-1")
        assert (code, out) == (1, "")
        assert "there is no " in err
        assert err.endswith("\n  help: did you mean `runs/small-digits-1`?\n")


class TestLive:
    @pytest.fixture
    def screen(self) -> io.StringIO:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        return Terminal()

    def test_it_keeps_lines_of_news_above_the_bars(self, screen: io.StringIO, tmp_path: Path) -> None:
        with Live(screen) as observe:
            play(tmp_path / "run", FINISHED, observe)
        drawn = screen.getvalue()
        assert f"run {tmp_path / 'run'}" in drawn.replace("\n", "")
        assert "trial 1     96.00%" in drawn
        assert "final training 2/2: test accuracy 97.00%" in drawn
        assert "paused, " not in drawn

    def test_what_is_no_news_leaves_no_empty_line(self, screen: io.StringIO, tmp_path: Path) -> None:
        printed: list[str] = []
        live = Live(screen)
        live._progress.console.print = lambda text, **_: printed.append(text)  # type: ignore[method-assign]
        play(tmp_path / "run", FINISHED, live)
        assert printed
        assert all(printed)

    def test_every_line_of_news_is_that_of_the_plain_display(self, screen: io.StringIO, tmp_path: Path) -> None:
        plain: list[str] = []
        with Live(screen) as observe:

            def both(record: Record, history: History) -> None:
                observe(record, history)
                plain.append(describe(record, history))

            play(tmp_path / "run", FINISHED, both)
        assert [line for line in plain if "again" in line] == [
            "trial 1 again   97.00%      2k params    200k MACs  complete, 1 epoch, 0.3 s"
        ]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    file = tmp_path / "little.yaml"
    file.write_text(NETWORK)
    return file


@pytest.fixture
def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles whose ONNX part is taken as proved: it is what takes seconds, and is tested with the bundles."""
    monkeypatch.setattr(bundles, "onnx_bytes", lambda *_: b"onnx")
    monkeypatch.setattr(bundles, "onnx_run", lambda _: None)
    monkeypatch.setattr(bundles, "compare", lambda g, a, b: compare(g, a, b) if b else Parity(0.0, 0.0, True))


@pytest.mark.usefixtures("without_onnx")
class TestExport:
    def test_a_network_with_its_weights(self, nas: Callable[..., Answer], network: Path, tmp_path: Path) -> None:
        from safetensors.torch import save_file

        state = random_weights(graphs.parse(NETWORK), seed=5)
        save_file(state, tmp_path / "weights.safetensors")
        to = tmp_path / "bundle"
        code, out, err = nas("export", network, "--weights", tmp_path / "weights.safetensors", "--to", to, "--json")
        said = json.loads(out)
        assert (code, err) == (0, f"writing {to}, and proving that every format computes what little does\n")
        assert said["bundle"] == str(to)
        assert said["files"].keys() == {"architecture.yaml", "model.safetensors", "model.onnx", "manifest.json"}
        assert said["parity"]["safetensors"] == {"max_abs_diff": 0.0, "max_rel_diff": 0.0, "ok": True}
        _, weights = bundles.load_bundle(to)
        assert all(weights[key].equal(state[key]) for key in state)

    def test_a_variant_is_exported_with_the_name_of_its_document(
        self, nas: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        family = NETWORK.replace("out_channels: 2", "out_channels: width")
        Path("family.yaml").write_text(f"{family}params: {{width: 2}}\nvariants: {{wide: {{width: 4}}}}\n")
        code, out, _ = nas("export", "family.yaml", "--variant", "wide", "--json")
        assert (code, json.loads(out)["bundle"]) == (0, "bundles/little-wide")
        manifest = json.loads(Path("bundles/little-wide/manifest.json").read_text())
        assert (manifest["name"], manifest["metadata"]["variant_of"]) == ("wide", "little")

    def test_a_network_without_weights_is_told_so(
        self, nas: Callable[..., Answer], network: Path, tmp_path: Path
    ) -> None:
        code, out, err = nas("export", network, "--to", tmp_path / "bundle")
        assert code == 0
        assert "random weights" in err
        assert "equals the compiled model" in out

    def test_weights_that_are_no_safetensors(self, nas: Callable[..., Answer], network: Path, tmp_path: Path) -> None:
        code, _, err = nas("export", network, "--weights", network, "--to", tmp_path / "bundle")
        assert code == 1
        assert "is neither safetensors nor a file of torch" in err
        assert not (tmp_path / "bundle").exists()

    def test_a_run_is_exported_with_its_budget_and_its_scores(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        play(tmp_path / "run", FINISHED)
        first = _bundle(tmp_path / "run" / "bundle")
        code, _, _ = nas("export", tmp_path / "run", "--to", tmp_path / "shipped")
        assert code == 0
        said = json.loads((tmp_path / "shipped" / "manifest.json").read_text())
        assert said["budget"]["bounds"] == {"max_params": 4000}
        assert said["metadata"] == {"test": 0.96}
        assert said["files"] == {name: sha for name, sha in first.files.items() if name != "manifest.json"}

    def test_a_run_without_a_winner(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        play(tmp_path / "run", SEARCHED)
        code, _, err = nas("export", tmp_path / "run", "--to", tmp_path / "shipped")
        assert code == 1
        assert f"nas resume {tmp_path / 'run'}" in err

    def test_a_run_that_goes_on_is_waited_for(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        play(tmp_path / "run", SEARCHED)
        ledger, _ = Ledger.open(tmp_path / "run", list)  # as its driver has it
        with ledger:
            assert "state         running\n" in nas("status", tmp_path / "run")[1]
            code, _, err = nas("export", tmp_path / "run", "--to", tmp_path / "shipped")
        assert code == 1
        assert err.endswith(f"\n  help: see it go on: nas status {tmp_path / 'run'} --watch\n")

    def test_a_folder_that_is_neither_run_nor_bundle(self, nas: Callable[..., Answer], tmp_path: Path) -> None:
        code, _, err = nas("export", tmp_path)
        assert code == 1
        assert "is neither a run nor a bundle" in err

    def test_a_bundle_is_not_replaced_unasked(self, nas: Callable[..., Answer], network: Path, tmp_path: Path) -> None:
        to = tmp_path / "bundle"
        assert nas("export", network, "--to", to)[0] == 0
        code, _, err = nas("export", network, "--to", to)
        assert code == 1
        assert "holds a bundle already" in err
        assert nas("export", network, "--to", to, "--overwrite")[0] == 0

    def test_a_search_writes_its_bundle_where_it_was_told_as_well(
        self,
        nas: Callable[..., Answer],
        searching: Callable[[list[Record]], Any],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        searching(FINISHED)
        searched = driver.search

        def search(*arguments: Any, **more: Any) -> Result:
            result = searched(*arguments, **more)
            shutil.rmtree(tmp_path / "run" / "bundle")
            _bundle(tmp_path / "run" / "bundle")
            return result

        monkeypatch.setattr(driver, "search", search)
        code, out, _ = nas(*SEARCH, "--to", tmp_path / "shipped", "--json")
        assert (code, json.loads(out)["bundle"]) == (0, str(tmp_path / "shipped"))
        assert bundles.load_bundle(tmp_path / "shipped")[0].name == "little"
        shutil.rmtree(tmp_path / "run")
        code, _, err = nas(*SEARCH, "--to", tmp_path / "shipped")
        assert code == 1
        assert "holds a bundle already" in err
        code, out, _ = nas(*SEARCH, "--to", tmp_path / "shipped", "--overwrite")
        assert code == 0
        assert out.endswith(f"copy          {tmp_path / 'shipped'}\n")


def _bundle(to: Path) -> Bundle:
    graph = graphs.parse(NETWORK)
    budget = graphs.Budget.of(max_params=4000)
    return bundles.export(graph, random_weights(graph), to, budget=budget, metadata={"test": 0.96})


@pytest.mark.slow
def test_a_whole_search_in_a_process_of_its_own_ends_with_a_bundle(tmp_path: Path) -> None:
    import subprocess

    arguments = [*SEARCH, "--max-macs", "400k", "--trials", "2", "--epochs", "1", "--final-epochs", "1"]
    command = [sys.executable, "-c", "from nas.cli import main; main()", *arguments, "--candidates", "1", "--json"]
    done = subprocess.run([*command, "--run", str(tmp_path / "run")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["bundle"] == str(tmp_path / "run" / "bundle")
    graph, _ = bundles.load_bundle(Path(said["bundle"]))
    assert graph.costs().params <= 4000
    assert graph.costs().macs <= 400_000
    assert "Traceback" not in done.stderr
