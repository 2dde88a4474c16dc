"""Bodies on a walk without networks: what the names of their steps stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blocks.types import Type
from graphs.arguments import Argument
from graphs.resolving import BEFORE
from search_spaces.getters import Names, NotLegal, Traits, TraitValues
from search_spaces.programs import TemplatePlan
from search_spaces.purses import Value


@dataclass(slots=True)
class Body:
    """A body on the way: the names that its values may read, those of them that are traits of its input, the input, its
    named steps, and where its decisions stand."""

    names: Names
    traits: Traits
    source: Value | None
    address: str
    values: dict[str, Value]

    def bind_input(self, source: Value | None) -> None:
        """What is called `in` from now on."""
        if self.traits.names:
            self.traits.bind(self.names, self.traits.of(None if source is None else source.type))


def named_value(name: str, body: Body) -> Value:
    """The value of a step or an input. Raises `NotLegal`."""
    if name == "in" and body.source is not None:
        return body.source
    try:
        return body.values[name]
    except KeyError:
        raise NotLegal from None


def node_value(word: str, source: Value, body: Body) -> Value:
    """The value of the step that an argument names, for a call that reads `source`. Raises `NotLegal`."""
    if word == BEFORE and BEFORE not in body.values:
        if source.before is None:
            raise NotLegal
        return Value(source.before, source.before_at)
    return named_value(word, body)


def inner_names(
    template: TemplatePlan,
    values: Mapping[str, Argument],
    nodes: Mapping[str, Type],
    source: Type,
    known: TraitValues | None = None,
) -> Names:
    """What the values of a template may read: its parameters, bound as `graphs.binding` does it, and traits of what it
    is given. `known` are those of its input, where nothing else is known of that. Raises `NotLegal`."""
    names: Names = {}
    if template.constants is not None:
        names.update(template.constants)
        names.update(values)  # type: ignore[arg-type]
    if template.traits.names:
        template.traits.bind(names, template.traits.of(source) if known is None else known)
    for name, traits, default in () if template.constants is not None else template.params:
        if traits is not None:
            traits.bind(names, traits.of(nodes[name]))
            continue
        value = values.get(name)
        if value is None and default is not None:
            try:
                value = default(names)
            except NotLegal:
                continue
        if value is not None:
            names[name] = value
    for where in template.where:
        if where(names) is not True:
            raise NotLegal
    return names
