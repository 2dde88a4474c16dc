"""Studies as data and as files: what is read, what replaces what, and where mistakes are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import nas
from blocks.errors import FixpointError
from graphs import Budget, DocumentError
from nas.contradictions import study_of
from nas.recipe import DIGITS, Recipe
from nas.study import DEFAULT_TRIALS, Study, StudyError, places
from nas.study_files import read_study, study_schema
from search_spaces import NotFoundError
from tests.nas.conftest import Answer
from tests.nas.fakes import SPACE_TEXT

KEYS: dict[str, Any] = {
    "space": "small",
    "data": "digits",
    "set": {"classes": 10},
    "budget": {"max_params": "4k", "min_macs": 1},
    "objectives": ["accuracy", "macs"],
    "recipe": {"epochs": 3},
    "time": "2h",
    "target": "95%",
    "executor": "ray",
    "workers": 2,
}


def test_a_study_is_the_same_after_it_was_written_and_read() -> None:
    study = Study.of(KEYS)
    assert study.budget == Budget.of(max_params=4000, min_macs=1)
    assert Study.of(json.loads(json.dumps(study.as_dict()))) == study
    assert Study.of(json.loads(study.model_dump_json())) == study


@pytest.mark.parametrize(
    ("given", "seconds"), [("30s", 30), ("20m", 1200), ("2h", 7200), ("1d", 86_400), ("1.5 h", 5400), (45, 45)]
)
def test_a_time_is_in_seconds(given: object, seconds: float) -> None:
    assert Study.of({"space": "small", "time": given}).time == seconds


@pytest.mark.parametrize(("given", "share"), [("95%", 0.95), ("0.95", 0.95), (0.5, 0.5), (1, 1.0), ("100%", 1.0)])
def test_a_target_is_a_share(given: object, share: float) -> None:
    assert Study.of({"space": "small", "target": given}).target == share


@pytest.mark.parametrize(
    ("keys", "most"),
    [
        ({}, DEFAULT_TRIALS),
        ({"target": 0.9}, DEFAULT_TRIALS),
        ({"time": 60}, None),
        ({"trials": 7}, 7),
        ({"time": 60, "trials": 7}, 7),
    ],
)
def test_a_search_has_a_number_of_trials_unless_its_time_ends_it(keys: dict[str, object], most: int | None) -> None:
    assert Study.of({"space": "small", **keys}).max_trials == most


WRONG: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "an unknown key": ({"trails": 5}, ("trails",), "did you mean `trials`?"),
    "no trials": ({"trials": 0}, ("trials",), "at least 1 is needed"),
    "trials that are no number": ({"trials": "many"}, ("trials",), "a whole number, got `many`"),
    "trials that are true": ({"trials": True}, ("trials",), "a whole number, got `true`"),
    "a time without a unit": ({"time": "20"}, ("time",), "did you mean 20s, 20m or 20h?"),
    "a time in weeks": ({"time": "2w"}, ("time",), "as in 30s, 20m, 2h or 1d"),
    "no time": ({"time": 0}, ("time",), "more than 0 is needed"),
    "a target of 130 percent": ({"target": "130%"}, ("target",), "up to 100%, got `130%`"),
    "a target of 95": ({"target": 95}, ("target",), "did you mean 95%?"),
    "a target that is a word": ({"target": "best"}, ("target",), "as in 95% or 0.95"),
    "an unknown objective": ({"objectives": ["accuracy", "maks"]}, ("objectives", 1), "did you mean `macs`?"),
    "an objective twice": ({"objectives": ["accuracy", "accuracy"]}, ("objectives", 1), "stands here twice"),
    "objectives without accuracy": ({"objectives": ["macs"]}, ("objectives",), "without accuracy"),
    "no objectives": ({"objectives": []}, ("objectives",), "is a list of objectives"),
    "an unknown bound": ({"budget": {"max_parms": 3}}, ("budget", "max_parms"), "did you mean `max_params`?"),
    "a bound that is a word": ({"budget": {"max_macs": "few"}}, ("budget", "max_macs"), "is a number, got `few`"),
    "bounds that cross": ({"budget": {"max_macs": 1, "min_macs": 2}}, ("budget", "min_macs"), "no network fits"),
    "a budget that is a number": ({"budget": 3}, ("budget",), "is a map of bounds"),
    "an unknown key of the recipe": ({"recipe": {"epoch": 3}}, ("recipe", "epoch"), "did you mean `epochs`?"),
    "a wrong word in the recipe": ({"recipe": {"optimizer": "adam"}}, ("recipe", "optimizer"), "`adamw` or `sgd`"),
    "a setting that is a list": ({"set": {"width": [1]}}, ("set", "width"), "a number, a word, true or false"),
    "a space that is a number": ({"space": 3}, ("space",), "a text, got `3`"),
    "seeds": ({"seeds": 3}, ("seeds",), "by `nas search STUDY --seeds N`"),
    "a space that is nothing": ({"space": None}, ("space",), "a text, got `null`"),
}


@pytest.mark.parametrize(("keys", "path", "says"), WRONG.values(), ids=WRONG)
def test_a_mistake_names_its_key(keys: dict[str, Any], path: tuple[str | int, ...], says: str) -> None:
    with pytest.raises(StudyError) as caught:
        Study.of({"space": "small", **keys})
    (fault,) = caught.value.faults
    assert fault.path == path
    assert says in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        Study.of({"trials": 0, "time": "2w"})
    assert {fault.path for fault in caught.value.faults} == {("space",), ("trials",), ("time",)}
    with pytest.raises(StudyError) as caught:
        Study.of(
            {
                "space": "small",
                "budget": {"max_params": "few", "max_macs": "many", "max_parms": 1},
                "objectives": ["maks", "accuracy", "accuracy"],
                "set": {"width": [1], "depth": [2]},
            }
        )
    assert {fault.path for fault in caught.value.faults} == {
        *(("budget", bound) for bound in ("max_params", "max_macs", "max_parms")),
        *(("objectives", index) for index in (0, 2)),
        *(("set", name) for name in ("width", "depth")),
    }


ASKED: dict[str, Any] = {"space": "small", "data": "digits"}
TOGETHER: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing wrong": ({}, set()),
    "no sampler of that name": ({"sampler": "tpee"}, {"sampler"}),
    "no executor of that name": ({"executor": "rai"}, {"executor"}),
    "workers of one process": ({"workers": 2, "address": "head:6379"}, {"workers", "address"}),
    "rungs of whole trainings": ({"fidelity": "full", "eta": 4, "first_rung": 2}, {"eta", "first_rung"}),
    "whole trainings without rungs": ({"fidelity": "full", "eta": 3}, set()),
    "draws without a screening": (
        {"screening_draws": 5, "screening_control": 0.5},
        {"screening_draws", "screening_control"},
    ),
    "draws of a screening": ({"screening_draws": 5, "screening": "params"}, set()),
    "a preference of one objective": ({"prefer": "macs"}, {"prefer"}),
    "a preference of none of two": ({"objectives": ["accuracy", "macs"], "prefer": "mcas"}, {"prefer"}),
    "a preference of two": ({"objectives": ["accuracy", "macs"], "prefer": "knee"}, set()),
    "a wrong value beside a contradiction": ({"trials": 0, "sampler": "tpee"}, {"trials", "sampler"}),
    "a preference of objectives that are wrong": ({"objectives": ["maks"], "prefer": "macs"}, {"objectives"}),
    "workers of a wrong executor": ({"executor": 3, "workers": 2}, {"executor"}),
    "no data": ({"data": None}, {"data"}),
    "no data beside a table that is wrong": ({"data": None, "table": {"file": "t.csv"}}, {"table"}),
}


@pytest.mark.parametrize(("keys", "at"), TOGETHER.values(), ids=TOGETHER)
def test_what_cannot_stand_together_is_told_with_all_else_and_nothing_follows_from_what_is_wrong(
    keys: dict[str, Any], at: set[str]
) -> None:
    found: set[str] = set()
    try:
        study_of({**ASKED, **keys})
    except StudyError as error:
        found = {str(fault.path[0]) for fault in error.faults}
    assert found == at


def test_keys_replace_those_of_a_study_and_of_maps_single_entries() -> None:
    changed = Study.of(KEYS).changed(budget={"max_params": "2k"}, recipe=Recipe(final_epochs=9), time="1h", workers=4)
    assert changed.budget == Budget.of(max_params=2000, min_macs=1)
    assert changed.recipe.model_dump(exclude_unset=True) == {"epochs": 3, "final_epochs": 9}
    assert (changed.time, changed.workers, changed.target) == (3600, 4, 0.95)


def test_where_trials_run_is_told_apart_from_what_is_searched() -> None:
    assert {"executor", "workers", "device", "storage", "address"} <= {*places()}
    assert not {"space", "budget", "seed", "sampler", "trials"} & {*places()}


def write(folder: Path, text: str, name: str = "study.yaml") -> Path:
    (folder / "spaces").mkdir(exist_ok=True)
    (folder / "spaces/little.yaml").write_text(SPACE_TEXT)
    (folder / name).write_text(text)
    return folder / name


def test_a_file_has_the_keys_of_a_study_and_paths_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    text = "version: 1\nspace: spaces/little.yaml\ndata: photos\nstorage: shared\nbudget: {max_params: 4k}\n"
    study = read_study(write(tmp_path, f"{text}time: 2h\nexecutor: ray\n")).study({})
    assert study.space == str(tmp_path / "spaces/little.yaml")
    assert study.data == str(tmp_path / "photos")
    assert study.storage == str(tmp_path / "shared")
    assert (study.budget, study.time) == (Budget.of(max_params=4000), 7200)


def test_a_file_may_be_json_and_name_what_ships(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, json.dumps({"version": 1, **KEYS}), "study.json")).study({})
    assert study == Study.of(KEYS)


def test_what_is_given_beside_a_file_replaces_it_with_its_mistakes(tmp_path: Path) -> None:
    file = read_study(write(tmp_path, "version: 1\nspace: nowhere.yaml\ndata: digits\ntrials: 0\ntime: 1h\n"))
    study = file.study({"space": "small", "trials": 3})
    assert (study.space, study.trials, study.time) == ("small", 3, 3600)
    with pytest.raises(StudyError, match="`seed`"):
        file.study({"space": "small", "trials": 3, "seed": "x"})


TOLD = {
    "typos": (
        "version: 1\nspace: smal\ndata: digits\nbudget: {max_parms: 4k}\ntrails: 5\n",
        """\
{file}:2:8: E106 bad-value: there is no `smal` beside the study, and no space of that name ships
    2 | space: smal
      |        ^^^^
  help: did you mean `small`?
{file}:4:10: E102 unknown-key: there is no bound `max_parms`
    4 | budget: {{max_parms: 4k}}
      |          ^^^^^^^^^
  help: did you mean `max_params`?
{file}:5:1: E102 unknown-key: a study has no key `trails`
    5 | trails: 5
      | ^^^^^^
  help: did you mean `trials`?
