"""All that is wrong with a study file is told at once: its keys, its images, its space, its budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import nas as package
from blocks.errors import BudgetError
from nas.data import DataError
from tests.nas.conftest import Answer

Told = list[tuple[str, int, int, str]]

HEAD = "version: 1\nspace: small\ndata: digits\n"
LEAST = "nothing in the space `small` keeps params <= 10: its smallest network has 286 params"


def faults_of(path: Path, nas: Callable[..., Answer]) -> Told:
    """The faults that `nas check --json` tells of a file, in the order in which it does."""
    code, out, _ = nas("check", path, "--json")
    assert code == 1
    return [(one["file"], one["line"], one["column"], one["message"]) for one in json.loads(out)["errors"]]


def write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            HEAD + "budget:\n  max_params: 10\nfirst_rung: 999\nseed: x\nrecipe: {epochs: 6, final_epochs: 2}\n",
            [
                (5, 3, LEAST),
                (6, 13, "`first_rung` is 999, and a trial has 6 epochs"),
                (7, 7, "`seed` is a whole number, got `x`"),
                (8, 35, "`final_epochs` is 2, and a trial has 6 epochs"),
            ],
        ),
        # What networks cost depends on the images: of a budget nothing is said without them.
        (
            "version: 1\nspace: small\ndata: pictures\nbudget: {max_params: 10}\nset: {widht: 3}\nstarts: -1\n",
            [
                (3, 7, "{folder}/pictures has no class folders"),
                (5, 7, "the space `small` has no parameter `widht`"),
                (6, 9, "`starts` is -1"),
            ],
        ),
        (
            "version: 1\nspace: small\ndata: nowhere\ntarget: 130%\n",
            [
                (3, 7, "there is no `nowhere` beside the study, and no data of that name ships"),
                (4, 9, "`target` is an accuracy above 0 and up to 100%, got `130%`"),
            ],
        ),
        (
            HEAD + "budget: {max_params: 10}\ndevice: abacus\n",
            [(4, 9, LEAST), (5, 9, "the device `abacus` can't be used: ")],
        ),
        # Whether this machine has the device doesn't matter on a cluster.
        (HEAD + "executor: ray\ndevice: cuda:77\naddress: 5\n", [(6, 10, "`address` is a text, got `5`")]),
        *(
            (
                f"{HEAD}executor: ray\naddress: {address}\n",
                [(5, 10, f"`address` is that of a Ray cluster's head, got `{address}`")],
            )
            for address in ("ray://head:10001", "head", "head:port", "head:99999")
        ),
        (HEAD + "budget: {max_params: 4x}\nfirst_rung: 999\n", [(4, 22, "max_params"), (5, 13, "`first_rung` is 999")]),
    ],
)
def test_faults_of_keys_and_of_what_they_name_are_told_together(
    tmp_path: Path, nas: Callable[..., Answer], text: str, told: list[tuple[int, int, str]]
) -> None:
    (tmp_path / "pictures").mkdir()
    path = write(tmp_path, text)
    found = faults_of(path, nas)
    assert [(file, line, column) for file, line, column, _ in found] == [(str(path), *place) for *place, _ in told]
    for (*_, message), (*_, start) in zip(found, told, strict=True):
        assert message.startswith(start.format(folder=tmp_path))


def test_images_that_cannot_be_read_are_notes_of_the_key(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("L", (8, 8)).save(tmp_path / "pictures" / name / f"{number}.png")
        (tmp_path / "pictures" / name / "1.png").write_text("no picture")
    path = write(tmp_path, "version: 1\nspace: small\ndata: pictures\n")
    code, _, err = nas("check", path)
    assert code == 1
    cat, dog = (tmp_path / "pictures" / name / "1.png" for name in ("cat", "dog"))
    assert err.splitlines()[1:] == [
        f"{path}:3:7: E106 bad-value: 2 images cannot be read",
        "    3 | data: pictures",
        "      |       ^^^^^^^^",
        f"  note: {cat}: cannot identify image file '{cat}'",
        f"  note: {dog}: cannot identify image file '{dog}'",
        "  help: repair or remove them; nothing was changed",
        "1 fault",
    ]


def test_faults_of_the_space_are_told_with_those_of_the_study(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("version: 1\ninput: {image: {map: [1, 8, 8]}}\nnet:\n  - {rleu: {}}\n")
    path = write(tmp_path, "version: 1\nspace: space.yaml\ndata: digits\ntrials: 0\n")
    assert [(file, line) for file, line, _, _ in faults_of(path, nas)] == [(str(path), 4), (str(space), 4)]


def test_what_a_flag_asks_for_is_no_fault_of_the_file(tmp_path: Path, nas: Callable[..., Answer]) -> None:
    path = write(tmp_path, HEAD)
    code, _, err = nas("search", path, "--max-params", "10", "--run", tmp_path / "run")
    assert (code, err.splitlines()[1]) == (1, f"error: {LEAST}, 4,944 macs")


def test_from_python_an_error_is_that_of_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="its smallest network has 286 params"):
        package.search(space="small", data="digits", budget={"max_params": 10}, run=tmp_path / "run")
    with pytest.raises(DataError, match="has no class folders"):
        package.search(space="small", data=str(tmp_path), run=tmp_path / "run")


def test_a_final_training_is_at_least_as_long_as_that_of_a_trial(tmp_path: Path) -> None:
    from nas.opening import open_study
    from nas.study import Study

    keys = {"space": "small", "data": "digits", "starts": 0}
    assert open_study(Study.of({**keys, "recipe": {"epochs": 99}})).recipe.final_epochs == 99
    assert open_study(Study.of({**keys, "recipe": {"epochs": 9}})).recipe.final_epochs == 60


@pytest.mark.parametrize(("fidelity", "is_told"), [("hyperband", True), ("asha", True), ("full", False)])
def test_a_fidelity_whose_rungs_do_not_fit_is_a_note(
    tmp_path: Path, nas: Callable[..., Answer], fidelity: str, is_told: bool
) -> None:
    recipe = "recipe: {epochs: 6, batch_size: 512}"  # 22 steps are more than six epochs of digits
    path = write(tmp_path, f"{HEAD}fidelity: {fidelity}\n{recipe}\n")
    code, out, _ = nas("check", path)
    note = f"note: no rung of `{fidelity}` fits in 6 epochs: all trials run to the end"
    assert (code, note in out.splitlines()) == (0, is_told)
