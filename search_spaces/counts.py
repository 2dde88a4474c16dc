"""How many ways there are to fill the holes of a part of a document: numbers of points, or sums of their weights."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from math import prod

from graphs.document import (
    Action,
    Call,
    Choice,
    Parallel,
    Sequential,
    Share,
    Step,
    Template,
    hole_alternatives,
    hole_weights,
)
from graphs.text import Mapping, Scalar, Tree


class Counts:
    """Counts over one document, each step counted once. `templates` are those with holes."""

    def __init__(self, templates: AbstractMapping[str, Template], *, weighted: bool) -> None:
        self._templates = templates
        self._weighted = weighted
        self._known: dict[int, int] = {}

    def body(self, body: tuple[Step, ...]) -> int:
        """The ways to fill the holes of a body."""
        return prod(self.step(step) for step in body)

    def step(self, step: Step) -> int:
        """The ways to fill the holes of a step: what it reads, how often it is repeated, and what is inside."""
        key = id(step)
        if key not in self._known:
            sources = prod(self.hole(source) for source in step.sources or () if isinstance(source, Mapping))
            if hole_alternatives(step.repeat) is None:
                inside = self.inside(step, step.repeat)
            else:
                inside = sum(self.repeats(step))
            self._known[key] = sources * inside
        return self._known[key]

    def inside(self, step: Step, repeat: Tree | None) -> int:
        """The ways to fill the holes of what a step does so often."""
        if is_zero(repeat):
            return 1
        once = self.action(step.action)
        ways: int = once ** count_of(repeat) if step.each else once
        return ways * self.values(step.first)

    def repeats(self, step: Step) -> tuple[int, ...]:
        """The ways to fill the holes of a step for each alternative of its repetition."""
        assert step.repeat is not None
        weights = self._weights(hole_weights(step.repeat))
        return tuple(
            weight * self.inside(step, repeat)
            for weight, repeat in zip(weights, hole_alternatives(step.repeat) or (), strict=True)
        )

    def action(self, action: Action) -> int:
        """The ways to fill the holes of an action."""
        match action:
            case Call(key=key, arguments=arguments):
                template = self._templates.get(key.text)
                return self.values(arguments) * (1 if template is None or template.once else self.body(template.body))
            case Sequential(body=body):
                return self.body(body)
            case Parallel(branches=branches):
                return prod(self.body(body) for _, body in branches)
            case Share():
                return 1
            case Choice():
                return sum(self.alternatives(action))

    def alternatives(self, choice: Choice) -> tuple[int, ...]:
        """The ways to fill the holes of each alternative."""
        weights = self._weights(choice.weights)
        return tuple(
            weight * self.action(action) for weight, (_, action) in zip(weights, choice.alternatives, strict=True)
        )

    def values(self, arguments: Mapping | None) -> int:
        """The ways to fill the holes of arguments."""
        trees = (tree for _, tree in (arguments.entries if arguments else ()))
        return prod(self.hole(tree) for tree in trees if hole_alternatives(tree))

    def hole(self, tree: Tree) -> int:
        """The ways to fill one hole."""
        return sum(self._weights(hole_weights(tree)))

    def _weights(self, weights: tuple[int, ...]) -> tuple[int, ...]:
        return weights if self._weighted else (1,) * len(weights)


def count_of(repeat: Tree | None) -> int:
    """How often a step that decides at each repetition is repeated."""
    value = repeat.value if isinstance(repeat, Scalar) else None
    assert isinstance(value, int), "refused when it was read"
    return value


def is_zero(repeat: Tree | None) -> bool:
    """Whether a step that is repeated so often is not done at all."""
    return isinstance(repeat, Scalar) and repeat.value == 0 and repeat.value is not False
