"""What comes before the first trial of a run: the space of a study and its images or its table, and whether they go
together.

Everything that can be found wrong is found here, before there is a folder. Imports no torch, unless a device is named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any

from blocks.errors import BudgetError, FixpointError
from blocks.types import Map, Vector
from graphs import Budget, DocumentError
from nas.answers import Answers
from nas.contradictions import refuse_contradictions
from nas.fidelity import earliest_rung
from nas.ledger import RunError
from nas.mistakes import Attempts, together
from nas.recipe import Recipe, default_recipe
from nas.records import Start, Started, fidelity_of
from nas.starts import find_starts
from nas.study import Study, StudyError, StudyFault, places
from nas.study_files import StudyFile
from nas.tables import Table, TableError, read_table
from nas.trainer import refuse_device
from search_spaces import Space, load, parse

if TYPE_CHECKING:
    from nas.data import Data


@dataclass(frozen=True)
class Opening:
    """A study with what its keys name: `images`, or `answers` where a table stands in place of trainings.

    `recipe` is whole: what the images suggest, and what the study has instead.
    """

    study: Study
    space: Space
    images: Data | None
    recipe: Recipe
    starts: tuple[Start, ...] = ()
    answers: Answers | None = None

    def started(self, name: str) -> Started:
        """The first line of a run of this name."""
        images = self.images
        source: Data | Table | None = self.answers.table if self.answers else images
        assert source is not None
        return Started(
            name=name,
            study=_anchored(self.study),
            space=self.space.name,
            space_text=self.space.text(),
            data=source.source,
            split_seed=images.split_seed if images else 0,
            fingerprint=source.fingerprint,
            recipe=self.recipe,
            versions=versions(),
            earliest_rung=self._earliest_rung,
            starts=self.starts,
            notes=self.notes,
            extremes=self.answers.extremes if self.answers else (0.0, 1.0),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth a look before the first trial, though nothing is wrong."""
        if self.images is not None:
            return (*self.images.notes, *self._note_on_rungs())
        return (self.answers.note,) if self.answers and self.answers.note else ()

    @property
    def _earliest_rung(self) -> int:
        return earliest_rung(len(self.images.search.train), self.recipe.batch_size) if self.images else 1

    def _note_on_rungs(self) -> Iterator[str]:
        """That a fidelity stops nothing, where trials are too short for it."""
        study, epochs = self.study, self.recipe.epochs
        rungs = fidelity_of(study, self._earliest_rung).rungs(epochs)
        if study.fidelity != "full" and epochs > 1 and not rungs:
            yield f"no rung of `{study.fidelity}` fits in {epochs} epochs: all trials run to the end"


def open_study(
    study: Study,
    space: Space | None = None,
    *,
    on_wait: Callable[[str], None] | None = None,
    is_for_a_run: bool = True,
) -> Opening:
    """What a study names, found and checked; `space` stands for the study's, where it stands in no file.

    `on_wait` is told of what may take some seconds, before it does. Where it is not for a run, no hand-designed
    networks are looked for: none of them could be at fault.

    Raises: StudyError; BudgetError where nothing in the space fits; DataError; what reading a space raises.
    """
    refuse_contradictions(study)
    if space is not None and study.set:
        help = "set its parameters on loading: search_spaces.load(name, {...})"
        raise StudyError.at("set", "`set` does not apply to a `Space` object", help=help)
    if study.table is not None:
        return _open_table(study, space or _load_set(study))
    tried = Attempts()
    found, images, recipe = _resolve(study, space, tried, on_wait=on_wait)
    tried.raise_if_any()
    assert found is not None
    assert images is not None
    starts = find_starts(found, study.space, study.budget, study.starts, on_wait) if is_for_a_run else ()
    return Opening(study, found, images, recipe, starts)


def _anchored(study: Study) -> Study:
    """The study as a ledger has it, which may be read from another folder: with whole paths of what it names again."""
    changes: dict[str, Any] = {}
    if study.storage is not None and "://" not in study.storage:
        changes["storage"] = str(Path(study.storage).resolve())
    if study.table is not None:
        changes["table"] = study.table.model_copy(update={"file": str(Path(study.table.file).resolve())})
    return study.model_copy(update=changes)


def study_in(file: StudyFile, given: Mapping[str, Any]) -> Study:
    """The study of a file, with the keys that were `given` beside it.

    Raises: as `StudyFile.study`; of keys that are wrong together with what is wrong with what the others name.
    """
    try:
        return file.study(given)
    except DocumentError as error:
        sound, wrong = file.sound_part(given)
        tried = Attempts()
        if sound.table is None and "table" not in wrong:
            _resolve(sound, None, tried, unknown=wrong)
        raise file.told(together((error, *tried.errors)), given) from None


