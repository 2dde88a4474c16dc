"""Asynchronous successive halving and Hyperband: who goes on, who waits, who never will."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.fidelity import Fidelity, earliest_rung
from nas.halving import MAX_WAITING, Halving, _deal, sort_non_dominated

ASHA = Fidelity(method="asha")


@pytest.mark.parametrize(
    ("num_epochs", "rungs"),
    [
        (108, (4, 12, 36)),
        (81, (3, 9, 27)),
        (24, (1, 3, 8)),
        (15, (1, 2, 5)),
        (9, (1, 3)),
        (3, (1,)),
        (2, (1,)),
        (1, ()),
    ],
)
def test_rungs_are_thirds_of_the_training_down_to_four_percent(num_epochs: int, rungs: tuple[int, ...]) -> None:
    assert ASHA.rungs(num_epochs) == rungs


def test_rungs_go_up_from_the_first_that_was_asked_for() -> None:
    assert Fidelity(method="asha", first_rung=4).rungs(108) == (4, 12, 36)
    assert Fidelity(method="asha", first_rung=5).rungs(16) == (5, 15)
    assert Fidelity(method="asha", first_rung=1, eta=2).rungs(8) == (1, 2, 4)
    assert Fidelity(method="asha", first_rung=30).rungs(30) == ()
    assert Fidelity(method="full", first_rung=1).rungs(30) == ()


def test_no_rung_is_so_early_that_the_accuracy_says_nothing_yet() -> None:
    # 1,000 images in batches of 128 are 8 steps an epoch; 22 steps are over in the third.
    assert earliest_rung(1000, 128) == 3
    assert earliest_rung(50_000, 128) == 1
    assert earliest_rung(1, 128) == 22
    assert Fidelity(earliest=3).rungs(24) == (3, 8)
    assert Fidelity(earliest=3).rungs(3) == ()
    assert Fidelity(earliest=3, first_rung=1).rungs(24) == (1, 3, 9)  # who asks for it gets it


def test_hyperband_deals_trials_to_brackets_in_the_numbers_of_its_paper() -> None:
    # Li et al. 2018, table 1: R = 81, eta = 3 begins 81, 34, 15, 8 and 5 configurations; here without the lowest rung.
    # n = ceil((s_max + 1) / (s + 1) * eta^s) for s_max = 3: 27, 12, 6, 4.
    fidelity = Fidelity(method="hyperband")
    assert fidelity.brackets(81) == ((3, 9, 27), (9, 27), (27,), ())
    halving = Halving(fidelity, 81)
    first_stops = []
    for trial in range(49):
        first_stops.append(halving.first_stop())
        halving.begin(trial)
    assert Counter(first_stops) == {3: 27, 9: 12, 27: 6, 81: 4}
    assert set(first_stops[:12]) == {3, 9, 27, 81}  # dealt, not one bracket after the other


class Search:
    """One worker, whose trials have a fixed value at all epochs. `tells_ends` says whether it is told what is over."""

    def __init__(self, values: list[float], halving: Halving, *, tells_ends: bool = False) -> None:
        self.halving = halving
        self.tells_ends = tells_ends
        self.values = values
        self.epochs: dict[int, int] = {}
        self.log: list[tuple[int, int]] = []
        self.stopped: list[int] = []

    def step(self, num_epochs: int = 27) -> bool:
        while (trial := self.halving.hopeless()) is not None:
            self.halving.stop(trial)
            self.stopped.append(trial)
            if self.tells_ends:
                self.halving.end(trial)
        if (promotion := self.halving.promotion()) is not None:
            trial, until = promotion
            self.halving.promote(trial, self.epochs[trial])
        elif len(self.epochs) < len(self.values):
            trial, until = len(self.epochs), self.halving.first_stop()
            self.halving.begin(trial)
        else:
            return False
        self.log.append((trial, until))
        self.epochs[trial] = until
        if until < num_epochs:
            self.halving.pause(trial, until, (self.values[trial],))
        elif self.tells_ends:
            self.halving.end(trial)
        return True

    def run(self) -> Search:
        while self.step():
            pass
        return self


def search(values: list[float], num_trials: int | None = None, fidelity: Fidelity = ASHA) -> Search:
    return Search(values, Halving(fidelity, 27, num_trials)).run()


def test_the_best_third_of_a_rung_goes_on_and_the_rest_waits() -> None:
    done = search([0.1, 0.9, 0.5])
    # Rungs 1, 3, 9. Of three trials at rung 1 one goes on; at rung 3 it is alone, and a third of one is none.
    assert done.log == [(0, 1), (1, 1), (2, 1), (1, 3)]
    assert done.halving.paused() == [0, 1, 2]


def test_promotions_come_before_new_trials_and_from_the_highest_rung_first() -> None:
    done = search([0.1, 0.2, 0.9, 0.3, 0.4, 0.8, 0.5, 0.6, 0.7])
    assert done.log == [
        (0, 1),
        (1, 1),
        (2, 1),
        (2, 3),  # the best of three
        (3, 1),
        (4, 1),
        (5, 1),
        (5, 3),  # second of six, and two may go on
        (6, 1),
        (7, 1),
        (8, 1),
        (8, 3),  # third of nine
        (2, 9),  # three at rung 3: the best of them
    ]


def test_a_trial_may_be_promoted_long_after_others_once_there_are_enough_worse_ones() -> None:
    done = search([0.9, 0.8, 0.1, 0.1, 0.1, 0.1])
    assert done.log.index((0, 3)) == 3
    assert done.log[-1] == (1, 3)


def test_ties_go_to_the_lower_loss_and_then_to_the_elder() -> None:
    halving = Halving(ASHA, 27)
    for trial, loss in enumerate([0.5, 0.2, 0.2]):
        halving.begin(trial)
        halving.pause(trial, 1, (0.9,), loss)
    assert halving.promotion() == (1, 3)


def test_what_diverged_before_a_rung_counts_there_as_the_worst() -> None:
    halving = Halving(ASHA, 27)
    for trial in range(3):
        halving.begin(trial)
    halving.pause(0, 1, (0.1,))
    halving.break_off(1, 0)
    assert halving.promotion() is None
    halving.break_off(2, 0)
    assert halving.promotion() == (0, 3)
    halving.promote(0, 1)
    assert halving.promotion() is None


def test_a_trial_that_comes_to_a_rung_again_is_not_its_own_rival() -> None:
    halving = Halving(ASHA, 27)
    for trial in range(2):
        halving.begin(trial)
    for _ in range(5):
        halving.pause(0, 1, (0.5,))
    halving.pause(1, 1, (0.4,))
    assert halving.promotion() is None


def test_several_objectives_are_ranked_by_fronts_and_then_by_crowding() -> None:
    # By hand: a, b, c and f are not dominated; d is by b alone, e by d, too.
    values = {"a": (4.0, 1.0), "b": (3.0, 3.0), "c": (1.0, 4.0), "d": (2.0, 2.0), "e": (1.0, 1.0), "f": (2.8, 3.1)}
    numbers = {number: values[name] for number, name in enumerate("abcdef")}
    places = sort_non_dominated(numbers)
    assert [places[number][0] for number in range(6)] == [0, 0, 0, 1, 2, 0]
    assert places[0][1] == places[2][1] == math.inf
    # b's neighbours are a and f: (4 - 2.8) / 3 + (3.1 - 1) / 3; f's are b and c: (3 - 1) / 3 + (4 - 3) / 3.
    assert places[1][1] == pytest.approx(1.1)
    assert places[5][1] == pytest.approx(1.0)


def test_of_several_objectives_the_best_third_goes_on() -> None:
    halving = Halving(ASHA, 27)
    for trial, values in enumerate([(0.9, -5.0), (0.5, -9.0), (0.4, -1.0), (0.3, -9.0), (0.8, -6.0), (0.2, -2.0)]):
        halving.begin(trial)
        halving.pause(trial, 1, values)
    going_on = []
    while (promotion := halving.promotion()) is not None:
        going_on.append(promotion[0])
        halving.promote(promotion[0], 1)
    assert sorted(going_on) == [0, 2]


def test_nobody_is_hopeless_who_would_have_been_promoted() -> None:
    values = [math.sin(37 * number) for number in range(90)]
    bounded, unbounded = search(values, num_trials=90), search(values)
    assert bounded.log == unbounded.log
    assert bounded.stopped
    paused_at_first_rung = sum(bounded.epochs[trial] == 1 for trial in bounded.halving.paused())
    assert paused_at_first_rung <= 90 // 3


def test_what_waits_at_a_rung_is_bounded_however_long_the_search() -> None:
    done = Search([math.sin(37 * number) for number in range(1500)], Halving(Fidelity(method="asha"), 27))
    while done.step():
        assert len(done.halving.paused()) <= 3 * MAX_WAITING + 1
    assert max(done.epochs.values()) == 27


@pytest.mark.parametrize("method", ["asha", "hyperband"])
def test_trials_that_are_over_count_as_before(method: str) -> None:
    values = [round(math.sin(37 * number), 1) for number in range(300)]  # many are equal
    untold, told = (
        Search(values, Halving(Fidelity(method=method), 27, 300), tells_ends=tells_ends).run()
        for tells_ends in (False, True)
    )
    assert told.stopped == untold.stopped
    assert told.log == untold.log
    assert len(told.stopped) > 100


def test_the_best_that_was_trained_furthest_can_be_brought_to_the_end() -> None:
    done = search([0.1, 0.9, 0.5])
    assert done.halving.best_paused() == 1  # at rung 3
    done.halving.promote(1, 3)
    assert done.halving.best_paused() == 2


class Play:
    """One worker at one bracket of the rungs 1, 3 and 9, and what its definition says of it: everything is counted
    anew each time. `came` has for each rung the values of all that came there, None of what broke off before."""

    def __init__(self, num_trials: int) -> None:
        self.halving = Halving(ASHA, 27, num_trials)
        self.num_trials = num_trials
        self.num_begun = 0
        self.came: dict[int, dict[int, tuple[float, ...] | None]] = {1: {}, 3: {}, 9: {}}
        self.waiting: dict[int, set[int]] = {1: set(), 3: set(), 9: set()}
        self.num_stopped = dict.fromkeys(self.came, 0)

    def step(self, values: tuple[float, ...], breaks_after: int | None) -> None:
        """A trial is promoted or begun; it comes to its next rung, or breaks off after an epoch, maybe an early one as
        it had to begin anew."""
        while (trial := self.halving.hopeless()) is not None:
            assert trial == self._hopeless()
            self.halving.stop(trial)
            self.halving.end(trial)
            [epoch] = [epoch for epoch, trials in self.waiting.items() if trial in trials]
            self.waiting[epoch].discard(trial)
            self.num_stopped[epoch] += 1
        assert self._hopeless() is None
        assert self.halving.promotion() == self._promotion()
        if (promotion := self.halving.promotion()) is not None:
            trial, until = promotion
            epoch = {3: 1, 9: 3, 27: 9}[until]
            self.halving.promote(trial, epoch)
            self.waiting[epoch].discard(trial)
        else:
            trial, until = self.num_begun, 1
            self.halving.begin(trial)
            self.num_begun += 1
        if breaks_after is not None and breaks_after < until:
            self.halving.break_off(trial, breaks_after)
            later = [epoch for epoch in self.came if epoch > breaks_after]
            for epoch in later:
                if epoch == later[0] or trial in self.came[epoch]:
                    self.came[epoch][trial] = None
        elif until < 27:
            self.halving.pause(trial, until, values)
            self.came[until][trial] = values
            self.waiting[until].add(trial)
            return
        self.halving.end(trial)

    def _ranked(self, epoch: int) -> list[int]:
        """Those that came to a rung and did not break off before, the best first."""
        whole = {trial: values for trial, values in self.came[epoch].items() if values is not None}
        if all(len(values) == 1 for values in whole.values()):
            return sorted(whole, key=lambda trial: (-whole[trial][0], trial))
        places = sort_non_dominated(whole)
        return sorted(whole, key=lambda trial: (places[trial][0], -places[trial][1], trial))

    def _promotion(self) -> tuple[int, int] | None:
        for epoch, until in ((9, 27), (3, 9), (1, 3)):
            best = self._ranked(epoch)[: len(self.came[epoch]) // 3]
            if going := [trial for trial in best if trial in self.waiting[epoch]]:
                return going[0], until
        return None

    def _hopeless(self) -> int | None:
        for epoch in (9, 3, 1):
            num_stopped = sum(num for earlier, num in self.num_stopped.items() if earlier < epoch)
            num_kept = max(1, (max(self.num_trials, self.num_begun) - num_stopped) // 3)
            late = [trial for trial in self._ranked(epoch)[num_kept:] if trial in self.waiting[epoch]]
            if late:
                return late[-1]
        return None


FATES = st.none() | st.none() | st.integers(0, 8)


@pytest.mark.parametrize("num_objectives", [1, 2])
@given(plays=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), FATES), max_size=60))
def test_ranks_are_those_among_all_that_came_to_a_rung(
    num_objectives: int, plays: list[tuple[int, int, int | None]]
) -> None:
    play = Play(num_trials=20)
    for first, second, breaks_after in plays:
        play.step((float(first), float(second))[:num_objectives], breaks_after)


@pytest.mark.parametrize("method", ["asha", "hyperband"])
def test_trials_are_dealt_as_one_after_the_other_however_many_they_are(method: str) -> None:
    fidelity = Fidelity(method=method)
    shares = fidelity.shares(81)
    for total in (*range(60), 1000, 54_321):
        counts = [0] * len(shares)
        for _ in range(total):
            at = min(range(len(shares)), key=lambda index: (counts[index] + 1) / shares[index])
            counts[at] += 1
        assert _deal(total, shares) == counts
    counts = _deal(10**12, shares)
    assert sum(counts) == 10**12
    assert all(count == pytest.approx(share * 10**12, abs=2) for count, share in zip(counts, shares, strict=True))


def test_hyperband_also_trains_some_trials_to_the_end_at_once() -> None:
    done = search([0.5] * 60, num_trials=60, fidelity=Fidelity("hyperband"))
    assert {until for _, until in done.log} == {1, 3, 9, 27}
    whole = [trial for trial, until in done.log if until == 27 and (trial, 1) not in done.log]
    assert len(whole) >= 60 // 12


SMALL = st.integers(0, 4)


@given(
    st.lists(st.tuples(SMALL, SMALL), min_size=1, max_size=30)
    | st.lists(st.tuples(SMALL, SMALL, SMALL), min_size=1, max_size=30)
)
def test_fronts_are_what_their_definition_says(points: list[tuple[int, ...]]) -> None:
    values = {number: tuple(map(float, point)) for number, point in enumerate(points)}
    fronts = {number: front for number, (front, _) in sort_non_dominated(values).items()}

    def beats(one: int, other: int) -> bool:
        return values[one] != values[other] and all(a >= b for a, b in zip(values[one], values[other], strict=True))

    for number in values:
        better = [fronts[other] for other in values if beats(other, number)]
        assert fronts[number] == (max(better) + 1 if better else 0)
