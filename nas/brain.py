"""The brain: what to try next, and what follows from what happened. Single-threaded, deterministic, free of torch.

    record = brain.propose()        a decision, as a record; nothing is changed
    brain.apply(ledger.append(record))
    brain.apply(ledger.append(event))

Its state is a function of the lines that it was given, so a brain that was rebuilt from a ledger goes on as the one
that wrote it. A run has two parts: the search proper, and after it the confirmation, in which the best candidates are
trained longer and over several seeds, to be judged on the validation part again.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from nas.ends import Hashes
from nas.halving import Halving
from nas.history import NUM_CONFIRMATION_SEEDS, History
from nas.ledger import Line
from nas.records import Duplicate, Ended, Promoted, Proposed, Record, Rejected, Resumed
from nas.samplers.drawing import is_exhausted
from nas.samplers.sampler import Sampler
from nas.screening import Draw, GraphScore, Screening
from nas.seeds import derive_seed
from nas.states import COMPLETE, DIVERGED, FAILED, REJECTED, RUNNING, STOPPED, Trial
from nas.trials import Completed, Diverged, Failed, Job, Lost, OutOfMemory, Paused, Stopped

if TYPE_CHECKING:
    from graphs import Budget, Graph
    from nas.answers import Answers
    from search_spaces import Point, Space

MAX_FAILURES_IN_A_ROW = 10


class Brain:
    """Proposals, promotions and retries of one run. `history` is at the first line; the others come by `apply`.

    `score` is the study's proxy, where that looks at more than costs. With `answers` nothing is trained, and nothing
    confirmed; the space is their `domain`.
    """

    def __init__(
        self,
        space: Space,
        budget: Budget,
        sampler: Sampler,
        history: History,
        score: GraphScore | None = None,
        answers: Answers | None = None,
    ) -> None:
        self.history = history
        self._space = space
        self._budget = budget
        self._sampler = sampler
        self._screening = Screening(history.study, space, budget, score)
        self._answers = answers
        self._recipe = history.started.recipe
        self._fidelity = history.started.fidelity
        study = history.study
        self._halving = Halving(self._fidelity, self._recipe.epochs, study.max_trials, study.candidates)
        self._num_proposals = 0
        self._exhausted_at: int | None = None
        self._num_failures_in_a_row = 0
        self._waiting: list[int] = []
        self._alone: list[int] = []
        self._running_alone: int | None = None
        self._points: dict[int, Point] = {}
        self._known = Hashes()  # the networks that were tried
        self._proposed: Point | None = None

    def apply(self, line: Line) -> None:
        """Takes one more line of the ledger."""
        self.history.apply(line)
        record = line.record
        match record:
            case Proposed():
                self._known.add(record.hash)
                self._queue(record.trial)
                if self._proposed is not None:
                    self._points[record.trial] = self._proposed
                if record.confirms is None:
                    self._num_proposals += 1
                    self._halving.begin(record.trial)
                    self._sampler.accepted(record.trial, {**record.decisions, **record.inactive})
            case Rejected():
                self._num_proposals += 1
                self._sampler.rejected(record.decisions, record.violations)
            case Duplicate():
                self._num_proposals += 1
                original = self.history.outcome(record.of)
                self._sampler.duplicated(record.decisions, None if original.state == RUNNING else original)
            case Paused():
                self._pause(self.history.trials[record.trial])
            case Promoted():
                self._halving.promote(record.trial, self.history.trials[record.trial].epoch)
                self._queue(record.trial)
            case Completed() | Stopped() | Diverged() | Failed() | OutOfMemory() | Lost():
                self._end(self.history.trials[record.trial])
            case Resumed():
                self._requeue_all()
            case _:
                pass
        self._proposed = None

    def propose(self) -> Record | None:
        """The next decision; None where there is nothing to decide until a running trial has ended."""
        history = self.history
        if history.ended_by is not None:
            return self._propose_confirmation()
        study = history.study
        if study.target is not None and history.best and (history.best.value or 0.0) >= study.target:
            return self._end_search("target", num_complete=0)
        if study.time is not None and history.active_seconds >= study.time:
            return self._end_search("time")
        if (hopeless := self._halving.hopeless()) is not None:
            return self._stop(hopeless)
        if (promotion := self._halving.promotion()) is not None:
            return Promoted(*promotion)
        if study.max_trials is not None and history.num_trained + history.num_running >= study.max_trials:
            return self._end_search("trials")
        if self._num_failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            return self._end_search("failures", num_complete=0)
        if self._num_proposals < len(history.started.starts):
            return self._judge(Draw(history.started.starts[self._num_proposals].decisions))
        draw = None
        if self._exhausted_at != self._num_proposals:  # it would search long, and find again nothing
            draw = self._screening.propose(self._sampler, self._num_proposals, self._known)
        if draw is None:
            self._exhausted_at = self._num_proposals
            return self._end_search(self._why_nothing_is_new())
        return self._judge(draw)

    def _why_nothing_is_new(self) -> str:
        is_certain = is_exhausted(self._space, self._budget, self._known)
        if not is_certain:
            return "nothing new found"
        return "space exhausted" if self._answers is None or self._answers.is_complete else "table exhausted"

    def next_job(self, num_occupied: int) -> Job | None:
        """A trial that is to be submitted now, given how many are at the executor; None where there is none."""
        if self.waits_for_room(num_occupied):
            return None
        queue = self._alone or self._waiting
        if not queue:
            return None
        trial = self.history.trials[queue.pop(0)]
        if trial.num_memory_failures:
            self._running_alone = trial.number
        attempt = trial.num_memory_failures + trial.num_losses
        saves = self._fidelity.saves(trial.epochs)
        saved = [epoch for epoch in saves if epoch <= trial.epoch]
        return Job(
            trial=trial.number,
            architecture=self.graph(trial.number).text() if self._answers is None else "",
            seed=trial.seed,
            epochs=trial.epochs,
            attempt=attempt,
            begin=max(saved, default=0),
            until=trial.until,
            saves=saves,
            alone=self._running_alone is not None,
            decisions=trial.decisions,
        )

    def waits_for_room(self, num_occupied: int) -> bool:
        """Whether a trial that ran out of memory is, or is about to be, tried again with nothing beside it."""
        return self._running_alone is not None or (bool(self._alone) and num_occupied > 0)

    def is_running(self, trial: int) -> bool:
        """Whether this trial has not ended."""
        return trial in self.history.running

    def graph(self, trial: int) -> Graph:
        """The network of a trial."""
        if trial not in self._points:
            return self._space.materialize(self.history.trials[trial].decisions)
        return self._points[trial].graph

    def _judge(self, draw: Draw) -> Record:
        decisions = draw.decisions
        try:
            point = self._space.point(decisions)
        except FixpointError as error:
            return Rejected(dict(decisions), {"illegal": 1.0}, error.message)
        violations = self._budget.violations(point.costs)
        if any(violation > 0 for violation in violations.values()):
            return Rejected(dict(decisions), violations)
        if (of := self.history.by_hash.number(point.hash)) is not None:
            return Duplicate(dict(decisions), point.hash, of)
        if self._answers is not None:
            assert self._answers.row(point.decisions) is not None, "the space of a table has what is in it"
        self._proposed = point
        trial = self.history.num_trials
        return Proposed(
            trial=trial,
            decisions=point.decisions,
            hash=point.hash,
            params=point.costs.params,
            macs=point.costs.macs,
            seed=derive_seed(self.history.study.seed, "trial", trial),
            epochs=self._recipe.epochs,
            inactive={address: chosen for address, chosen in decisions.items() if address not in point.decisions},
            until=self._halving.first_stop(),
            arm=draw.arm,
            score=draw.score,
        )

    def _end_search(self, by: str, num_complete: int | None = None) -> Record | None:
        """The way to the end: what runs ends, and the best paused trials are completed until there are enough.

        Enough are as many as the candidates of the study, if None.
        """
        running = [trial for trial in self.history.running.values() if trial.confirms is None]
        if any(trial.until < trial.epochs for trial in running):
            return None
        wanted = self.history.study.candidates if num_complete is None else num_complete
        if self.history.num_complete + len(running) < wanted and (best := self._halving.best_paused()) is not None:
            return Promoted(best, self._recipe.epochs)
        if running:
            return None
        if paused := self._halving.paused():
            return self._stop(paused[0])
        return Ended(by)

    def _stop(self, trial: int) -> Stopped:
        return Stopped(trial, self.history.trials[trial].epoch)

    def _propose_confirmation(self) -> Record | None:
        candidates = self.history.candidates() if self._answers is None else []
        if len(candidates) < 2 or self.history.num_running:
            return None
        begun = {(trial.confirms, trial.seed) for trial in self.history.trials.values()}
        for index in range(NUM_CONFIRMATION_SEEDS):
            seed = derive_seed(self.history.study.seed, "confirmation", index)
            for one in candidates:
                if (one.number, seed) not in begun:
                    return Proposed(
                        trial=self.history.num_trials,
                        decisions=one.decisions,
                        hash=one.hash,
                        params=one.params,
                        macs=one.macs,
                        seed=seed,
                        epochs=self._recipe.final_epochs,
                        confirms=one.number,
                    )
        return None

    def _pause(self, trial: Trial) -> None:
        self._leave(trial)
        self._num_failures_in_a_row = 0
        values = self.history.values(trial) or (-inf,) * len(self.history.study.objectives)
        loss = trial.curve[-1].metrics.get("validation_loss", inf)
        self._halving.pause(trial.number, trial.epoch, values, loss)
        self._sampler.paused(trial.number, self.history.outcome(trial.number))

    def _end(self, trial: Trial) -> None:
        self._leave(trial)
        if trial.state == RUNNING:
            self._queue(trial.number)
        elif trial.confirms is None:
            if trial.state == STOPPED:
                self._halving.stop(trial.number)
            elif trial.state in (DIVERGED, REJECTED):
                self._halving.break_off(trial.number, trial.epoch)
            self._halving.end(trial.number)
            self._sampler.ended(trial.number, self.history.outcome(trial.number))
            if trial.state in (FAILED, REJECTED):
                self._num_failures_in_a_row += 1
            elif trial.state in (COMPLETE, STOPPED):
                self._num_failures_in_a_row = 0

    def _leave(self, trial: Trial) -> None:
        """A job is at its end; the network may be needed again, but not soon."""
        if self._running_alone == trial.number:
            self._running_alone = None
        for queue in (self._waiting, self._alone):
            if trial.number in queue:  # of a job of an earlier driver
                queue.remove(trial.number)
        if trial.state != RUNNING:
            self._points.pop(trial.number, None)

    def _queue(self, trial: int) -> None:
        (self._alone if self.history.trials[trial].num_memory_failures else self._waiting).append(trial)

    def _requeue_all(self) -> None:
        """What was running under an earlier driver is to be submitted again, in the order of its numbers."""
        self._waiting, self._alone = [], []
        for trial in sorted(self.history.running):
            self._queue(trial)
        self._running_alone = None