3 faults""",
    ),
    "faults of all kinds": (
        "version: 1\nspce: small\ndata: digit\nsampler: tpee\nbudget: {max_params: 4x, max_macs: 5z}\n"
        "fidelity: full\neta: 4\n",
        """\
{file}:2:1: E102 unknown-key: a study has no key `spce`
    2 | spce: small
      | ^^^^
  help: did you mean `space`?
{file}:3:7: E106 bad-value: there is no `digit` beside the study, and no data of that name ships
    3 | data: digit
      |       ^^^^^
  help: did you mean `digits`?
{file}:4:10: E106 bad-value: there is no sampler `tpee`
    4 | sampler: tpee
      |          ^^^^
  help: did you mean `tpe`?
{file}:5:22: E106 bad-value: max_params is a number, got `4x`
    5 | budget: {{max_params: 4x, max_macs: 5z}}
      |                      ^^
  help: as in 4000, 4k, 1.5M or 4.2G
{file}:5:36: E106 bad-value: max_macs is a number, got `5z`
    5 | budget: {{max_params: 4x, max_macs: 5z}}
      |                                    ^^
  help: as in 4000, 4k, 1.5M or 4.2G
{file}:7:6: E106 bad-value: with `fidelity: full` every trial is trained to its end, and nothing is compared before
    7 | eta: 4
      |      ^
  help: leave out `eta`, or say asha or hyperband
