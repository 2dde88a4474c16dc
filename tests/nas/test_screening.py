"""Screening: which draw is tried, which arm it is of, and whether it helped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import graphs
from nas.evidence import mann_whitney
from nas.executors import InlineExecutor
from nas.history import History
from nas.ledger import read_ledger
from nas.records import Proposed
from nas.results import summarize
from nas.screening import CONTROL, SCREENED, kendall, screening_report
from nas.study import Study, StudyError
from nas.trials import Event, Job, Progress
from tests.nas.fakes import BUDGET, fake_trainer, run_to_end, started, trials_of
from tests.nas.test_driver import cut, resumed


def run(folder: Path, **keys: object) -> History:
    asked = {"screening": "params", "trials": 24, "candidates": 1}
    return run_to_end(folder, started(**{**asked, **keys}), InlineExecutor(fake_trainer()))


def arms(history: History) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for trial in history.searched:
        found.setdefault(trial.arm, []).append(trial.params)
    return found


@pytest.mark.parametrize("sampler", ["random", "evolution", "local", "tpe", "nsga2"])
def test_the_screened_have_the_most_parameters_of_several_draws(tmp_path: Path, sampler: str) -> None:
    history = run(tmp_path, sampler=sampler)
    trials = arms(history)
    assert trials.keys() == {SCREENED, CONTROL}
    assert len(history.searched) == 24
    assert len({trial.hash for trial in history.searched}) == 24
    assert all(trial.score == trial.params for trial in history.searched)
    assert max(trial.params for trial in history.searched) <= 400  # the budget holds


def test_screened_draws_of_random_search_are_larger_than_its_other_draws(tmp_path: Path) -> None:
    trials = arms(run(tmp_path, trials=24, screening_control=0.5))
    assert median(trials[SCREENED]) > 1.2 * median(trials[CONTROL])


@pytest.mark.parametrize(("control", "found"), [(0.0, {SCREENED}), (1.0, {CONTROL})])
def test_the_share_of_the_control_arm_is_what_was_asked_for(tmp_path: Path, control: float, found: set[str]) -> None:
    assert arms(run(tmp_path, screening_control=control, trials=8)).keys() == found


def test_without_screening_there_are_no_arms(tmp_path: Path) -> None:
    history = run(tmp_path, screening="none", trials=4)
    assert arms(history).keys() == {""}
    assert screening_report(history) is None


def test_the_ledger_says_of_every_trial_which_arm_it_is_of_and_its_score(tmp_path: Path) -> None:
    run(tmp_path, trials=8, screening="macs")
    proposed = [line.record for line in read_ledger(tmp_path) if isinstance(line.record, Proposed)]
    assert {one.arm for one in proposed if one.confirms is None} == {SCREENED, CONTROL}
    assert all(one.score == one.macs for one in proposed if one.confirms is None)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_screened_run_that_is_killed_ends_as_if_it_had_not_been(tmp_path: Path, sampler: str) -> None:
    whole = run(tmp_path / "whole", sampler=sampler, trials=14, fidelity="asha")
    num_lines = len(read_ledger(tmp_path / "whole"))
    for num in range(3, num_lines, 13):
        assert trials_of(resumed(cut(tmp_path / "whole", tmp_path / f"cut{num}", num))) == trials_of(whole)


def test_a_space_that_is_exhausted_ends_a_screened_search_too(tmp_path: Path) -> None:
    history = run(tmp_path, trials=1000, budget={"max_params": 150})
    assert history.ended_by == "space exhausted"
    assert 3 < history.num_trained < 30


def test_the_report_compares_the_arms_after_equally_many_epochs(tmp_path: Path) -> None:
    history = run(tmp_path, fidelity="asha", trials=30)
    report = screening_report(history)
    assert report is not None
    assert report.epoch == 1
    assert report.num_screened + report.num_control == 30
    first = {arm: [t.curve[0].value for t in history.searched if t.arm == arm] for arm in (SCREENED, CONTROL)}
    assert report.chance is not None
    assert report.chance == pytest.approx(
        scipy.stats.mannwhitneyu(first[SCREENED], first[CONTROL], alternative="greater", method="asymptotic").pvalue
    )
    told = json.loads(json.dumps(summarize(history, driver_is_alive=False).as_dict()))["screening"]
    assert told["proxy"] == "params"
    assert told["verdict"] in ("it helped", "it did harm", "no evidence that it helped")


@pytest.mark.parametrize(
    ("better", "verdict"), [(1, "it helped"), (-1, "it did harm"), (0, "no evidence that it helped")]
)
def test_a_proxy_that_is_right_helps_and_one_that_is_wrong_does_harm(tmp_path: Path, better: int, verdict: str) -> None:
    def train(job: Job) -> Iterator[Event]:
        value = 0.5 + better * graphs.parse(job.architecture).costs().params / 1000
        for event in fake_trainer()(job):
            yield Progress(job.trial, event.epoch, value) if isinstance(event, Progress) else event

    keys = {"screening": "params", "trials": 48, "candidates": 1, "screening_control": 0.5}
    history = run_to_end(tmp_path, started(**keys), InlineExecutor(train))
    report = screening_report(history)
    assert report is not None
    assert report.verdict == verdict
    if better:
        assert report.rank_correlation == pytest.approx(better)


FIGURES = st.lists(st.integers(0, 12).map(float), min_size=2, max_size=25)


@given(FIGURES, FIGURES)
def test_mann_whitney_is_that_of_scipy(ours: list[float], theirs: list[float]) -> None:
    if len({*ours, *theirs}) > 1:
        reference = scipy.stats.mannwhitneyu(ours, theirs, alternative="greater", method="asymptotic").pvalue
        assert mann_whitney(ours, theirs) == pytest.approx(reference, abs=1e-9)
    else:
        assert mann_whitney(ours, theirs) == 1.0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=15))
def test_kendall_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    ours = kendall([(float(first), float(second)) for first, second in pairs])
    first, second = zip(*pairs, strict=True)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(scipy.stats.kendalltau(first, second).statistic)


@pytest.mark.parametrize(
    "keys", [{"screening": "magic"}, {"screening_draws": 1}, {"screening_control": 1.5}, {"screening_control": -0.1}]
)
def test_a_screening_that_means_nothing_is_refused(keys: dict[str, object]) -> None:
    with pytest.raises(StudyError, match=r"proxy|screening"):
        Study.of({"space": "little", "budget": BUDGET, **keys})
