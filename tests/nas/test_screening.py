"""Screening: which draw is tried, which arm it is of, and whether it helped."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import graphs
import search_spaces
from graphs import Budget
from nas import search
from nas.evidence import mann_whitney_p_value
from nas.executors import InlineExecutor
from nas.history import History
from nas.ledger import read_ledger
from nas.records import Decisions, Proposed
from nas.results import summarize
from nas.samplers import Sampler
from nas.screening import CONTROL, SCREENED, Draw, Screening, kendall, screening_report
from nas.study import Study, StudyError
from nas.trials import Diverged, Event, Job, Progress
from search_spaces import Point
from tests.nas.conftest import Answer
from tests.nas.fakes import BUDGET, SPACE_TEXT, fake_trainer, run_to_end, started, trials_of
from tests.nas.tabulated import SPACE as KEYED
from tests.nas.tabulated import rows_of, write_table
from tests.nas.test_driver import cut, resumed

SPACE = search_spaces.parse(SPACE_TEXT)


def run(folder: Path, **keys: object) -> History:
    asked = {"screening": "params", "trials": 24, "candidates": 1}
    return run_to_end(folder, started(**{**asked, **keys}), InlineExecutor(fake_trainer()))


def arms(history: History) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for trial in history.searched:
        found.setdefault(trial.arm, []).append(trial.params)
    return found


class Drawing(Sampler):
    """Draws these points in turn; notes what was taken back."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.rest = [dict(point.decisions) for point in points]
        self.back: list[Decisions] = []

    def propose(self, number: int, known: Container[str]) -> Decisions | None:
        return self.rest.pop(0) if self.rest else None

    def withdrawn(self, decisions: Decisions) -> None:
        self.back.append(decisions)


@pytest.mark.parametrize("proxy", ["params", "macs"])
@pytest.mark.parametrize(("control", "arm"), [(0.0, SCREENED), (1.0, CONTROL)])
def test_the_best_of_the_draws_is_screened_and_the_first_is_the_control(proxy: str, control: float, arm: str) -> None:
    points = sorted(SPACE.sample(6, BUDGET, seed=0).points, key=lambda point: getattr(point.costs, proxy))
    draws = [points[index] for index in (2, 0, 4, 3, 5, 1)]  # the best comes too late
    study = Study.of(
        {"space": "little", "screening": proxy, "screening_draws": 4, "screening_control": control, "budget": BUDGET}
    )
    sampler = Drawing(draws)
    draw = Screening(study, SPACE, BUDGET).propose(sampler, 0, set())
    chosen = points[4] if arm == SCREENED else points[2]
    assert draw == Draw(dict(chosen.decisions), arm, getattr(chosen.costs, proxy))
    assert sampler.back == [point.decisions for point in draws[: 4 if arm == SCREENED else 1]]


def test_what_is_over_the_budget_is_not_the_best_of_the_draws() -> None:
    small, large = sorted(SPACE.sample(6, seed=0).points, key=lambda point: point.costs.params)[::5]
    budget = Budget.of(max_params=large.costs.params - 1)
    keys = {"screening": "params", "screening_draws": 2, "screening_control": 0.0, "budget": budget}
    draw = Screening(Study.of({"space": "little", **keys}), SPACE, budget).propose(Drawing([large, small]), 0, set())
    assert draw is not None
    assert draw.decisions == small.decisions


@pytest.mark.parametrize("sampler", ["random", "evolution", "local", "tpe", "nsga2"])
def test_every_sampler_is_screened_within_the_budget_and_repeats_nothing(tmp_path: Path, sampler: str) -> None:
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


@pytest.mark.parametrize("sampler", ["random", "evolution", "local", "tpe", "nsga2", "gp"])
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
    assert report.chance == pytest.approx(p_value(first[SCREENED], first[CONTROL], "greater"))
    told = json.loads(json.dumps(summarize(history, driver_is_alive=False).as_dict()))["screening"]
    assert told["proxy"] == "params"
    assert min(report.chance or 0, p_value(first[SCREENED], first[CONTROL], "less")) > 0.05
    assert told["verdict"] == "no evidence that it helped"


def p_value(ours: list[float], theirs: list[float], alternative: str) -> float:
    return float(scipy.stats.mannwhitneyu(ours, theirs, alternative=alternative, method="asymptotic").pvalue)


@pytest.mark.parametrize("minimize", [False, True])
def test_the_report_of_a_table_has_its_epochs_and_its_values(
    tmp_path: Path, minimize: bool, nas: Callable[..., Answer]
) -> None:
    """Its columns are of the epochs 12 and 200, and it has nothing between."""
    table = write_table(tmp_path)
    values = {row["arch"]: float(row["val1"]) for row in rows_of(table)}
    lookup = {"file": str(table), "key": "arch", "seen": "12=val1,200=val9", "minimize": minimize}
    keys: dict[str, Any] = {"screening": "params", "screening_control": 0.5, "sampler": "random", "trials": 24}
    report = search(space=KEYED, table=lookup, run=tmp_path / "run", **keys).screening
    found: dict[str, list[float]] = {SCREENED: [], CONTROL: []}
    for line in read_ledger(tmp_path / "run"):
        if isinstance(line.record, Proposed):
            [key] = KEYED.key(line.record.decisions)
            found[line.record.arm].append(values[key])
    assert report is not None
    assert (report.epoch, report.num_screened, report.num_control) == (12, *map(len, found.values()))
    ours, theirs = median(found[SCREENED]), median(found[CONTROL])
    assert [report.screened, report.control] == pytest.approx([ours, theirs])
    wanted = p_value(found[SCREENED], found[CONTROL], "less" if minimize else "greater")
    assert report.chance == pytest.approx(wanted)
    _, out, _ = nas("status", tmp_path / "run")
    of_ours, of_theirs = f"median {ours:.6g} of {len(found[SCREENED])} trials", f"{theirs:.6g} of {len(found[CONTROL])}"
    assert f"{of_ours}, {of_theirs} not screened, after 12 epochs: " in out


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


def test_a_proxy_that_prefers_what_diverges_does_harm(tmp_path: Path) -> None:
    """Of what is left, the larger is the better: by these alone it would have helped."""

    def train(job: Job) -> Iterator[Event]:
        params = graphs.parse(job.architecture).costs().params
        for event in fake_trainer()(job):
            if params > 250:
                yield Diverged(job.trial, "the loss is nan")
                return
            yield Progress(job.trial, event.epoch, 0.5 + params / 1000) if isinstance(event, Progress) else event

    keys = {"screening": "params", "trials": 36, "candidates": 1, "screening_control": 0.5, "fidelity": "asha"}
    history = run_to_end(tmp_path, started(**keys), InlineExecutor(train))
    report = screening_report(history)
    assert report is not None
    assert history.count("diverged") > 12
    assert report.num_screened + report.num_control == 36
    assert (report.epoch, report.screened, report.verdict) == (1, 0.0, "it did harm")
    assert report.control is not None
    assert report.control > 0.5


FIGURES = st.lists(st.integers(0, 12).map(float), min_size=2, max_size=25)


@given(FIGURES, FIGURES)
def test_mann_whitney_is_that_of_scipy(ours: list[float], theirs: list[float]) -> None:
    if len({*ours, *theirs}) > 1:
        reference = scipy.stats.mannwhitneyu(ours, theirs, alternative="greater", method="asymptotic").pvalue
        assert mann_whitney_p_value(ours, theirs) == pytest.approx(reference, abs=1e-9)
    else:
        assert mann_whitney_p_value(ours, theirs) == 1.0


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
