"""Keys of a study that can't stand together, or name what there is not: found in the study alone, before anything that
it names is looked up. Free of torch.

`study_of` tells them with whatever else is wrong; a study that was made otherwise is checked by
`refuse_contradictions`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from graphs.faults import nearest, one_of
from nas.fidelity import Fidelity
from nas.objectives import LATENCY
from nas.study import KNEE, Study, StudyError, StudyFault
from nas.study_values import EXECUTORS, SAMPLERS, TENSOR_PROXIES

OF_TRAININGS = (
    "data",
    "recipe",
    "target",
    "candidates",
    "final_seeds",
    "rivals",
    "starts",
    "executor",
    "address",
    "storage",
    "trials_per_gpu",
    "device",
)


def study_of(keys: Mapping[str, Any]) -> Study:
    """The study of these keys. Raises: StudyError with all faults, contradictions of the sound keys among them."""
    try:
        study = Study.of(keys)
    except StudyError as error:
        rest, wrong = sound_part(keys, error.faults)
        raise StudyError(*error.faults, *contradictions(rest, wrong)) from None
    refuse_contradictions(study)
    return study


def sound_part(keys: Mapping[str, Any], faults: Iterable[StudyFault]) -> tuple[Study, set[str]]:
    """The study of the keys that nothing is wrong with, and the names of those that are at fault."""
    wrong = {str(fault.path[0]) for fault in faults if fault.path}
    wrong |= {"space"} - keys.keys()
    sound = {name: value for name, value in keys.items() if name in Study.model_fields and name not in wrong}
    return Study.of({"space": "", **sound}), wrong


def refuse_contradictions(study: Study, keys: Collection[str] | None = None) -> None:
    """Raises: StudyError, with all of them, or those of these keys."""
    if faults := [fault for fault in contradictions(study) if keys is None or fault.path[0] in keys]:
        raise StudyError(*faults)


def contradictions(study: Study, unknown: Iterable[str] = ()) -> Iterator[StudyFault]:
    """What can't stand together; nothing that depends on the keys whose value is `unknown`."""
    missing = {*unknown}
    for needed, rule in RULES:
        if not missing & {*needed}:
            yield from rule(study)


def unknown_sampler(name: str) -> StudyFault:
    """What is said of a sampler that there isn't."""
    help = nearest(name, SAMPLERS) or f"there is {one_of(SAMPLERS)}"
    return StudyFault(("sampler",), f"there is no sampler `{name}`", help)


def _unknown_sampler(study: Study) -> Iterator[StudyFault]:
    if study.sampler not in SAMPLERS:
        yield unknown_sampler(study.sampler)


def _odd_preference(study: Study) -> Iterator[StudyFault]:
    if study.prefer is not None and len(study.objectives) == 1:
        message = "`prefer` chooses among several objectives, and there is one"
        yield StudyFault(("prefer",), message, "leave it out")
    elif study.prefer not in (None, KNEE, *study.objectives):
        known = (*study.objectives, KNEE)
        help = nearest(str(study.prefer), known) or f"there is {one_of(known)}"
        yield StudyFault(("prefer",), f"`prefer` names an objective of the study, got `{study.prefer}`", help)


def _missing_data(study: Study) -> Iterator[StudyFault]:
    if study.table is None and study.data is None:
        yield StudyFault(
            ("data",), "`data` is missing: a study needs it", "a folder of images, an .npz file, or digits"
        )


def _rungs_of_whole_trainings(study: Study) -> Iterator[StudyFault]:
    """Of a table with a single column `_pauses_of_a_table` says it."""
    if study.fidelity == "full" and (study.table is None or len(study.table.epochs) > 1):
        message = "with `fidelity: full` every trial is trained to its end, and nothing is compared before"
        for key in filter(partial(_is_asked, study), ("eta", "first_rung")):
            yield StudyFault((key,), message, f"leave out `{key}`, or say asha or hyperband")