6 faults""",
    ),
    "a list": (
        "- space: small\n",
        """\
{file}:1:1: E101 wrong-shape: a study is a map of keys and values
    1 | - space: small
      | ^
  help: version: 1, space: cnn, data: photos, budget: {{max_params: 1M}}
1 fault""",
    ),
    "no version": (
        "space: small\n",
        """\
{file}:1:1: E007 version: a study says its version
    1 | space: small
      | ^
  help: begin with `version: 1`
1 fault""",
    ),
    "a space": (
        "version: 1\nname: net\nnet: []\n",
        """\
{file}:3:1: E101 wrong-shape: this is the document of a network or a space, not a study
    3 | net: []
      | ^^^
  help: a space is searched by: nas search --space {file} --data ...
1 fault""",
    ),
    "a contradiction": (
        "version: 1\nspace: small\ndata: digits\nsampler: tpee\nexecutor: inline\nworkers: 3\n",
        """\
{file}:4:10: E106 bad-value: there is no sampler `tpee`
    4 | sampler: tpee
      |          ^^^^
  help: did you mean `tpe`?
{file}:6:10: E106 bad-value: `inline` runs one trial at a time, not 3
    6 | workers: 3
      |          ^
  help: use `ray` for several workers
2 faults""",
    ),
}


@pytest.mark.parametrize(("text", "told"), TOLD.values(), ids=TOLD)
def test_the_mistakes_of_a_file_are_told_at_their_place(
    tmp_path: Path, nas: Callable[..., Answer], text: str, told: str
) -> None:
    path = write(tmp_path, text)
    code, out, err = nas("search", path, "--run", tmp_path / "run")
    assert (code, out, err) == (1, "", told.format(file=path) + "\n")
    assert not (tmp_path / "run").exists()


def test_a_study_whose_space_is_misspelt_is_checked_as_a_study(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    text, told = TOLD["faults of all kinds"]
    path = write(tmp_path, text)
    assert nas("check", path) == (1, "", told.format(file=path) + "\n")


def test_settings_that_a_space_cannot_have_are_told_where_they_are_set(
    tmp_path: Path, nas: Callable[..., Answer]
) -> None:
    path = write(tmp_path, "version: 1\nspace: small\ndata: digits\nset: {classes: 10, widht: 3, activation: rleu}\n")
    assert nas("check", path)[2].endswith(
        f"""\
{path}:4:20: E102 unknown-key: the space `small` has no parameter `widht`
    4 | set: {{classes: 10, widht: 3, activation: rleu}}
      |                    ^^^^^
  help: it has `classes`, `channels`, `size` or `activation`
{path}:4:42: E106 bad-value: `activation` takes `relu`, `silu` or `hardswish`, got `rleu`
    4 | set: {{classes: 10, widht: 3, activation: rleu}}
      |                                          ^^^^
  help: did you mean `relu`?
