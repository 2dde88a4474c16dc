"""Screening: of several draws of the sampler, the best by a proxy that needs no training is trained.

A share of the trials is a control arm: the sampler's first draw, whatever the proxy says of it. So a run says itself
whether its screening helped, by the accuracies of the two arms after equally many epochs. Both arms follow from the
seed and the number of the proposal.

`params` and `macs` are costs, more is better; the other proxies look at the network on images (`nas.proxies`), and
come from whoever has them, as a function. Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, isfinite
from statistics import median
from typing import TYPE_CHECKING, Any

from blocks.errors import FixpointError
from nas.evidence import LEVEL, mann_whitney_p_value
from nas.history import History
from nas.records import Decisions
from nas.samplers.sampler import Sampler
from nas.seeds import derive_seed
from nas.study_values import TENSOR_PROXIES

if TYPE_CHECKING:
    from graphs import Budget, Graph
    from nas.study import Study
    from search_spaces import Space

SCREENED, CONTROL = "screened", "control"
MAX_REMEMBERED = 2_000  # networks whose scores are

GraphScore = Callable[["Graph"], float]


@dataclass(frozen=True)
class Draw:
    """What is proposed: of which `arm`, and what the proxy says of it, None where it says nothing."""

    decisions: Decisions
    arm: str = ""
    score: float | None = None


class Screening:
    """The screening of a study. `score` is for proxies that are no costs, and isn't asked again for a network that is
    drawn again soon."""

    def __init__(self, study: Study, space: Space, budget: Budget, score: GraphScore | None = None) -> None:
        assert score is not None or study.screening not in TENSOR_PROXIES
        self._study = study
        self._space = space
        self._budget = budget
        self._score_graph = score
        self._scores: dict[str, float] = {}

    def propose(self, sampler: Sampler, number: int, known: Container[str]) -> Draw | None:
        """The best of several draws for the proposal of this number, or a single one; None where there is none."""
        if self._study.screening == "none":
            decisions = sampler.propose(number, known)
            return None if decisions is None else Draw(decisions)
        is_control = derive_seed(self._study.seed, "screening", number) < self._study.screening_control * 2**31
        num_draws = self._study.screening_draws
        best: Draw | None = None
        seen: set[str] = set()
        for index in range(1 if is_control else num_draws):
            decisions = sampler.propose(number * num_draws + index, _Either(known, seen))
            if decisions is None:
                break
            sampler.withdrawn(decisions)
            hash, score = self._judge(decisions)
            seen.add(hash)
            if best is None or score > (-inf if best.score is None else best.score):
                arm = CONTROL if is_control else SCREENED
                best = Draw(decisions, arm, score if isfinite(score) else None)
        return best

    def _judge(self, decisions: Decisions) -> tuple[str, float]:
        """The hash of a network and what the proxy says of it; -inf of one that won't be trained anyway."""
        try:
            point = self._space.point(decisions)
        except FixpointError:
            return "", -inf
        if not self._budget.admits(point.costs):
            return point.hash, -inf
        if self._score_graph is None:
            return point.hash, float(getattr(point.costs, self._study.screening))
        if point.hash not in self._scores:
            if len(self._scores) >= MAX_REMEMBERED:
                self._scores.clear()
            self._scores[point.hash] = self._score_graph(point.graph)
        return point.hash, self._scores[point.hash]


@dataclass(frozen=True, slots=True)
class _Either(Container[str]):
    """What is in one of two collections."""

    one: Container[str]
    other: Container[str]

    def __contains__(self, hash: object) -> bool:
        return hash in self.one or hash in self.other


@dataclass(frozen=True)
class ScreeningReport:
    """The two arms of a run: the median accuracies after `epoch` epochs, of so many trials each.

    What diverged or failed counts with an accuracy of 0. Of a run that looks trials up, the medians are of values as
    its table has them. `chance` is how probable it is, were there no difference, that the screened are so much better,
    or more (one-sided Mann-Whitney); None, as a median, where an arm has no trial. `rank_correlation` is Kendall's
    tau-b, over both arms, of the proxy and the accuracy, or its like: where less is better, the negative of the value.
    """

    proxy: str
    draws: int
    epoch: int
    num_screened: int
    num_control: int
    screened: float | None
    control: float | None
    chance: float | None
    rank_correlation: float | None
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def screening_report(history: History) -> ScreeningReport | None:
    """What the screening of a run was worth so far; None where there was none."""
    study = history.study
    if study.screening == "none":
        return None
    trained = history.screened
    epoch = min((trial.epochs[-1] for trial in trained if not (trial.is_running or trial.is_worst)), default=0)
    values: Mapping[str, list[float]] = {SCREENED: [], CONTROL: []}
    pairs: list[tuple[float, float]] = []
    for trial in trained:
        if (value := trial.value(epoch)) is not None:
            values[trial.arm].append(value)
            if trial.score is not None:
                pairs.append((trial.score, value))
    ours, theirs = values[SCREENED], values[CONTROL]
    sign = study.table.sign if study.table else 1
    return ScreeningReport(
        proxy=study.screening,
        draws=study.screening_draws,
        epoch=epoch,
        num_screened=len(ours),
        num_control=len(theirs),
        screened=sign * median(ours) if ours else None,
        control=sign * median(theirs) if theirs else None,
        chance=mann_whitney_p_value(ours, theirs) if ours and theirs else None,
        rank_correlation=kendall(pairs),
        verdict=_verdict(ours, theirs),
    )


def _verdict(ours: Sequence[float], theirs: Sequence[float]) -> str:
    if not ours or not theirs:
        return "no trials to compare"
    if mann_whitney_p_value(ours, theirs) <= LEVEL:
        return "it helped"
    return "it did harm" if mann_whitney_p_value(theirs, ours) <= LEVEL else "no evidence that it helped"


def kendall(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Kendall's tau-b of two figures (1945), from -1 to 1; None where one of them is the same everywhere."""
    import numpy as np

    agreement = num_untied_first = num_untied_second = 0
    firsts, seconds = np.array(pairs, float).reshape(-1, 2).T
    for index in range(1, len(pairs)):  # row by row: a run may have ten thousand trials
        signs_first = np.sign(firsts[index] - firsts[:index])
        signs_second = np.sign(seconds[index] - seconds[:index])
        agreement += int(signs_first @ signs_second)
        num_untied_first += int(np.count_nonzero(signs_first))
        num_untied_second += int(np.count_nonzero(signs_second))
    if not num_untied_first or not num_untied_second:
        return None
    return float(agreement / (num_untied_first * num_untied_second) ** 0.5)