def _resolve(
    study: Study,
    space: Space | None,
    tried: Attempts,
    *,
    unknown: Collection[str] = (),
    on_wait: Callable[[str], None] | None = None,
) -> tuple[Space | None, Data | None, Recipe]:
    """Finds what a study of images names: its space, its images and its whole recipe.

    Errors are collected in `tried`. Whatever depends on a key in `unknown`, or on a part that failed, is not checked.
    """
    from nas.data import load_data

    if not {"device", "address"} & {*unknown}:
        tried.result(partial(_refuse_device, study))
    declared = set() if space or "space" in unknown else tried.result(partial(_declared, study))
    images: Data | None = None
    if study.data is not None and "data" not in unknown:
        if on_wait:
            name = space.name if space else study.space
            on_wait(f"reading `{study.data}`, and working out what networks of `{name}` cost")
        images = tried.result(partial(load_data, study.data))
    facts = _facts(images) if images else {}
    known = {name: fact for name, fact in facts.items() if name in (declared or ())}
    if space is None and declared is not None and "space" not in unknown:
        space = tried.result(partial(_load_set, study, known))
    if space is not None and "budget" not in unknown and (images or not {*FACTS} & (declared or set())):
        tried.result(partial(_check_space, space, study.budget, images))
    recipe = _recipe(study, images)
    if images is not None or "epochs" in study.recipe.model_fields_set:
        tried.result(partial(_refuse_epochs, study, recipe))
    return space, images, recipe


def _refuse_device(study: Study) -> None:
    """Raises StudyError where torch can't compute where the study says."""
    try:
        refuse_device(final_device(study))
    except FixpointError as error:
        raise StudyError.at("device", error.message, help=error.help) from None


def _recipe(study: Study, images: Data | None) -> Recipe:
    """How candidates are trained: as images of this size suggest, but for what the study has instead. Where it says
    nothing else, a final training is as long as that of a trial, or longer."""
    _, height, width = images.search.image_shape if images else (1, 1, 1)
    changes = study.recipe.model_dump(exclude_unset=True)
    recipe = default_recipe(height, width).model_copy(update=changes)
    if "final_epochs" in changes:
        return recipe
    return recipe.model_copy(update={"final_epochs": max(recipe.epochs, recipe.final_epochs)})


def _refuse_epochs(study: Study, recipe: Recipe) -> None:
    """Raises StudyError where `first_rung` or `final_epochs` does not go with `epochs`."""
    found: list[StudyFault] = []
    if study.first_rung is not None and study.first_rung >= recipe.epochs:
        message = f"`first_rung` is {study.first_rung}, and a trial has {recipe.epochs} epochs"
        found.append(StudyFault(("first_rung",), message, "a rung is before the last epoch; or: fidelity: full"))
    if recipe.final_epochs < recipe.epochs:
        message = f"`final_epochs` is {recipe.final_epochs}, and a trial has {recipe.epochs} epochs"
        help = "the best are trained again at least as long as a trial, or longer"
        found.append(StudyFault(("recipe", "final_epochs"), message, help))
    if found:
        raise StudyError(*found)


def reopen(folder: Path, started: Started, places: Mapping[str, object]) -> Opening:
    """What a run began with, to be gone on with in other `places`.

    Raises: RunError where the images have changed; StudyError; DataError.
    """
    from nas.data import load_data

    study = _moved(started.study, places)
    if study.table is not None:
        opening = _open_table(study, parse(started.space_text, f"the space of {folder}"))
        assert opening.answers is not None
        if opening.answers.table.fingerprint != started.fingerprint:
            raise RunError(
                f"the table {started.data} is not the one that {folder} began with",
                help="bring back the table as it was, or begin a new run",
            )
        return opening
    refuse_device(final_device(study))
    images = load_data(started.data, started.split_seed)
    if images.fingerprint != started.fingerprint:
        raise RunError(
            f"the images at {started.data} are not those that {folder} began with",
            help="bring back the images as they were, or begin a new run",
        )
    return Opening(study, parse(started.space_text, f"the space of {folder}"), images, started.recipe)


def _open_table(study: Study, space: Space) -> Opening:
    """A study whose trials are looked up, and which begins with no hand-designed network: it is about samplers.

    Raises: TableError, BudgetError, DecisionError.
    """
    lookup = study.table
    assert lookup is not None
    space.refuse_impossible(study.budget)
    answers = Answers(space, read_table(lookup.file), lookup)
    try:
        answers.domain.draws(study.budget).next()
    except BudgetError:
        what, help = f"keeps {study.budget}", "raise the budget, or give another table"
        if not study.budget:
            what, help = "is a legal network", "give another table"
        raise TableError(
            f"no row of {answers.table.source} is a point of `{space.name}` that {what}", help=help
        ) from None
    return Opening(study, answers.domain, None, Recipe(epochs=lookup.epochs[-1]), answers=answers)