2 faults
"""
    )
    code, _, err = nas("search", "--space", "small", "--data", "digits", "--set", "widht=3")
    assert code == 2
    assert "--set: the space `small` has no parameter `widht`" in err
    _, _, err = nas("search", "--space", "small", "--data", "digits", "--set", "classes=four")
    assert "--set: `classes` takes an integer; no `four` is known here" in err


def test_a_space_that_is_no_space_is_told_with_those_that_ship(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    _, _, err = nas("check", write(tmp_path, "version: 1\nspace: resnet50\ndata: digits\n"))
    assert "help: there is `cells`, `cnn`, `mobile`," in err


def test_python_is_told_the_same(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        nas.search(write(tmp_path, TOLD["a contradiction"][0]), run=tmp_path / "run")
    assert {fault.mark.line for fault in caught.value.faults} == {4, 6}


def test_a_study_that_is_missing_is_told_with_what_may_be_meant(tmp_path: Path) -> None:
    write(tmp_path, "version: 1\n")
    with pytest.raises(NotFoundError) as caught:
        read_study(tmp_path / "studi.yaml")
    assert "study.yaml" in caught.value.help
    with pytest.raises(NotFoundError) as caught:
        read_study("small")
    assert "--space small" in caught.value.help


def test_a_wrong_flag_is_a_mistake_of_usage(nas: Callable[..., Answer]) -> None:
    code, _, err = nas("search", "--space", "small", "--data", "digits", "--trials", "0", "--max-params", "few")
    assert code == 2
    assert "--trials: `trials` is 0" in err
    assert "--max-params: max_params is a number, got `few`" in err


def test_a_time_of_a_file_or_a_flag_has_a_unit(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    code, _, err = nas("check", write(tmp_path, "version: 1\nspace: small\ndata: digits\ntime: 5\n"))
    assert (code, "study.yaml:4:7: E106" in err, "did you mean 5s, 5m or 5h?" in err) == (1, True, True)
    code, _, err = nas("search", "--space", "small", "--data", "digits", "--time", "5")
    assert (code, "--time: `time` is a number with a unit, got `5`" in err) == (2, True)


def test_bounds_that_cross_are_told_at_a_flag_that_there_is(nas: Callable[..., Answer]) -> None:
    bounds = ("--min-params", "5k", "--max-params", "4k")
    code, _, err = nas("search", "--space", "small", "--data", "digits", *bounds)
    assert (code, "--min-params: min_params 5,000 is above max_params 4,000" in err) == (2, True)


def test_a_flag_takes_back_what_a_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nas: Callable[..., Answer]
) -> None:
    asked: list[Study] = []

    def search(study: Study, **_: object) -> None:
        asked.append(study)
        raise FixpointError("enough is known")

    monkeypatch.setattr("nas.driver.search", search)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    table = "version: 1\nspace: small\ntable: {file: t.csv, key: a, seen: b, minimize: true}\n"
    nas("search", write(tmp_path, table), "--no-minimize")
    images = "version: 1\nspace: small\ndata: digits\nrecipe: {flip: true, shift: 2}\n"
    nas("search", write(tmp_path, images), "--no-flip")
    assert [study.table and study.table.minimize for study in asked] == [False, None]
    assert (asked[1].recipe.flip, asked[1].recipe.shift) == (False, 2)


@pytest.mark.parametrize("seeds", [0, -2])
def test_no_seeds_are_a_mistake_of_usage(nas: Callable[..., Answer], seeds: int) -> None:
    code, _, err = nas("search", "--space", "small", "--seeds", str(seeds))
    assert (code, f"--seeds: `seeds` is {seeds}; at least 1 is needed" in err) == (2, True)


def test_the_schema_for_editors_knows_the_form_of_studies() -> None:
    schema = study_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert not list(validator.iter_errors({"version": 1, **KEYS}))
    assert set(schema["properties"]) == {"version", *Study.model_fields}
    for wrong in ({"trails": 5}, {"budget": {"max_parms": 1}}, {"trials": 0}, {"time": "2w"}, {"recipe": {"epoch": 1}}):
        assert list(validator.iter_errors({"version": 1, **KEYS, **wrong})), wrong


def test_every_key_and_every_part_of_one_is_described_to_editors() -> None:
    schema = study_schema()
    bare = [
        f"{title}.{name}"
        for title, part in {"Study": schema, **schema["$defs"]}.items()
        for name, about in part["properties"].items()
        if not about.get("description")
    ]
    assert bare == []
    assert {"Recipe", "Lookup"} <= schema["$defs"].keys()


def test_check_reads_all_that_a_study_names(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    good = write(tmp_path, "version: 1\nspace: small\ndata: digits\nbudget: {max_params: 4k}\n")
    code, out, _ = nas("check", good)
    assert code == 0
    assert "a study of `small`, params <= 4k, on 1x8x8 images of 10 classes" in out
    assert f"recipe: {DIGITS}\n" in out
    _, out, _ = nas("check", good, "--json")
    assert json.loads(out)["files"][0]["recipe"] == DIGITS.model_dump()
    code, _, err = nas("check", write(tmp_path, "version: 1\nspace: small\ndata: digits\nbudget: {max_params: 4}\n"))
    assert code == 1
    assert "its smallest network has" in err
    code, _, err = nas("check", write(tmp_path, "version: 1\nspace: small\ndata: digits\ntrials: 0\n"))
    assert code == 1
    assert "study.yaml:4:9: E106" in err


def test_a_study_that_is_made_by_hand_has_the_same_errors() -> None:
    with pytest.raises(StudyError, match="there is no objective `mac`"):
        Study(space="small", objectives=("accuracy", "mac"))  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="`space` is missing: a study needs it"):
        Study(data="digits")
