"""Graphs made in Python, step by step, without a text.

A builder makes the same document that a text is read into, so everything that holds for documents holds here: names,
expressions, types, errors at their place (the line of Python that added the step), and `Graph.text()` to write it down.

    net = Builder("tiny", image=Map(1, 8, 8))
    stem = net.add("conv", out_channels=8, kernel_size=3)
    main = net.add("conv", out_channels=8, kernel_size=3, activation="none")
    net.add("add", main, stem)
    net.add("global_avg_pool")
    graph = net.graph(logits=net.add("linear", out_features=10))
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from types import FrameType

from blocks.types import Map, Type, Vector
from graphs.document import Call, Document, Settings, Step, Template
from graphs.faults import FaultList, Mark, Source
from graphs.graph import Graph
from graphs.loading import graph_of
from graphs.parameters import read_params
from graphs.templates import read_library
from graphs.text import Mapping, Scalar, Sequence, Tree, parse_tree, source_of


@dataclass(frozen=True, slots=True)
class Ref:
    """A step of a builder, or one of its inputs, for others to read."""

    name: str


Given = bool | int | float | str | tuple[int | str, int | str] | list[int | str] | Ref


class Builder:
    """A document under construction. Its inputs are its keyword arguments: `Builder("net", image=Map(3, 224, 224))`.

    `params` are the document's parameters, which expressions may read; `blocks` is a text with templates, as in a
    library: `version: 1` and `blocks: {...}`.
    """

    def __init__(
        self, name: str, *, params: Settings | None = None, blocks: str = "", doc: str = "", **inputs: Type
    ) -> None:
        self._sources: dict[str, Source] = {}
        self._mark = self._place(sys._getframe(1))
        self._name, self._doc = name, doc
        self._faults = FaultList()
        self._params = params or {}
        for key, type in inputs.items():
            if not isinstance(type, Map | Vector):
                raise TypeError(f"the input `{key}` is a Map or a Vector, as in Map(3, 224, 224), got {type!r}")
        self._inputs = inputs
        self._templates = self._read_blocks(blocks)
        self._steps: list[Step] = []
        self._heads: dict[str, Ref] = {}
        self._numbers: dict[str, int] = {}

    def input(self, name: str) -> Ref:
        """An input, for a step to read."""
        return Ref(name)

    def add(
        self,
        block: str,
        *sources: Ref,
        name: str | None = None,
        repeat: int | str | None = None,
        first: AbstractMapping[str, Given] | None = None,
        when: str | None = None,
        **arguments: Given,
    ) -> Ref:
        """Add a step that reads `sources`, or the step before; what it is called is in the result.

        `repeat`, `first` and `when` are those of a document; a string among the arguments is a word or an expression.
        Mistakes are told by `graph`.
        """
        mark = self._place(sys._getframe(1))
        _refuse_other(sources)
        if name is None:
            self._numbers[block] = self._numbers.get(block, 0) + 1
            name = f"{block}{self._numbers[block]}"
        self._steps.append(
            Step(
                action=Call(Scalar(block, mark), self._map(arguments, mark)),
                mark=mark,
                name=Scalar(name, mark),
                sources=tuple(Scalar(source.name, mark) for source in sources) or None,
                repeat=None if repeat is None else Scalar(repeat, mark),
                first=None if first is None else self._map(first, mark),
                when=None if when is None else Scalar(when, mark),
            )
        )
        return Ref(name)

    def graph(self, **outputs: Ref) -> Graph:
        """The graph; the last step is its output unless others are named. Raises `DocumentError` with all faults."""
        _refuse_other(tuple(outputs.values()))
        missing = [what for what, there in (("input", self._inputs), ("step", self._steps)) if not there]
        if missing:
            help = 'Builder("net", image=Map(3, 32, 32)), and net.add("conv", out_channels=16)'
            message = f"a network has at least one {' and one '.join(missing)}"
            self._faults.add("missing-key", message, self._mark, help=help)
        self._faults.raise_if_any()
        return graph_of(self.document(**outputs))

    def training_output(self, **outputs: Ref) -> None:
        """Outputs that training has beside those of the graph; what only they need does not ship."""
        _refuse_other(tuple(outputs.values()))
        self._heads.update(outputs)

    def document(self, **outputs: Ref) -> Document:
        """The document as it stands."""
        mark = self._mark
        params = Mapping(tuple((Scalar(name, mark), Scalar(value, mark)) for name, value in self._params.items()), mark)
        return Document(
            source=mark.source,
            mark=mark,
            name=self._name,
            doc=self._doc,
            params=read_params(params, self._faults, of_document=True, holes=False),
            inputs=tuple((Scalar(name, mark), _spec(type, mark)) for name, type in self._inputs.items()),
            templates=self._templates,
            body=tuple(self._steps),
            outputs=tuple((Scalar(name, mark), Scalar(ref.name, mark)) for name, ref in outputs.items()),
            training_outputs=tuple((Scalar(name, mark), Scalar(ref.name, mark)) for name, ref in self._heads.items()),
        )

    def _read_blocks(self, text: str) -> dict[str, Template]:
        source = source_of(text, f"{self._name} (blocks)", self._faults) if text else None
        tree = parse_tree(source, self._faults) if source else None
        templates = read_library(tree, self._faults) if tree else {}
        self._faults.raise_if_any()
        return templates

    def _map(self, arguments: AbstractMapping[str, Given], mark: Mark) -> Mapping:
        return Mapping(tuple((Scalar(name, mark), _tree(value, mark)) for name, value in arguments.items()), mark)

    def _place(self, frame: FrameType) -> Mark:
        """The line of Python that called."""
        file, line = frame.f_code.co_filename, frame.f_lineno
        if file not in self._sources:
            lines = tuple(text.rstrip("\n") for text in linecache.getlines(file, frame.f_globals))
            self._sources[file] = Source(file, lines)
        source = self._sources[file]
        text = source.lines[line - 1] if line <= len(source.lines) else ""
        column = len(text) - len(text.lstrip()) + 1
        return Mark(source, line, column, max(len(text) + 1, column + 1))


def _refuse_other(refs: tuple[object, ...]) -> None:
    for ref in refs:
        if not isinstance(ref, Ref):
            raise TypeError(f"a step reads what `add` or `input` gave, got {ref!r}")


def _tree(value: Given, mark: Mark) -> Tree:
    if isinstance(value, Ref):
        return Scalar(value.name, mark)
    if isinstance(value, tuple | list):
        return Sequence(tuple(Scalar(item, mark) for item in value), mark)
    return Scalar(value, mark)


def _spec(type: Type, mark: Mark) -> Mapping:
    sizes = Sequence(tuple(Scalar(size, mark) for size in type.shape), mark)
    shape = (Scalar("map", mark), sizes) if isinstance(type, Map) else (Scalar("vector", mark), sizes.items[0])
    dtype = () if type.dtype == "float32" else ((Scalar("dtype", mark), Scalar(type.dtype, mark)),)
    return Mapping((shape, *dtype), mark)