def _draws_of_no_screening(study: Study) -> Iterator[StudyFault]:
    if study.screening == "none":
        for key in filter(partial(_is_asked, study), ("screening_draws", "screening_control")):
            yield StudyFault((key,), f"`{key}` is of a `screening`, and there is none", f"leave out `{key}`")


def _misplaced(study: Study) -> Iterator[StudyFault]:
    """An executor that there isn't, or that can't do what is asked."""
    if study.table is not None:
        return
    if study.executor not in EXECUTORS:
        help = nearest(study.executor, EXECUTORS) or f"there is {one_of(EXECUTORS)}"
        yield StudyFault(("executor",), f"there is no executor `{study.executor}`", help)
    elif study.executor == "inline":
        yield from _misplaced_inline(study)
    elif study.trials_per_gpu is not None and study.device not in ("auto", "cuda"):
        message = f"with `trials_per_gpu`, Ray chooses the GPU, and `{study.device}` is none that it could"
        yield StudyFault(("device",), message, "leave `device` out, or say cuda")


def _misplaced_inline(study: Study) -> Iterator[StudyFault]:
    if study.workers not in (None, 1):
        message, help = f"`inline` runs one trial at a time, not {study.workers}", "use `ray` for several workers"
        yield StudyFault(("workers",), message, help)
    if study.trials_per_gpu not in (None, 1):
        message = f"`inline` runs one trial at a time, not {study.trials_per_gpu} on a GPU"
        yield StudyFault(("trials_per_gpu",), message, "use `ray` for several")
    for key in ("address", "storage"):
        if getattr(study, key):
            yield StudyFault((key,), "`inline` runs on this machine alone", "use `ray` for a cluster")


def _trainings_of_a_table(study: Study) -> Iterator[StudyFault]:
    """What only trainings have, where a table stands in their place."""
    if study.table is None:
        return
    trained = "nothing is trained where the study has a `table`"
    for key in filter(partial(_is_asked, study), OF_TRAININGS):
        yield StudyFault((key,), trained, f"leave out `{key}`, or `table`")
    if LATENCY.name in study.objectives:
        yield StudyFault(("objectives",), f"{trained}, so no latency is measured", "leave out latency")
    if study.screening in TENSOR_PROXIES:
        message = f"`{study.screening}` looks at images, and there are none where the study has a `table`"
        yield StudyFault(("screening",), message, "screen by params or macs")


def _pauses_of_a_table(study: Study) -> Iterator[StudyFault]:
    """Rungs where the table has nothing to compare trials by."""
    if study.table is None:
        return
    epochs = study.table.epochs
    if len(epochs) == 1:
        message = "the table has one column of what is seen, so nothing pauses before its end"
        for key in filter(partial(_is_asked, study), ("eta", "first_rung", "fidelity")):
            if (key, study.fidelity) != ("fidelity", "full"):
                yield StudyFault((key,), message, f"leave out `{key}`, or name columns of fewer epochs in `seen`")
    elif study.first_rung is not None and not Fidelity(first_rung=study.first_rung, known=epochs).rungs(epochs[-1]):
        message = f"`first_rung` is {study.first_rung}, and the table is of the epochs {', '.join(map(str, epochs))}"
        yield StudyFault(("first_rung",), message, "a rung is before the last; or: fidelity: full")


def _is_asked(study: Study, key: str) -> bool:
    """Whether a key is other than where nobody asks for it."""
    return bool(getattr(study, key) != Study.model_fields[key].default)


# Each rule with the keys without which it would find what isn't there.
RULES: tuple[tuple[tuple[str, ...], Callable[[Study], Iterator[StudyFault]]], ...] = (
    (("sampler",), _unknown_sampler),
    (("objectives",), _odd_preference),
    (("data", "table"), _missing_data),
    (("table",), _rungs_of_whole_trainings),
    (("screening",), _draws_of_no_screening),
    (("executor", "table"), _misplaced),
    ((), _trainings_of_a_table),
    ((), _pauses_of_a_table),
)
