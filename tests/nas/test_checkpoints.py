"""Trainings that pause: they go on to the bit, in another process too, and a bad file costs only time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import graphs
from nas.checkpoints import CheckpointError, Checkpoints
from nas.data import Data, load_data
from nas.recipe import DIGITS, Recipe
from nas.training import EpochResult, Portion, Training, epochs
from tests.nas.test_ledger import file_size_limit

# Batch norm, dropout and a head that only training has: all that a training can hold.
NETWORK = """
version: 1
name: plain
input: {image: {map: [1, 8, 8]}}
net:
  - {name: a, conv: {out_channels: 8, kernel_size: 3}}
  - {name: b, conv: {out_channels: 8, kernel_size: 3, stride: 2}}
  - dropout: {p: 0.3}
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
  - {name: pooled, from: a, global_avg_pool: {}}
  - {name: aux, linear: {out_features: 10}}
output: {logits: logits}
training_output: {aux: aux}
"""
NUM_EPOCHS = 4
RECIPES = {
    "adamw": DIGITS,
    "sgd": DIGITS.model_copy(update={"optimizer": "sgd", "learning_rate": 0.1, "flip": True}),
    "sgd without momentum": DIGITS.model_copy(update={"optimizer": "sgd", "momentum": 0.0}),
}


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data("digits")


def run(data: Data, portion: Portion | None = None, recipe: Recipe = DIGITS, seed: int = 3) -> list[EpochResult]:
    return list(epochs(graphs.parse(NETWORK), data.search, recipe, seed, NUM_EPOCHS, portion=portion))


def figures(results: list[EpochResult]) -> list[tuple[int, float, float, float]]:
    return [(one.epoch, one.train_loss, one.validation_loss, one.validation_accuracy) for one in results]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("pause", [1, 3])
def test_a_training_that_pauses_is_to_the_bit_the_one_that_does_not(
    data: Data, tmp_path: Path, recipe: Recipe, pause: int
) -> None:
    kept = Checkpoints(tmp_path)
    first = run(data, Portion(7, pause, saves=(pause,), checkpoints=kept), recipe)
    rest = run(data, Portion(7, NUM_EPOCHS, pause, saves=(NUM_EPOCHS,), checkpoints=kept), recipe)
    assert figures(first + rest) == figures(run(data, recipe=recipe))
    assert not any(result.note for result in first + rest)


ELSEWHERE = """
import sys
from pathlib import Path
from nas.checkpoints import Checkpoints
from nas.data import load_data
from nas.training import Portion
from tests.nas.test_checkpoints import NUM_EPOCHS, figures, run
print(figures(run(load_data("digits"), Portion(7, NUM_EPOCHS, 2, checkpoints=Checkpoints(Path(sys.argv[1]))))))
"""


def test_another_process_goes_on_to_the_bit(data: Data, tmp_path: Path) -> None:
    run(data, Portion(7, 2, saves=(2,), checkpoints=Checkpoints(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(figures(run(data))[2:])


def test_weights_and_optimizer_are_those_of_the_training_without_a_break(data: Data, tmp_path: Path) -> None:
    def make() -> Training:
        return Training(graphs.parse(NETWORK), data.search.train, data.search, DIGITS, 0, NUM_EPOCHS)

    straight, broken = make(), make()
    for _ in range(NUM_EPOCHS):
        straight.run_epoch()
    broken.run_epoch()
    broken.save(Checkpoints(tmp_path), 0)
    restored = make()
    restored.restore(Checkpoints(tmp_path), 0, 1)
    for _ in range(NUM_EPOCHS - 1):
        restored.run_epoch()
    assert restored.epoch == NUM_EPOCHS
    both = [training.module.state_dict() for training in (straight, restored)]
    assert both[0].keys() == both[1].keys()
    assert all(torch.equal(both[0][name], both[1][name]) for name in both[0])


def spoil(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "one bit of a weight":
        content[-100] ^= 4
        path.write_bytes(content)
    elif how == "no safetensors":
        path.write_bytes(b"\x80\x04not to be executed")
    else:
        path.write_bytes(Path(how).read_bytes())


FAULTS = ("missing", "cut short", "empty", "one bit of a weight", "no safetensors")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_that_is_not_sound_costs_the_epochs_after_the_last_sound_one(
    data: Data, tmp_path: Path, fault: str
) -> None:
    kept = Checkpoints(tmp_path)
    run(data, Portion(7, 3, saves=(1, 3), checkpoints=kept))
    spoil(kept.path(7, 3), fault)
    results = run(data, Portion(7, NUM_EPOCHS, 3, checkpoints=kept))
    assert figures(results) == figures(run(data))[1:]
    assert results[0].note.startswith("the checkpoint of epoch 3 is ")
    assert not any(result.note for result in results[1:])


def test_without_any_sound_checkpoint_the_training_begins_anew(data: Data, tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    run(data, Portion(7, 3, saves=(1, 3), checkpoints=kept))
    for epoch in (1, 3):
        spoil(kept.path(7, epoch), "cut short")
    results = run(data, Portion(7, NUM_EPOCHS, 3, checkpoints=kept))
    assert figures(results) == figures(run(data))
    assert "epoch 3" in results[0].note
    assert "epoch 1" in results[0].note


def test_the_checkpoint_of_another_training_is_not_gone_on_from(data: Data, tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    run(data, Portion(7, 2, saves=(2,), checkpoints=kept), seed=4)
    results = run(data, Portion(7, NUM_EPOCHS, 2, checkpoints=kept), seed=3)
    assert figures(results) == figures(run(data, seed=3))
    assert results[0].note == "the checkpoint of epoch 2 is of another training; "


def test_a_full_disk_is_noted_and_the_training_goes_on(data: Data, tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    with file_size_limit(2000):
        results = run(data, Portion(7, NUM_EPOCHS, saves=(2,), checkpoints=kept))
    assert figures(results) == figures(run(data))
    assert [bool(result.note) for result in results] == [False, True, False, False]
    assert results[1].note.startswith("the checkpoint of epoch 2 was not written: ")
    assert list(tmp_path.iterdir()) == []


def test_of_the_checkpoints_of_a_trial_the_last_two_are_kept(data: Data, tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    run(data, Portion(7, NUM_EPOCHS, saves=(1, 2, 3, 4), checkpoints=kept))
    run(data, Portion(71, 1, saves=(1,), checkpoints=kept))
    assert kept.by_trial() == {7: [3, 4], 71: [1]}
    kept.path(7, 2).with_suffix(".safetensors.123.tmp").touch()  # a writer was killed
    kept.remove(7)
    assert {path.name for path in tmp_path.iterdir()} == {"71-1.safetensors"}


def test_a_checkpoint_can_be_no_file_of_another_name(data: Data, tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    run(data, Portion(7, 2, saves=(1, 2), checkpoints=kept))
    spoil(kept.path(7, 2), str(kept.path(7, 1)))
    with pytest.raises(CheckpointError, match="another training"):
        Training(graphs.parse(NETWORK), data.search.train, data.search, DIGITS, 3, NUM_EPOCHS).restore(kept, 7, 2)
