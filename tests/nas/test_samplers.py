"""The contract of samplers, for all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import search_spaces
from graphs import Budget
from nas.records import Decisions
from nas.samplers import SAMPLERS, Outcome, Sampler, make_sampler
from nas.samplers.drawing import draw_new
from nas.study import StudyError
from tests.nas.fakes import BUDGET, SPACE_TEXT, value_of

SPACE = search_spaces.parse(SPACE_TEXT)


@pytest.fixture(params=[name for name in SAMPLERS if name != "auto"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Session:
    """A search without trainings: every new point ends at once with its value."""

    def __init__(self, name: str, seed: int = 0, budget: Budget = BUDGET) -> None:
        self.sampler = make_sampler(name, SPACE, budget, seed)
        self.budget = budget
        self.known: dict[str, Outcome] = {}
        self.log: list[tuple[str, Decisions]] = []

    def step(self, decisions: Decisions | None = None) -> str | None:
        """One proposal, or one that is replayed; what became of it."""
        decisions = decisions or self.sampler.propose(len(self.log), self.known.keys())
        if decisions is None:
            return None
        graph = SPACE.materialize(decisions)
        violations = self.budget.violations(graph.costs())
        if any(violation > 0 for violation in violations.values()):
            fate = "rejected"
            self.sampler.rejected(decisions, violations)
        elif graph.hash in self.known:
            fate = "duplicate"
            self.sampler.duplicated(decisions, self.known[graph.hash])
        else:
            fate = "accepted"
            trial = len(self.known)
            outcome = Outcome(
                "complete" if trial % 3 else "stopped", (value_of(graph.text(), 9),), 9 if trial % 3 else 3
            )
            self.sampler.accepted(trial, decisions)
            self.sampler.ended(trial, outcome)
            self.known[graph.hash] = outcome
        self.log.append((fate, decisions))
        return fate

    def run(self, num_steps: int) -> list[tuple[str, Decisions]]:
        for _ in range(num_steps):
            if self.step() is None:
                break
        return self.log


def test_the_same_seed_proposes_the_same(name: str) -> None:
    assert Session(name).run(40) == Session(name).run(40)


def test_another_seed_proposes_something_else(name: str) -> None:
    assert Session(name, seed=0).run(5) != Session(name, seed=1).run(5)


def test_a_replayed_sampler_goes_on_as_the_first_one(name: str) -> None:
    whole = Session(name).run(40)
    for cut in (1, 12, 13, 30):
        again = Session(name)
        for _, decisions in whole[:cut]:
            again.step(decisions)
        assert again.run(40 - cut) == whole


def test_what_is_proposed_and_taken_back_changes_nothing(name: str) -> None:
    whole, asked = Session(name), Session(name)
    for number in range(40):
        seen: set[str] = set()
        for index in range(1 + number % 3):  # as screening asks
            known = asked.known.keys() | seen
            decisions = asked.sampler.propose(1_000 + 3 * number + index, known)
            if decisions is not None:
                asked.sampler.withdrawn(decisions)
                seen.add(SPACE.materialize(decisions).hash)
        assert asked.step() == whole.step()
    assert asked.log == whole.log


def test_a_space_comes_to_its_end(name: str) -> None:
    budget = Budget.of(max_params=200)
    session = Session(name, budget=budget)
    session.run(500)
    assert session.known.keys() == {point.hash for point in SPACE.points() if budget.admits(point.costs)}
    assert {fate for fate, _ in session.log} == {"accepted"}


def test_running_trials_are_no_obstacle(name: str) -> None:
    sampler: Sampler = make_sampler(name, SPACE, BUDGET, 0)
    known: set[str] = set()
    for number in range(25):
        decisions = sampler.propose(number, known)
        assert decisions is not None
        graph = SPACE.materialize(decisions)
        if graph.hash in known:
            sampler.duplicated(decisions, None)
        elif not BUDGET.admits(graph.costs()):
            sampler.rejected(decisions, BUDGET.violations(graph.costs()))
        else:
            sampler.accepted(len(known), decisions)
            known.add(graph.hash)
    assert len(known) >= 12


@pytest.mark.parametrize(
    "outcome", [Outcome("diverged", None, 1), Outcome("failed", None, 0), Outcome("rejected", (0.5,), 1)]
)
def test_a_trial_without_a_value_is_no_obstacle(name: str, outcome: Outcome) -> None:
    session = Session(name)
    session.run(15)
    decisions = draw_new(SPACE, BUDGET, session.known.keys(), 5)
    assert decisions is not None
    full = {decision.address: decision.alternatives[0] for decision in SPACE.decisions} | dict(decisions)
    session.sampler.accepted(99, full)
    session.sampler.ended(99, outcome)
    assert session.run(5)


def test_a_draw_that_finds_nothing_within_the_budget_is_the_end_and_no_error() -> None:
    assert draw_new(SPACE, Budget.of(max_params=10), set(), 0) is None


@pytest.mark.parametrize("max_params", [400, 150])
def test_proposals_are_new_and_within_the_budget(name: str, max_params: int) -> None:
    session = Session(name, budget=Budget.of(max_params=max_params))
    session.run(70)
    assert {fate for fate, _ in session.log} == {"accepted"}


def test_tpe_keeps_to_the_better_alternative() -> None:
    """A value that one decision makes: after the draws of the beginning TPE keeps to the right alternative."""
    sampler = make_sampler("tpe", SPACE, Budget(), 0)
    chosen = []
    known: set[str] = set()
    for number in range(40):  # of 97 networks
        decisions = sampler.propose(number, known)
        assert decisions is not None
        known.add(SPACE.materialize(decisions).hash)
        sampler.accepted(number, decisions)
        sampler.ended(number, Outcome("complete", (0.9 if decisions["params.activation"] == "silu" else 0.1,), 9))
        chosen.append(decisions["params.activation"])
    assert chosen[20:].count("silu") >= 16


def test_gp_finds_the_best_with_few_trials() -> None:
    """144 networks, the value a sum over decisions: the best is among the first 40 trials for every seed; a random
    search would have it in one of four."""
    for seed in range(4):
        sampler = make_sampler("gp", SPACE, Budget(), seed)
        known: set[str] = set()
        found = []
        for number in range(40):
            decisions = sampler.propose(number, known)
            assert decisions is not None
            known.add(SPACE.point(decisions).hash)
            sampler.accepted(number, decisions)
            found.append(_sum_over(decisions))
            sampler.ended(number, Outcome("complete", (found[-1],), 9))
        assert max(found) == max(_sum_over(point.decisions) for point in SPACE.points())


def _sum_over(decisions: Decisions) -> float:
    """Small is good but for one width, so that the draws of large networks lead astray."""
    value = {2: 0.3, 4: 0.1, 6: 0.0}[int(str(decisions["stem.out_channels"]))]
    value += {2: 0.0, 4: 0.2, 6: 0.1, 8: 0.05}[int(str(decisions["tail.out_channels"]))]
    value += 0.1 * (decisions["params.activation"] == "silu") + 0.15 * (decisions["body"] == "plain")
    return value + 0.05 * (decisions.get("body.plain.kernel_size") == 1)


def test_the_expected_improvement_is_what_it_is_defined_as_and_grows_everywhere() -> None:
    from nas.samplers.gp import log_improvement

    def defined(off: float) -> float:
        """log E max(0, off + z) = log(off Phi(off) + phi(off)), which is as exact as this where neither is tiny."""
        below, density = math.erfc(-off / 2**0.5) / 2, math.exp(-off * off / 2) / (2 * math.pi) ** 0.5
        return math.log(off * below + density)

    offs = np.concatenate([np.linspace(-4, 60, 641), [1e3, 1e8]])
    assert log_improvement(offs) == pytest.approx([defined(off) for off in offs], rel=1e-9, abs=1e-9)
    assert (np.diff(log_improvement(np.linspace(-1000, 1000, 20_001))) > 0).all()


def test_gp_finds_the_front_of_two_objectives() -> None:
    """Three of the four networks that nothing dominates, among 144; random search has one of them in as many trials."""
    sampler = make_sampler("gp", SPACE, Budget(), 0, num_objectives=2)
    known: set[str] = set()
    found = set()
    for number in range(45):
        decisions = sampler.propose(number, known)
        assert decisions is not None
        point = SPACE.point(decisions)
        known.add(point.hash)
        sampler.accepted(number, decisions)
        values = (1 - _sum_over(decisions), -float(point.costs.params))
        found.add(values)
        sampler.ended(number, Outcome("complete", values, 9))
    everything = {(1 - _sum_over(point.decisions), -float(point.costs.params)) for point in SPACE.points()}
    front = {one for one in everything if not any(a >= one[0] and b >= one[1] for a, b in everything - {one})}
    assert len(front & found) >= 3


def test_a_trial_that_pauses_is_learned_from_and_may_go_on() -> None:
    def proposals(last: Outcome) -> list[Decisions | None]:
        session = Session("gp")
        session.run(14)
        decisions = draw_new(SPACE, BUDGET, session.known.keys(), 5)
        assert decisions is not None
        session.sampler.accepted(99, decisions)
        session.sampler.paused(99, Outcome("paused", (0.1,), 3))
        session.sampler.ended(99, last)
        return [session.sampler.propose(number, session.known.keys()) for number in range(15, 21)]

    assert proposals(Outcome("complete", (2.0,), 9)) != proposals(Outcome("stopped", (0.1,), 3))


def test_auto_is_gp_for_few_trials_evolution_for_many_and_tpe_for_several_objectives() -> None:
    cases = ((1, 60, "gp"), (1, None, "gp"), (1, 400, "gp"), (1, 401, "evolution"), (2, 60, "tpe"), (3, None, "tpe"))
    for num_objectives, num_trials, name in cases:
        auto = make_sampler("auto", SPACE, BUDGET, 0, num_objectives=num_objectives, num_trials=num_trials)
        assert type(auto) is type(make_sampler(name, SPACE, BUDGET, 0))


def test_an_unknown_sampler_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StudyError, match=r"no sampler `xyz`\n  help: there is `auto`, `gp`, `tpe`, .* or `random`"):
        make_sampler("xyz", SPACE, BUDGET, 0)
    with pytest.raises(StudyError, match="did you mean `tpe`"):
        make_sampler("tpp", SPACE, BUDGET, 0)
