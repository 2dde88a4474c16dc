"""Studies as files: YAML or JSON, with mistakes told at their place.

    version: 1
    space: cnn
    data: photos
    budget: {max_params: 1M, max_macs: 100M}
    time: 2h

Paths are relative to the file, where a name is none that ships. Whether the keys go together is found out later: an
error of whatever looks them up is told at the key inside `StudyFile.located`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import search_spaces
from blocks.errors import BudgetError, FixpointError
from graphs import DocumentError
from graphs.faults import Fault, FaultList, Mark, Source, nearest, one_of
from graphs.text import Mapping as MapTree
from graphs.text import Scalar, Sequence, Tree, parse_tree, read_source
from nas.contradictions import sound_part, study_of
from nas.mistakes import parts_of, together
from nas.study import Study, StudyError, StudyFault, keys_of, merged
from search_spaces import NotFoundError
from search_spaces.catalog import SUFFIXES, nearest_file

VERSION = 1

_EXAMPLE = "version: 1, space: cnn, data: photos, budget: {max_params: 1M}"
_OF_DOCUMENTS = ("net", "input", "output", "blocks")
TABLE_SUFFIXES = (".csv", ".gz", ".tsv")
_DATA_SUFFIXES = (".npz", ".csv", "")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class StudyFile:
    """The keys of a file, as `study_of` takes them, and where each stands in it: itself, and its value.

    `missing` are the faults of keys that name files which aren't there.
    """

    source: Source
    keys: Mapping[str, Any]
    keys_at: Mapping[KeyPath, Mark]
    values_at: Mapping[KeyPath, Mark]
    missing: tuple[StudyFault, ...]

    def study(self, given: Mapping[str, Any]) -> Study:
        """The study of this file with the keys that were `given` beside it in place of its own.

        Raises: DocumentError; StudyError where only what was given is wrong.
        """
        study, faults = self._study(given)
        if faults:
            raise self.told(StudyError(*faults), given)
        return study

    def sound_part(self, given: Mapping[str, Any]) -> tuple[Study, set[str]]:
        """The study of the keys that nothing is wrong with, and the names of those that are at fault."""
        _, faults = self._study(given)
        return sound_part(merged(self.keys, given), faults)

    def _study(self, given: Mapping[str, Any]) -> tuple[Study, list[StudyFault]]:
        """The study, or that of no keys, and what is wrong with it."""
        missing = [fault for fault in self.missing if not _is_given(fault.place, given)]
        try:
            return study_of(merged(self.keys, given)), missing
        except StudyError as error:
            return Study(space=""), [*error.faults, *missing]

    @contextmanager
    def located(self, given: Mapping[str, Any]) -> Iterator[None]:
        """Inside, mistakes of the file are told at their place; keys that were `given` beside it are not its."""
        try:
            yield
        except FixpointError as error:
            raise self.told(error, given) from None

    def told(self, error: FixpointError, given: Mapping[str, Any]) -> FixpointError:
        """An error with what the file is at fault for at its place, all of it together; as it is without any."""
        located: list[Fault] = []
        others: list[FixpointError] = []
        for one in parts_of(error):
            own = [self._locate(fault) for fault in _faults_of(one) if not _is_given(fault.place, given)]
            if isinstance(one, DocumentError) and all(fault.mark.source is self.source for fault in one.faults):
                own = [*one.faults]
            located += own
            others += [] if own else [one]
        return together((DocumentError(located), *others)) if located else error

    def _locate(self, fault: StudyFault) -> Fault:
        """The fault at its key, or at the nearest that the file has."""
        marks = self.keys_at if fault.slug == "unknown-key" else self.values_at
        path = fault.place
        while path and path not in marks:
            path = path[:-1]
        message, *notes = fault.message.splitlines()
        mark = marks.get(path, self.values_at[()])
        return Fault(fault.slug, message.rstrip(":"), mark, fault.help, tuple(map(str.strip, notes)))


def study_schema() -> dict[str, Any]:
    """The JSON Schema of study files, for editors: their form; what they name is for `nas check`."""
    schema = Study.model_json_schema()
    version = {"description": "The version of the language of studies.", "enum": [VERSION]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Fixpoint study",
        "description": "What a search is asked for.",
        "properties": {"version": version, **schema["properties"]},
        "required": ["version", *schema["required"]],
    }


def is_study(path: Path) -> bool:
    """Whether a file looks like a study, sound or not: a map with a key of studies, and none of what a network has."""
    faults = FaultList()
    source = read_source(path, faults)
    tree = parse_tree(source, faults) if source else None
    if not isinstance(tree, MapTree):
        return False
    found = {key.text for key, _ in tree}
    return bool(found & Study.model_fields.keys()) and not found & {*_OF_DOCUMENTS}


def read_study(path: str | Path) -> StudyFile:
    """The keys of a study file. Raises: NotFoundError; DocumentError where it is no map of keys with a version."""
    path, faults = Path(path), FaultList()
    if not path.is_file():
        help = (
            nearest_file(path, SUFFIXES) or "a study is a file; its keys are flags as well: --space cnn --data photos"
        )
        if str(path) in search_spaces.names("space"):
            help = f"`{path}` is a space: nas search --space {path} --data ..."
        raise NotFoundError(f"there is no study `{path}`", help=help)
    source = read_source(path, faults)
    tree = parse_tree(source, faults) if source else None
    faults.raise_if_any()
    assert tree is not None
    if not isinstance(tree, MapTree):
        faults.add("wrong-shape", "a study is a map of keys and values", tree.mark, help=_EXAMPLE)
        faults.raise_if_any()
    assert isinstance(tree, MapTree)
    foreign = next((key for key, _ in tree if key.text in _OF_DOCUMENTS), None)
    if foreign is not None:
        help = f"a space is searched by: nas search --space {path} --data ..."
        faults.add("wrong-shape", "this is the document of a network or a space, not a study", foreign.mark, help=help)
        faults.raise_if_any()
    _check_version(tree, faults)
    keys_at: dict[KeyPath, Mark] = {}
    values_at: dict[KeyPath, Mark] = {}
    keys = _data(tree, (), keys_at, values_at)
    del keys["version"]
    missing: list[StudyFault] = []
    if isinstance(time := keys.get("time"), int | float) and not isinstance(time, bool):
        keys["time"] = f"{time:g}"  # which lacks a unit
    keys = {name: _from_there(name, value, path.parent, missing) for name, value in keys.items()}
    if isinstance(given := keys.get("table"), Mapping) and isinstance(given.get("file"), str):
        keys["table"] = {**given, "file": _table_from_there(given["file"], path.parent, missing)}
    return StudyFile(tree.mark.source, keys, keys_at, values_at, tuple(missing))


def _check_version(tree: MapTree, faults: FaultList) -> None:
    version = tree.get("version")
    if version is None:
        faults.add("version", "a study says its version", tree.mark, help=f"begin with `version: {VERSION}`")
    elif not isinstance(version, Scalar) or version.value != VERSION or isinstance(version.value, bool):
        message = f"this program reads version {VERSION} of studies"
        faults.add("version", message, version.mark, help=f"version: {VERSION}")
    faults.raise_if_any()


def _data(tree: Tree, path: KeyPath, keys_at: dict[KeyPath, Mark], values_at: dict[KeyPath, Mark]) -> Any:
    values_at[path] = tree.mark
    match tree:
        case Scalar():
            return tree.value
        case Sequence():
            return [_data(item, (*path, index), keys_at, values_at) for index, item in enumerate(tree.items)]
        case MapTree():
            keys_at.update({(*path, key.text): key.mark for key, _ in tree})
            return {key.text: _data(value, (*path, key.text), keys_at, values_at) for key, value in tree}


def _from_there(name: str, value: Any, folder: Path, missing: list[StudyFault]) -> Any:
    """A path of a study file as one of this process; a fault where it is to be read and nothing is there."""
    key = keys_of().get(name)
    if key is None or not key.is_path or not isinstance(value, str) or "://" in value:
        return value
    there = folder / Path(value).expanduser()
    if key.is_place or there.exists():
        return str(there)
    shipped = _shipped(name)
    if value not in shipped:
        suffixes: Collection[str] = SUFFIXES if name == "space" else _DATA_SUFFIXES
        help = nearest(value, shipped) or nearest_file(there, suffixes)
        if not help and shipped:
            help = f"there is {one_of(shipped)}, or a path relative to the study"
        message = f"there is no `{value}` beside the study" + (f", and no {name} of that name ships" if shipped else "")
        missing.append(StudyFault((name,), message, help or "paths are relative to the study"))
    return value


def _table_from_there(value: str, folder: Path, missing: list[StudyFault]) -> str:
    there = folder / Path(value).expanduser()
    if not there.exists():
        help = nearest_file(there, TABLE_SUFFIXES) or "paths are relative to the study"
        missing.append(StudyFault(("table", "file"), f"there is no `{value}` beside the study", help))
    return str(there)


def _shipped(name: str) -> tuple[str, ...]:
    """The names that a key takes where no file has them."""
    return search_spaces.names("space") if name == "space" else ("digits",) if name == "data" else ()


def _faults_of(error: FixpointError) -> tuple[StudyFault, ...]:
    """What an error says of keys of a study: of images, of budgets and of tables all of it."""
    from nas.data import DataError
    from nas.tables import TableError

    if isinstance(error, StudyError):
        return error.faults
    if isinstance(error, TableError):
        return (StudyFault(error.path, error.message, error.help),)
    if isinstance(error, DataError | BudgetError):
        key = "data" if isinstance(error, DataError) else "budget"
        return (StudyFault((key,), error.message, error.help),)
    return ()


def _is_given(path: KeyPath, given: Mapping[str, Any]) -> bool:
    """Whether the key at this path was given beside the file, in place of the file's own."""
    if not path or path[0] not in given:
        return False
    inner = given[str(path[0])]
    return len(path) == 1 or not isinstance(inner, Mapping) or path[1] in inner
