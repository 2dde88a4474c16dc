"""Training: it learns, it repeats itself, and it says what went wrong."""

from __future__ import annotations

import math
import pickle
import resource
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import graphs
from nas.data import Data, Part, SearchData, load_data
from nas.recipe import DIGITS, PHOTOS, Recipe, default_recipe
from nas.trainer import Trainer, choose_device
from nas.training import DivergedError, EpochResult, Training, epochs, initialise, is_out_of_memory, outcome
from nas.trials import Completed, Diverged, Failed, Job, OutOfMemory, Progress

PLAIN = """
version: 1
name: plain
input: {image: {map: [1, 8, 8]}}
net:
  - {name: a, conv: {out_channels: 8, kernel_size: 3}}
  - {name: b, conv: {out_channels: 12, kernel_size: 3, stride: 2}}
  - {name: c, conv: {out_channels: 12, kernel_size: 3}}
  - dropout: {p: 0.1}
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data("digits")


def curve(data: SearchData, seed: int, num_epochs: int, recipe: Recipe = DIGITS) -> list[tuple[float, float]]:
    results = list(epochs(graphs.parse(PLAIN), data, recipe, seed, num_epochs))
    assert [result.epoch for result in results] == list(range(1, num_epochs + 1))
    return [(result.train_loss, result.validation_accuracy) for result in results]


def test_a_plain_network_learns_digits(data: Data) -> None:
    losses, accuracies = zip(*curve(data.search, seed=0, num_epochs=12), strict=True)
    assert accuracies[-1] > 0.9
    assert losses[-1] < 0.5 * losses[0]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(data: Data) -> None:
    assert curve(data.search, 3, 2) == curve(data.search, 3, 2) != curve(data.search, 4, 2)


def test_two_trainings_side_by_side_do_not_disturb_each_other_nor_the_world(data: Data) -> None:
    alone = curve(data.search, 3, 2)
    torch.manual_seed(1)
    world = torch.rand(3)
    torch.manual_seed(1)
    steps = [epochs(graphs.parse(PLAIN), data.search, DIGITS, seed, 2) for seed in (3, 4)]
    pairs = list(zip(*steps, strict=True))
    assert [(first.train_loss, first.validation_accuracy) for first, _ in pairs] == alone
    assert torch.equal(torch.rand(3), world)


@pytest.mark.parametrize(
    "change",
    [{"optimizer": "sgd", "learning_rate": 0.2}, {"schedule": "cosine"}, {"shift": 0}, {"flip": True, "shift": 2}],
    ids=lambda change: next(iter(change)),
)
def test_every_recipe_trains(data: Data, change: dict[str, Any]) -> None:
    results = curve(data.search, 0, 3, DIGITS.model_copy(update=change))
    assert results[-1][0] < results[0][0]


HEADED = PLAIN.replace(
    "output:", "  - {name: pooled, from: a, global_avg_pool: {}}\n  - {name: aux, linear: {out_features: 10}}\noutput:"
)
HEADED += "training_output: {aux: aux}\n"


def test_the_loss_of_an_auxiliary_classifier_counts_three_tenths(data: Data) -> None:
    run = Training(graphs.parse(HEADED), data.search.train, data.search, DIGITS, 0, 1)
    labels, random = torch.tensor([1, 2]), torch.Generator().manual_seed(0)
    logits = {"logits": torch.randn(2, 10, generator=random), "aux": torch.randn(2, 10, generator=random)}
    parts = {
        name: nn.functional.cross_entropy(value, labels, label_smoothing=DIGITS.label_smoothing)
        for name, value in logits.items()
    }
    # Szegedy et al. 2014, section 5: "the losses of the auxiliary classifiers were weighted by 0.3".
    torch.testing.assert_close(run._loss(logits, labels), parts["logits"] + 0.3 * parts["aux"])
    assert not torch.allclose(run._loss({**logits, "aux": -logits["aux"]}, labels), run._loss(logits, labels))


def test_a_network_with_an_auxiliary_classifier_trains_and_keeps_the_weights_that_ship(data: Data) -> None:
    run = Training(graphs.parse(HEADED), data.search.train, data.search, DIGITS, 0, 3)
    before = run.module.get_parameter("aux.weight").detach().clone()
    losses = [run.run_epoch() for _ in range(3)]
    assert losses[-1] < losses[0]
    assert not torch.equal(run.module.get_parameter("aux.weight"), before)
    assert run.score(run.place(data.search.validation)).accuracy > 0.1
    assert run.state().keys() == graphs.parse(PLAIN).compile().state_dict().keys()


class Still:
    """A network of one linear layer, compiled by hand."""

    def compile(self, **_: object) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def training(recipe: Recipe, images: np.ndarray, num_epochs: int = 4) -> Training:
    part = Part(images, np.arange(len(images), dtype=np.int64) % 10)
    statistics = SearchData(part, part, tuple("0123456789"), (0.0,), (1.0,))
    return Training(Still(), part, statistics, recipe, 0, num_epochs)  # type: ignore[arg-type]


def test_a_shift_moves_an_image_by_whole_pixels_and_lets_zero_in() -> None:
    images = np.zeros((50, 1, 8, 8), np.uint8)
    images[:, 0, 4, 4] = 9
    moved = training(Recipe(shift=2), images)._augmented(torch.from_numpy(images))
    places = moved[:, 0].nonzero()
    assert len(places) == 50
    assert moved.sum() == 50 * 9
    offsets = {tuple(place.tolist()) for place in places[:, 1:] - 4}
    assert {offset for axis in (0, 1) for offset in {pair[axis] for pair in offsets}} == {-2, -1, 0, 1, 2}
    assert len(offsets) > 12  # each image on its own, each axis on its own


def test_a_flip_mirrors_about_half_of_the_images_left_to_right() -> None:
    images = np.zeros((200, 1, 8, 8), np.uint8)
    images[:, 0, 2, 1] = 9
    moved = training(Recipe(shift=0, flip=True), images)._augmented(torch.from_numpy(images))
    num_mirrored = int((moved[:, 0, 2, 6] == 9).sum())
    assert num_mirrored + int((moved[:, 0, 2, 1] == 9).sum()) == 200
    assert 60 < num_mirrored < 140


@pytest.mark.parametrize(("schedule", "first"), [("one_cycle", 0.04), ("cosine", 1.0)])
def test_the_learning_rate_rises_to_its_value_and_falls_to_nothing(schedule: str, first: float) -> None:
    images = np.zeros((40, 1, 8, 8), np.uint8)
    recipe = Recipe(schedule=schedule, warmup=0.25, learning_rate=0.5, batch_size=4)  # type: ignore[arg-type]
    run = training(recipe, images)
    rates = []
    for _ in range(40):
        run._train_on(torch.from_numpy(images[:4]), torch.arange(4))
        rates.append(run._optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.5 * first)
    assert max(rates) == pytest.approx(0.5)
    assert rates[10 if schedule == "one_cycle" else 0] == pytest.approx(0.5)
    assert rates[-1] < 0.01
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)


def test_biases_and_norms_are_not_decayed() -> None:
    run = training(Recipe(weight_decay=0.3), np.zeros((20, 1, 8, 8), np.uint8))
    groups = run._optimizer.param_groups
    decays = {parameter.ndim: group["weight_decay"] for group in groups for parameter in group["params"]}
    assert decays == {2: 0.3, 1: 0.0}


@pytest.mark.parametrize(
    ("momentum", "weights"),
    [(0.0003, [1 / 3, 1 / 3, 1 / 3]), (0.5, [0.25, 0.25, 0.5]), (1, [0, 0, 1])],
    ids=["small", "half", "last"],
)
def test_running_statistics_do_not_remember_where_they_began(momentum: float, weights: list[float]) -> None:
    graph = graphs.parse(PLAIN.replace("net:", f"net:\n  - {{name: n, batch_norm2d: {{momentum: {momentum}}}}}"))
    batches = [np.random.default_rng(seed).integers(0, 17, (20, 1, 8, 8), np.uint8) for seed in range(3)]
    part = Part(batches[0], np.arange(20) % 10)
    run = Training(graph, part, SearchData(part, part, tuple("0123456789"), (0.0,), (1.0,)), DIGITS, 0, 3)
    for images in batches:
        run._train_on(torch.from_numpy(images), torch.from_numpy(part.labels))
    state = run.state()
    means, variances = zip(*((images.mean(), images.var(ddof=1)) for images in batches), strict=True)
    assert float(state["n.running_mean"]) == pytest.approx(np.dot(weights, means), rel=1e-5)
    assert float(state["n.running_var"]) == pytest.approx(np.dot(weights, variances), rel=1e-5)


def test_convolutions_begin_with_the_variance_of_he() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(16, 64, 3)
    initialise(convolution)
    assert float(convolution.weight.detach().std()) == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.05)
    assert convolution.bias is not None
    assert not convolution.bias.any()


class Infinite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((10, 64), 1e38))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.T * 1e38


def test_a_loss_that_is_no_number_is_a_divergence(data: Data) -> None:
    class Wild:
        def compile(self, **_: object) -> nn.Module:
            return Infinite()

    with pytest.raises(DivergedError, match="in epoch 1"):
        list(epochs(Wild(), data.search, DIGITS, 0, 1))  # type: ignore[arg-type]


def test_exceptions_become_the_events_that_they_amount_to() -> None:
    assert outcome(3, DivergedError("the loss became nan")) == Diverged(3, "the loss became nan")
    assert outcome(3, MemoryError()) == OutOfMemory(3, "MemoryError")
    assert isinstance(outcome(3, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")), OutOfMemory)
    failed = outcome(3, ValueError("odd"))
    assert isinstance(failed, Failed)
    assert "ValueError: odd" in failed.traceback


def test_memory_that_runs_out_on_the_cpu_is_told_apart_from_other_errors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), hard))
    try:
        with pytest.raises(RuntimeError) as caught:
            torch.empty(1 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes differ"))


def test_a_trainer_reports_every_epoch_and_then_its_end(data: Data) -> None:
    trainer = pickle.loads(pickle.dumps(Trainer(data.search, DIGITS)))  # noqa: S301 - what was pickled here
    events = list(trainer(Job(5, PLAIN, seed=0, epochs=2)))
    assert [type(event) for event in events] == [Progress, Progress, Completed]
    assert events[1].epoch == 2
    assert set(events[1].metrics) == {"train_loss", "validation_loss"}
    assert all(event.trial == 5 for event in events)


def test_a_trainer_turns_a_document_at_fault_into_a_failure(data: Data) -> None:
    events = list(Trainer(data.search, DIGITS)(Job(5, "version: 1\n", seed=0, epochs=2)))
    assert [type(event) for event in events] == [Failed]


def test_a_trial_that_ran_out_of_memory_holds_none_when_it_says_so(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker keeps the trainer's generator until its next job, and the trial is tried again meanwhile."""
    networks: list[weakref.ref[nn.Module]] = []

    def fails(*_: object) -> Iterator[EpochResult]:
        network = nn.Linear(1, 1)
        networks.append(weakref.ref(network))
        yield EpochResult(1, 0.1, 0.1, 0.9, 0.1)
        raise MemoryError(network)

    monkeypatch.setattr("nas.training.epochs", fails)
    events = Trainer(data.search, DIGITS)(Job(5, PLAIN, seed=0, epochs=2))
    assert isinstance(next(events), Progress)
    assert networks[0]() is not None
    assert isinstance(next(events), OutOfMemory)
    assert networks[0]() is None


def test_small_images_are_trained_on_the_cpu_unless_asked_otherwise() -> None:
    assert choose_device("auto", (1, 8, 8)) == "cpu"
    assert choose_device("cuda:1", (1, 8, 8)) == "cuda:1"


def test_the_default_recipe_follows_the_size_of_the_images() -> None:
    assert default_recipe(8, 8) == DIGITS
    assert default_recipe(32, 32) == PHOTOS
    assert not DIGITS.flip


def test_a_recipe_survives_its_json() -> None:
    assert Recipe.model_validate(PHOTOS.model_dump()) == PHOTOS