def _moved(study: Study, given: Mapping[str, object]) -> Study:
    """The study in other places. With another executor go the workers and the cluster of the one before."""
    keys = {name: value for name, value in given.items() if value is not None}
    if unknown := sorted(keys.keys() - {*places()}):
        message = f"`{unknown[0]}` can't change in a run that has begun"
        raise StudyError.at(unknown[0], message, help=f"these can: {', '.join(places())}; or begin a new run")
    asked = study.as_dict()
    if "executor" in keys:
        asked = {name: value for name, value in asked.items() if name not in places()}
    study = Study.of({**asked, **keys})
    refuse_contradictions(study, places())
    return study


def final_device(study: Study) -> str:
    """Where the driver itself trains: of a cluster's GPUs nothing follows for the machine that it runs on."""
    return "auto" if study.address is not None and study.device != "cpu" else study.device


FACTS = ("classes", "channels", "size")


def _facts(images: Data) -> dict[str, int]:
    """What the images say of a space's `params` of these names."""
    channels, height, _ = images.search.image_shape
    return dict(zip(FACTS, (len(images.search.classes), channels, height), strict=True))


def _declared(study: Study) -> set[str]:
    """The parameters of the study's space."""
    return set(load(study.space).document.param_names)


def _load_set(study: Study, facts: Mapping[str, int] | None = None) -> Space:
    """The space, its `params` set to the facts, unless the study sets them.

    Raises: StudyError where the space can't have what the study sets; DocumentError.
    """
    try:
        return load(study.space, {**(facts or {}), **study.set})
    except DocumentError:
        if faults := [fault for name in study.set for fault in _refused(study, name)]:
            raise StudyError(*faults) from None
        raise


def _refused(study: Study, name: str) -> Iterator[StudyFault]:
    """Why the space can't have this setting, where that is so whatever the others are."""
    try:
        load(study.space, {name: study.set[name]})
    except DocumentError as error:
        first = error.faults[0]
        message, slug = first.message, "bad-value"
        if name not in _declared(study):
            message, slug = f"the space `{Path(study.space).stem}` has no parameter `{name}`", "unknown-key"
        yield StudyFault(("set", name), message, first.help, slug)


def _check_space(space: Space, budget: Budget, images: Data | None) -> None:
    """Raises BudgetError where nothing in the space fits, DataError where its networks don't fit the images."""
    space.refuse_impossible(budget)
    if images is not None:
        _refuse_misfit(space, budget, images)


def _refuse_misfit(space: Space, budget: Budget, images: Data) -> None:
    """Raises DataError where the networks of the space don't take these images, or tell other classes apart."""
    from nas.data import DataError

    graph = space.sample(1, budget).points[0].graph
    shape, num_classes = images.search.image_shape, len(images.search.classes)
    wanted = [(type.channels, type.height, type.width) for type in graph.inputs.values() if isinstance(type, Map)]
    if wanted != [shape]:
        help = "set the `params` of the space that give its input"
        if shape[1] != shape[2] and all(height == width for _, height, width in wanted):
            help = f"bring them to squares, or give another `input` to a copy: nas space show {space.name} --as yaml"
        raise DataError(
            f"the networks of `{space.name}` take {_shapes(wanted)}, the images are {_shapes([shape])}", help=help
        )
    outputs = [graph.in_training.types[value] for value in graph.in_training.outputs.values()]
    fitting = all(isinstance(output, Vector) and output.features == num_classes for output in outputs)
    if len(graph.outputs) != 1 or not fitting:
        help = "a space for classification has one output, a vector with one feature per class; training outputs too"
        if all(isinstance(output, Vector) for output in outputs) and "classes" not in space.document.param_names:
            help = "call the parameter `classes`, which images set: `params: {classes: 10}`, `out_features: classes`"
        raise DataError(
            f"the networks of `{space.name}` give {', '.join(map(str, outputs))}, the images {num_classes} classes",
            help=help,
        )


def _shapes(shapes: list[tuple[int, int, int]]) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes) or "no images"


def versions() -> dict[str, str]:
    """What the run was made with; asked of the package data, so that nothing is imported for it."""
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, Any] = {"python": python_version()}
    for package in ("fixpoint-nas", "torch", "optuna", "ray"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
