"""What a run says of its winner against the hand-designed networks that it began with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

import search_spaces
from graphs import Budget
from nas.data import load_data
from nas.evidence import BETTER, NO_EVIDENCE, UNKNOWN, WORSE, permutation_p_value, verdict
from nas.finishing import finish
from nas.history import History
from nas.ledger import Ledger, RunError, read_ledger
from nas.manifest import damage_of
from nas.recipe import Recipe
from nas.records import Ended, Exported, Finalised, Proposed, Record, Start, Started, Unfinished
from nas.results import is_over, summarize
from nas.seeds import derive_seed
from nas.trials import Completed, Progress, Stopped
from tests.nas.conftest import Answer
from tests.nas.fakes import SPACE_TEXT, started

SPACE = search_spaces.parse(SPACE_TEXT)
POINTS = SPACE.sample(3, Budget.of(max_params=400), seed=0).points
NAMES = {1: "lenet", 2: "squeeze"}


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [
        ([0.9, 0.91, 0.92], [0.8, 0.81, 0.89], 1 / 20),  # one dealing of 6 choose 3
        ([0.9, 0.8], [0.7, 0.6], 1 / 6),
        ([0.9], [0.8], 1 / 2),
        ([0.9, 0.7, 0.92], [0.8, 0.6, 0.5], 2 / 20),  # 0.8 in the place of 0.7 would lead by more
        ([0.5, 0.5], [0.5, 0.5], 1.0),
    ],
)
def test_the_p_value_is_the_share_of_dealings_that_lead_as_much(
    ours: list[float], theirs: list[float], wanted: float
) -> None:
    assert permutation_p_value(ours, theirs) == pytest.approx(wanted)


def test_many_seeds_are_dealt_at_random() -> None:
    low = [0.80 + 0.001 * index for index in range(15)]
    assert permutation_p_value([one + 0.05 for one in low], low) < 0.001
    assert 0.3 < permutation_p_value(low, [one + 0.0001 for one in low]) < 0.7


def test_a_verdict_needs_seeds() -> None:
    assert verdict([0.9, 0.91, 0.92], [0.8, 0.81, 0.82]) == BETTER
    assert verdict([0.8, 0.81, 0.82], [0.9, 0.91, 0.92]) == WORSE
    assert verdict([0.9, 0.91], [0.8, 0.81]) == NO_EVIDENCE
    assert verdict([0.9, 0.7, 0.92], [0.8, 0.6, 0.5]) == NO_EVIDENCE
    assert verdict([0.9, 0.91, 0.92], []) == UNKNOWN


def first_line(**keys: object) -> Started:
    starts = tuple(Start(name, POINTS[trial].decisions) for trial, name in NAMES.items())
    return replace(started(**{"candidates": 1, "final_seeds": 3, **keys}), starts=starts)


def trained(trial: int, value: float) -> list[Record]:
    point = POINTS[trial]
    costs = point.graph.costs()
    proposed = Proposed(trial, point.decisions, point.graph.hash, costs.params, costs.macs, seed=trial, epochs=1)
    return [proposed, Progress(trial, 1, value, {}, 0.1), Completed(trial)]


SEARCHED = [*trained(0, 0.9), *trained(1, 0.8), *trained(2, 0.7), Ended("trials")]


def play(run: Path, first: Started, records: list[Record]) -> History:
    run.mkdir()
    with Ledger.create(run) as ledger:
        ledger.append(first)
        for record in records:
            ledger.append(record)
    return History.of(run, read_ledger(run))


def finals(trial: int, *accuracies: float) -> list[Record]:
    return [Finalised(trial, seed, accuracy, 0.1, 1.0, "") for seed, accuracy in enumerate(accuracies)]


def test_a_result_compares_the_winner_with_each_network_that_it_began_with(tmp_path: Path) -> None:
    tests = [*finals(0, 0.9, 0.91, 0.92), *finals(1, 0.8, 0.81, 0.905)]
    history = play(tmp_path / "run", first_line(), [*SEARCHED, *tests, Exported("bundle", {})])
    result = summarize(history, driver_is_alive=False)
    assert result.test is not None
    assert result.test.accuracies == (0.9, 0.91, 0.92)
    told = {rival["network"]: (rival["trial"], rival["verdict"]) for rival in result.as_dict()["rivals"]}
    assert told == {"lenet": (1, NO_EVIDENCE), "squeeze": (2, UNKNOWN)}


def test_a_narrowed_network_is_called_by_what_it_narrows_and_is_no_rival(tmp_path: Path) -> None:
    first = first_line()
    whole, narrow = first.starts[0], replace(first.starts[1], name="", narrows="vgg11")
    tests = [*finals(0, 0.9, 0.91, 0.92), Exported("bundle", {})]
    history = play(tmp_path / "run", replace(first, starts=(whole, narrow)), [*SEARCHED, *tests])
    assert [trial.called for trial in history.trials.values()][:3] == ["", "lenet", "vgg11, narrowed"]
    result = summarize(history, driver_is_alive=False)
    assert [rival.network for rival in result.rivals] == ["lenet"]
    assert [one["narrows"] for one in result.as_dict()["candidates"]] == [None, None, "vgg11"]


def test_a_network_that_was_stopped_at_a_rung_is_a_rival_behind_those_that_went_on(
    tmp_path: Path, nas: Callable[..., Answer]
) -> None:
    winner, lenet, squeeze = trained(0, 0.9), trained(1, 0.8), trained(2, 0.7)
    for trial in (winner, squeeze):
        trial.insert(2, replace(cast(Progress, trial[1]), epoch=2))
    searched = [*winner, *lenet[:2], Stopped(1, 1), *squeeze, Ended("trials")]
    tests = [*finals(0, 0.9, 0.91, 0.92), *finals(1, 0.8, 0.81, 0.89)]
    history = play(tmp_path / "run", first_line(), [*searched, *tests, Exported("bundle", {})])
    assert [rival.network for rival in summarize(history, driver_is_alive=False).rivals] == ["squeeze", "lenet"]
    _, out, _ = nas("status", tmp_path / "run")
    assert "squeeze, validation 70.00%: not compared, as only the best `rivals` are\n" in out
    assert "lenet, validation 80.00% when it was stopped after 1 epoch, test 83.33% +- 4.93 over seeds: " in out


def test_people_are_told_plainly(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    tests = [*finals(0, 0.9, 0.91, 0.92), *finals(1, 0.8, 0.81, 0.89)]
    play(tmp_path / "run", first_line(), [*SEARCHED, *tests, Exported("bundle", {})])
    _, out, _ = nas("status", tmp_path / "run")
    assert "lenet, validation 80.00%, test 83.33% +- 4.93 over seeds: 80.00%, 81.00%, 89.00%: the best is better" in out
    assert "squeeze, validation 70.00%: not compared, as only the best `rivals` are\n" in out
    play(tmp_path / "few", first_line(), [*SEARCHED, *finals(0, 0.9), *finals(1, 0.8), Exported("bundle", {})])
    _, out, _ = nas("status", tmp_path / "few")
    assert "no evidence that the best is better" in out


def test_of_a_run_that_goes_on_no_comparison_is_told_as_missing(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    play(tmp_path / "run", first_line(), SEARCHED)
    _, out, _ = nas("status", tmp_path / "run")
    assert "state         interrupted\n" in out
    assert "hand-designed lenet, validation 80.00%: compared with the best when the run ends\n" in out


def test_a_rival_whose_final_training_came_to_no_end_is_told(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    why = Unfinished(1, "the final training of trial 1 diverged: its loss is nan")
    run = tmp_path / "run"
    history = play(run, first_line(), [*SEARCHED, *finals(0, 0.9, 0.91, 0.92), why, Exported("bundle", {})])
    assert summarize(history, driver_is_alive=False).as_dict()["rivals"][0]["reason"] == why.reason
    _, out, _ = nas("status", run)
    assert f"lenet, validation 80.00%: not compared; {why.reason}\n" in out


def test_weights_that_can_not_be_read_are_told_and_not_exported(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = first_line(final_seeds=1, rivals=0)
    final = Finalised(0, derive_seed(first.study.seed, "final", 0), 0.9, 0.1, 1.0, "final/w.safetensors")
    history = play(run, first, [*SEARCHED, final])

    def end() -> list[Record]:
        return [*finish(history, lambda trial: POINTS[trial].graph, load_data("digits"), Budget(), "cpu")]

    for content in (None, b"no weights"):
        if content is not None:
            (run / "final").mkdir()
            (run / "final/w.safetensors").write_bytes(content)
        with pytest.raises(RunError, match=r"final/w.safetensors can't be read: ") as caught:
            end()
        assert caught.value.help == "the bundle has its weights from there: restore the file, or begin a new run"
    assert not (run / "bundle").exists()


@pytest.mark.slow
def test_rivals_are_trained_as_the_winner_is_and_only_those_asked_for(tmp_path: Path) -> None:
    data = load_data("digits")
    first = replace(first_line(rivals=1, final_seeds=2), recipe=Recipe(epochs=1, final_epochs=1))
    history = play(tmp_path / "run", first, SEARCHED)
    ledger, _ = Ledger.open(tmp_path / "run", list)
    with ledger:
        for record in finish(history, lambda trial: POINTS[trial].graph, data, Budget(), "cpu"):
            history.apply(ledger.append(record))
    assert {trial: len(seeds) for trial, seeds in history.finals.items()} == {0: 2, 1: 2}
    assert history.finals[0].keys() == history.finals[1].keys()
    assert is_over(history)
    assert len(list((tmp_path / "run/final").iterdir())) == 2
    (tmp_path / "run/bundle/manifest.json").unlink()
    (tmp_path / "run/bundle/model.onnx").unlink()
    [record] = finish(history, lambda trial: POINTS[trial].graph, data, Budget(), "cpu")
    assert record == history.exported
    assert damage_of(tmp_path / "run/bundle") == ""
