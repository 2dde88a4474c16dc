"""Bayesian optimization with a Gaussian process over the decisions: the most frugal of the samplers.

After `NUM_FIRST` draws of large networks, each proposal is the new point within the budget of the greatest expected
improvement (Jones 1998) among those one edit from the `NUM_PARENTS` best, some that are two edits away, and fresh
draws. Trials that still run count with the value that is expected of them. Of several objectives each proposal takes
one weighting at random (ParEGO, Knowles 2006), so that the proposals together spread along the front.

Accuracies are skewed: networks that don't learn at all lie far below all others. So they are learned on a scale on
which what is below the median is compressed logarithmically.

A trial that was stopped at a rung counts with what others came to in the end that went on from there; before there are
some, it stands below all that went farther, at its distance from the best of that rung. One that diverged, or took too
much memory, stands at the bottom. What was proposed is a function of the seed and of what the
sampler was told.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cache, cached_property
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr
from threadpoolctl import ThreadpoolController

from blocks.errors import BudgetError
from nas.ends import Outcome
from nas.records import Decisions
from nas.samplers.candidates import Candidates
from nas.samplers.drawing import draw_largest, draw_new
from nas.samplers.encoding import Doubles, Encoding, Integers
from nas.samplers.expected_costs import ExpectedCosts
from nas.samplers.sampler import Sampler
from nas.samplers.scales import Rungs, compressed_below_median, expected_in_full, scalarized
from nas.samplers.standing import Tried, tried
from nas.samplers.surrogate import Hyper, Posterior, fit
from nas.seeds import derive_seed
from nas.states import DIVERGED, REJECTED
from search_spaces.decisions import Alternative

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Point, Space

NUM_FIRST = 10
NUM_COMPARED = 20  # draws for each of the first points, which is the one that costs most,
FIRST_BY = ("macs", "params")  # by these in turn
NUM_PARENTS = 10
NUM_FRESH = 100  # draws that compete with the points around the best,
BLOCK = 20  # and after how many proposals they are others
GROWTH = 1.1  # the lengths are found anew when there are so many times as many trials
MAX_LEARNED = 400  # trials, the best
MAX_JUDGED = 200  # points that are made for one proposal
MAX_REMEMBERED = 2_000  # of these, so that they are not made again
FAR_ABOVE = 37  # deviations, from where the density is below 1e-297
LOOKAHEAD = 8  # new ones in budget among them, where they must be made to be compared

_Key = tuple[tuple[str, ...], tuple[Alternative, ...]]  # decisions: a seventh of a frozenset of their items


class GPSampler(Sampler):
    """The Gaussian process. What it knows are the calls; all else is made from them when it is needed."""

    def __init__(self, space: Space, budget: Budget, seed: int, num_objectives: int = 1) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed
        self._num_objectives = num_objectives
        self._encoding = Encoding(space)
        self._decisions: dict[int, Decisions] = {}
        self._running: dict[int, None] = {}
        self._ended: dict[int, _Ended] = {}
        self._sample: list[_Ended] = []  # what the lengths are found from
        self._hyper: Hyper | None = None
        self._fresh: tuple[int, list[Point]] = (-1, [])
        self._hashes: dict[_Key, str | None] = {}  # of points; None over the budget

    def propose(self, number: int, known: Container[str]) -> Decisions | None:
        seed = derive_seed(self._seed, "gp", number)
        if len(self._decisions) < NUM_FIRST or len(self._ended) < 2:
            metric = FIRST_BY[len(self._decisions) % len(FIRST_BY)]
            return draw_largest(self._space, self._budget, known, seed, metric, NUM_COMPARED)
        with _blas().limit(limits=1, user_api="blas"):
            found = self._best_new(number, known, Random(seed))
        return dict(found.decisions) if found is not None else draw_new(self._space, self._budget, known, seed)

    def accepted(self, trial: int, decisions: Decisions) -> None:
        self._decisions[trial] = self._space.active(decisions)
        self._running[trial] = None

    def paused(self, trial: int, outcome: Outcome) -> None:
        self._learn_of(trial, outcome)

    def ended(self, trial: int, outcome: Outcome) -> None:
        self._learn_of(trial, outcome)

    def _learn_of(self, trial: int, outcome: Outcome) -> None:
        decisions = self._decisions[trial]
        self._running.pop(trial, None)
        one = tried(trial, decisions, outcome)
        if one is None and outcome.state not in (DIVERGED, REJECTED):
            return
        rungs = self._ended[trial].rungs if trial in self._ended else {}
        if one is not None:
            rungs = {**rungs, one.fidelity: one.values}
        self._ended[trial] = _Ended(decisions, one, self._encoding.encode_all([decisions])[0], rungs)
        if len(self._ended) >= GROWTH * len(self._sample):
            self._sample = list(self._ended.values())
            self._hyper = None

    def _best_new(self, number: int, known: Container[str], random: Random) -> Point | None:
        """The new point within the budget of the greatest expected improvement that is found."""
        weights = np.array([random.expovariate(1) for _ in range(self._num_objectives)])
        model = self._learn(weights / weights.sum())
        candidates = Candidates(self._encoding, model.parents, self._fresh_points(number // BLOCK), random)
        scores = model.improvement(self._with_costs(candidates.vectors))
        order = list(map(int, np.argsort(-scores, kind="stable")))
        drawn = [at for at in order[MAX_JUDGED:] if candidates.is_drawn(at)]  # these keep the budget
        base = random.getrandbits(32)  # each candidate draws for itself: it doesn't matter which are remembered
        best: tuple[float, Point] | None = None
        num_compared = 0
        for at in order[:MAX_JUDGED] + drawn:
            if num_compared == LOOKAHEAD or (best is not None and scores[at] <= best[0]):
                break
            decisions = candidates.decisions(at)
            key = tuple(decisions), tuple(decisions.values())
            if key in self._hashes and ((hash := self._hashes[key]) is None or hash in known):
                continue
            point = candidates.point(at, self._space, Random(base + at))
            if point is None:
                continue
            is_whole = point.decisions.keys() == decisions.keys()
            is_kept = self._budget.admits(point.costs)
            if point.decisions == decisions:  # nothing was drawn, and it comes again while its parent is among the best
                self._remember(key, point.hash if is_kept else None)
            if not is_kept or point.hash in known:
                continue
            num_compared += 1
            score = float(scores[at])
            if not is_whole:
                score = float(model.improvement(self._features([point.decisions]))[0])
            if best is None or score > best[0]:
                best = score, point
        return None if best is None else best[1]

    def _remember(self, key: _Key, hash: str | None) -> None:
        if len(self._hashes) >= MAX_REMEMBERED:
            self._hashes.clear()
        self._hashes[key] = hash

    def _learn(self, weights: Doubles) -> _Model:
        """What all trials say; those that run count with what is expected of them."""
        ended, values = self._ranked(list(self._ended.values()), weights)
        values = compressed_below_median(values)
        vectors = self._with_costs(np.stack([one.vector for one in ended]))
        hyper = self._find_lengths(weights)
        posterior = Posterior(hyper, vectors, values, self._groups)
        if self._running:
            running = self._features([self._decisions[trial] for trial in self._running])
            values = np.concatenate([values, posterior.mean(running)])
            posterior = Posterior(hyper, np.concatenate([vectors, running]), values, self._groups)
        return _Model(posterior, float(values.max()), [one.decisions for one in ended[:NUM_PARENTS]])

    def _find_lengths(self, weights: Doubles) -> Hyper:
        """The lengths; those of one objective are found once for each sample of trials."""
        if self._hyper is None or self._num_objectives > 1:
            ended, values = self._ranked(self._sample, weights)
            vectors = self._with_costs(np.stack([one.vector for one in ended]))
            self._hyper = fit(vectors, compressed_below_median(values), self._groups)
        return self._hyper

    def _ranked(self, ended: list[_Ended], weights: Doubles) -> tuple[list[_Ended], Doubles]:
        """The best trials, best first, and one number for each."""
        values = scalarized(expected_in_full([one.tried for one in ended], [one.rungs for one in ended]), weights)
        order = np.argsort(-values, kind="stable")[:MAX_LEARNED]
        return [ended[at] for at in order], values[order]

    def _features(self, points: list[Decisions]) -> Doubles:
        """What is learned from: decisions, and the parameters and MACs predicted from them."""
        return self._with_costs(self._encoding.encode_all(points))

    def _with_costs(self, vectors: Doubles) -> Doubles:
        return np.concatenate([vectors, self._costs.features(vectors)], 1)

    @cached_property
    def _costs(self) -> ExpectedCosts:
        points = self._draw(0) or [self._space.point(next(iter(self._decisions.values())))]
        vectors = self._encoding.encode_all([point.decisions for point in points])
        return ExpectedCosts(vectors, [point.costs for point in points])

    @cached_property
    def _groups(self) -> Integers:
        last = self._encoding.num_groups
        return np.concatenate([self._encoding.groups, [last, last + 1]])

    def _fresh_points(self, block: int) -> list[Point]:
        if self._fresh[0] != block:
            self._fresh = block, self._draw(block)
        return self._fresh[1]

    def _draw(self, block: int) -> list[Point]:
        draws = self._space.draws(self._budget, derive_seed(self._seed, "gp fresh", block))
        found: list[Point] = []
        try:
            while len(found) < NUM_FRESH:
                found.append(draws.next())
        except BudgetError:
            pass
        return found


@dataclass(frozen=True, slots=True)
class _Ended:
    """A trial that says something: without `tried` that it came to nothing."""

    decisions: Decisions
    tried: Tried | None
    vector: Doubles
    rungs: Rungs


@dataclass(frozen=True, slots=True)
class _Model:
    """What the trials say: about all points, the best value, and the decisions of the best trials."""

    posterior: Posterior
    best: float
    parents: list[Decisions]

    def improvement(self, features: Doubles) -> Doubles:
        """The logarithm of the expected improvement of points on the best value.

        With the noise of one training: what is sought is the best of all measured values, and among points that
        are alike, each measurement is another chance.
        """
        means, deviations = self.posterior.predict(features)
        return np.log(deviations) + log_improvement((means - self.best) / deviations)


def log_improvement(off: Doubles) -> Doubles:
    """The logarithm of E max(0, off + a standard normal), exact far below 0 too (Ament 2023, arXiv 2310.20708).

    Far above 0 it is that of `off`, and what is beside it is less than the last digit.
    """
    below = np.minimum(off, FAR_ABOVE)
    density = -0.5 * below * below - 0.5 * np.log(2 * np.pi)
    ratio = np.exp(log_ndtr(below) - density)  # cumulative over density
    near = np.maximum(1 + below * ratio, 1e-300)
    far = -2 * np.log(np.maximum(np.abs(below), 1))
    result: Doubles = density + np.where(below > -30, np.log(near), far)
    return np.where(off > FAR_ABOVE, np.log(np.maximum(off, 1)), result)


@cache
def _blas() -> ThreadpoolController:
    """The libraries of linear algebra that numpy and scipy brought along."""
    return ThreadpoolController()
