"""What the holes of a document offer: the decision of each, with how many ways every alternative leaves."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping

from graphs.document import Choice, Step, Template, hole_alternatives, hole_weights
from graphs.text import Tree
from search_spaces.counts import Counts
from search_spaces.decisions import Decision, plain, value_decision


class Offers:
    """The decisions of a document's holes by their addresses, each made once.

    `with_holes` are the blocks that leave something open. `sizes` and `masses` count the ways to fill what a hole may
    hold, `masses` with their prior weights.
    """

    def __init__(self, with_holes: AbstractMapping[str, Template]) -> None:
        self.sizes = Counts(with_holes, weighted=False)
        self.masses = Counts(with_holes, weighted=True)
        self._known: dict[str, Decision] = {}
        self._trees: dict[str, tuple[Tree, ...]] = {}

    def choice_decision(self, address: str, choice: Choice) -> Decision:
        """The decision between the alternatives of a choice of steps."""
        if address not in self._known:
            names = tuple(name.text for name, _ in choice.alternatives)
            sizes, masses = self.sizes.alternatives(choice), self.masses.alternatives(choice)
            self._known[address] = Decision(address, "step", names, sizes, masses, choice.weights)
        return self._known[address]

    def repeat_decision(self, address: str, step: Step) -> Decision:
        """The decision of how often a step is repeated."""
        place = f"{address}.repeat"
        if place not in self._known:
            assert step.repeat is not None
            repeats = tuple(map(plain, hole_alternatives(step.repeat) or ()))
            sizes, masses = self.sizes.repeats(step), self.masses.repeats(step)
            self._known[place] = Decision(place, "repeat", repeats, sizes, masses, hole_weights(step.repeat))
        return self._known[place]

    def value_decision(self, address: str, hole: Tree) -> Decision:
        """The decision of a hole where a value stands."""
        if address not in self._known:
            self._known[address] = value_decision(address, hole)
        return self._known[address]

    def alternatives(self, address: str, hole: Tree) -> tuple[Tree, ...]:
        """What may stand at a hole."""
        if address not in self._trees:
            self._trees[address] = hole_alternatives(hole) or ()
        return self._trees[address]
