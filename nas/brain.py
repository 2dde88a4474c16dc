"""The brain: what to try next, and what follows from what happened. Single-threaded, deterministic, free of torch.

    record = brain.propose()        a decision, as a record; nothing is changed
    brain.apply(ledger.append(record))
    brain.apply(ledger.append(event))

Its state is a function of the lines that it was given, so a brain that was rebuilt from a ledger goes on as the one
that wrote it. A run has two parts: the search proper, and after it the confirmation, in which the best candidates are
trained longer and over several seeds, to be judged on the validation part again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from nas.history import COMPLETE, FAILED, REJECTED, RUNNING, STOPPED, History, Trial
from nas.ledger import Line
from nas.records import Decisions, Duplicate, Ended, Proposed, Record, Rejected, Resumed
from nas.samplers.sampler import Outcome, Sampler
from nas.seeds import derive_seed
from nas.stopping import Halving, Rungs
from nas.trials import Completed, Diverged, Failed, Job, Lost, OutOfMemory, Progress, Stopped

if TYPE_CHECKING:
    from graphs import Budget, Graph
    from search_spaces import Space

NUM_CONFIRMATION_SEEDS = 2
MAX_FAILURES_IN_A_ROW = 10


class Brain:
    """Proposals, early stopping and retries of one run. `history` is at the first line; the others come by `apply`."""

    def __init__(self, space: Space, budget: Budget, sampler: Sampler, history: History) -> None:
        self.history = history
        self._space = space
        self._budget = budget
        self._sampler = sampler
        self._recipe = history.started.recipe
        self.rungs = Rungs.of(self._recipe.epochs)
        self._halving = Halving(self.rungs)
        self._num_proposals = 0
        self._exhausted_at: int | None = None
        self._num_failures_in_a_row = 0
        self._waiting: list[int] = []
        self._alone: list[int] = []
        self._running_alone: int | None = None
        self._to_stop: set[int] = set()
        self._graphs: dict[int, Graph] = {}
        self._proposed_graph: Graph | None = None

    def apply(self, line: Line) -> None:
        """Takes one more line of the ledger."""
        self.history.apply(line)
        record = line.record
        match record:
            case Proposed():
                self._waiting.append(record.trial)
                if self._proposed_graph is not None:
                    self._graphs[record.trial] = self._proposed_graph
                if record.confirms is None:
                    self._num_proposals += 1
                    self._sampler.accepted(record.trial, {**record.decisions, **record.inactive})
            case Rejected():
                self._num_proposals += 1
                self._sampler.rejected(record.decisions, record.violations)
            case Duplicate():
                self._num_proposals += 1
                original = self.history.trials[record.of]
                ended = original.state != RUNNING
                self._sampler.duplicated(record.decisions, self._outcome(original) if ended else None)
            case Progress():
                trial = self.history.trials[record.trial]
                if trial.confirms is None and self._halving.observe(record.trial, record.epoch, record.value):
                    self._to_stop.add(record.trial)
            case Completed() | Stopped() | Diverged() | Failed() | OutOfMemory() | Lost():
                self._end(self.history.trials[record.trial])
            case Resumed():
                self._requeue_all()
            case _:
                pass
        self._proposed_graph = None

    def propose(self) -> Record | None:
        """The next decision; None where there is nothing to decide until a running trial has ended."""
        history = self.history
        if history.ended_by is not None:
            return self._propose_confirmation()
        num_running = sum(trial.state == RUNNING for trial in history.searched)
        study = history.study
        if study.target is not None and history.best_accuracy >= study.target:
            return None if num_running else Ended("target")
        if study.max_trials is not None and history.num_trained + num_running >= study.max_trials:
            return None if num_running else Ended("trials")
        if study.time is not None and history.active_seconds >= study.time:
            return None if num_running else Ended("time")
        if self._num_failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            return None if num_running else Ended("failures")
        decisions = None
        if self._exhausted_at != self._num_proposals:  # it would search long, and find again nothing
            decisions = self._sampler.propose(self._num_proposals, history.by_hash.keys())
        if decisions is None:
            self._exhausted_at = self._num_proposals
            return None if num_running else Ended("space exhausted")
        return self._judge(decisions)

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
        return Job(
            trial.number,
            self.graph(trial.number).text(),
            trial.seed,
            trial.epochs,
            attempt,
            alone=self._running_alone is not None,
        )

    def waits_for_room(self, num_occupied: int) -> bool:
        """Whether a trial that ran out of memory is, or is about to be, tried again with nothing beside it."""
        return self._running_alone is not None or (bool(self._alone) and num_occupied > 0)

    def wants_stopped(self, trial: int) -> bool:
        """Whether this trial, which is running, is to end at its rung."""
        return trial in self._to_stop

    def is_running(self, trial: int) -> bool:
        """Whether this trial has not ended."""
        return self.history.trials[trial].state == RUNNING

    def graph(self, trial: int) -> Graph:
        """The network of a trial."""
        if trial not in self._graphs:
            return self._space.materialize(self.history.trials[trial].decisions)
        return self._graphs[trial]

    def _judge(self, decisions: Decisions) -> Record:
        try:
            graph = self._space.materialize(decisions)
            costs = graph.costs()
        except FixpointError as error:
            return Rejected(dict(decisions), {"illegal": 1.0}, error.message)
        violations = self._budget.violations(costs)
        if any(violation > 0 for violation in violations.values()):
            return Rejected(dict(decisions), violations)
        if graph.hash in self.history.by_hash:
            return Duplicate(dict(decisions), graph.hash, self.history.by_hash[graph.hash])
        self._proposed_graph = graph
        trial = len(self.history.trials)
        active = self._space.active(decisions)
        return Proposed(
            trial=trial,
            decisions=active,
            hash=graph.hash,
            params=costs.params,
            macs=costs.macs,
            seed=derive_seed(self.history.study.seed, "trial", trial),
            epochs=self._recipe.epochs,
            inactive={address: chosen for address, chosen in decisions.items() if address not in active},
        )

    def _propose_confirmation(self) -> Record | None:
        candidates = self.history.candidates()
        if len(candidates) < 2 or any(trial.state == RUNNING for trial in self.history.searched):
            return None
        begun = {(trial.confirms, trial.seed) for trial in self.history.trials.values()}
        for index in range(NUM_CONFIRMATION_SEEDS):
            seed = derive_seed(self.history.study.seed, "confirmation", index)
            for one in candidates:
                if (one.number, seed) not in begun:
                    return Proposed(
                        trial=len(self.history.trials),
                        decisions=one.decisions,
                        hash=one.hash,
                        params=one.params,
                        macs=one.macs,
                        seed=seed,
                        epochs=self._recipe.final_epochs,
                        confirms=one.number,
                    )
        return None

    def _end(self, trial: Trial) -> None:
        self._to_stop.discard(trial.number)
        if self._running_alone == trial.number:
            self._running_alone = None
        if trial.state == RUNNING:
            (self._alone if trial.num_memory_failures else self._waiting).append(trial.number)
            return
        self._graphs.pop(trial.number, None)
        if trial.confirms is None:
            self._sampler.ended(trial.number, self._outcome(trial))
            if trial.state in (FAILED, REJECTED):
                self._num_failures_in_a_row += 1
            elif trial.state in (COMPLETE, STOPPED):
                self._num_failures_in_a_row = 0

    def _requeue_all(self) -> None:
        """What was running under an earlier driver is to be submitted again, in the order of its numbers."""
        running = [trial for trial in self.history.trials.values() if trial.state == RUNNING]
        self._waiting = [trial.number for trial in running if not trial.num_memory_failures]
        self._alone = [trial.number for trial in running if trial.num_memory_failures]
        self._running_alone = None
        self._to_stop.clear()

    def _outcome(self, trial: Trial) -> Outcome:
        return Outcome(trial.state, self.history.values(trial), len(trial.curve))
