"""How a GPU is divided among the trials on it: the arithmetic of lanes, on a GPU that is a fake.

What torch does with the part that it is given, and that neighbours of a greedy trial live on, was measured on a GPU
(benchmarks/trials_per_gpu.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import ray
import torch

from nas.executors.ray import _capacity
from nas.executors.ray_lanes import CONTEXT_BYTES, GUARDED, LANE_STEP, Lanes, Worker, resources
from nas.executors.ray_session import RayError
from nas.training import outcome
from nas.trials import Event, Job, OutOfMemory, Progress

GIB = 1 << 30


@pytest.fixture
def fractions(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[float]:
    """The parts of an 80 GiB GPU that torch was told to keep to, in order."""
    told: list[float] = []
    total = getattr(request, "param", 80) * GIB
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=total))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", told.append)
    return told


def train(job: Job) -> Iterator[Event]:
    """As a trainer on a GPU that can't give what is asked: the error of torch, turned into its event."""
    yield Progress(job.trial, 1, 0.5)
    try:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB. GPU 0 has ...")
    except torch.OutOfMemoryError as error:
        yield outcome(job.trial, error)


def worker() -> Worker:
    """A worker without Tune around it."""
    made = Worker.__new__(Worker)
    made._trainer = train
    return made


@pytest.mark.parametrize(("trials_per_gpu", "part"), [(1, 0.94375), (4, 0.23125), (8, 0.1125)])
def test_a_worker_keeps_to_its_part_of_the_memory(fractions: list[float], trials_per_gpu: int, part: float) -> None:
    """Of 80 GiB: 95 % by the trials, each less half a GiB for CUDA itself."""
    worker().reset_config({"job": Job(0, "", seed=0, epochs=3), "trials_per_gpu": trials_per_gpu})
    assert fractions == [pytest.approx(part)]
    assert trials_per_gpu * (fractions[0] + CONTEXT_BYTES / (80 * GIB)) == pytest.approx(GUARDED)


@pytest.mark.parametrize("fractions", [8], indirect=True)
def test_more_trials_than_a_gpu_has_room_for_get_next_to_nothing_of_it_and_no_negative_part(
    fractions: list[float],
) -> None:
    worker().reset_config({"job": Job(0, "", seed=0, epochs=3), "trials_per_gpu": 32})
    assert fractions == [LANE_STEP]


def test_a_trial_that_ran_out_of_memory_has_the_whole_gpu_when_it_is_alone(fractions: list[float]) -> None:
    one = worker()
    one.reset_config({"job": Job(7, "", seed=0, epochs=3), "trials_per_gpu": 4})
    assert [type(event) for event in one.step()["events"]] == [Progress]
    [event] = one.step()["events"]
    assert event == OutOfMemory(7, "CUDA out of memory. Tried to allocate 40.00 GiB. GPU 0 has ...")
    one.reset_config({"job": Job(7, "", seed=0, epochs=3, attempt=1, alone=True), "trials_per_gpu": 4})
    assert fractions == pytest.approx([0.23125, 0.94375])


def test_without_trials_per_gpu_no_memory_is_guarded(fractions: list[float]) -> None:
    worker().reset_config({"job": Job(0, "", seed=0, epochs=3), "trials_per_gpu": None})
    assert fractions == []


def test_each_lane_asks_for_its_part_of_a_gpu_and_for_what_no_other_lane_does() -> None:
    asked = [resources({"lane": lane, "trials_per_gpu": 4}).bundles[0] for lane in range(8)]
    assert {bundle["GPU"] for bundle in asked} == {0.25}
    assert len({bundle["CPU"] for bundle in asked}) == 8
    assert all(0.999 <= bundle["CPU"] <= 1 for bundle in asked)
    assert resources({"lane": 0, "trials_per_gpu": None}).bundles == [{"CPU": 1}]


@pytest.mark.parametrize(("room", "has_place"), [({"CPU": 1, "GPU": 0.25}, True), ({"CPU": 1, "GPU": 0.2}, False)])
def test_a_lane_that_found_no_place_waits_for_room_on_a_gpu(
    room: dict[str, float], has_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "available_resources", lambda: room)
    lanes = Lanes(1, trials_per_gpu=4)
    lanes.has_none(0, wait_seconds=0)
    assert (lanes.take() is not None) == has_place


@pytest.mark.parametrize(
    ("resources_there", "asked", "is_cluster", "wanted"),
    [
        ({"CPU": 16, "GPU": 2}, None, False, 8),
        ({"CPU": 3, "GPU": 2}, None, False, 3),
        ({"CPU": 16, "GPU": 2}, 5, False, 5),
        ({"CPU": 16, "GPU": 2}, 9, True, 9),  # the cluster may grow
    ],
)
def test_there_are_as_many_workers_as_places_on_gpus_and_cores(
    resources_there: dict[str, float],
    asked: int | None,
    is_cluster: bool,
    wanted: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: resources_there)
    assert _capacity(asked, 4, is_cluster=is_cluster) == wanted


def test_more_workers_than_places_on_the_gpus_of_this_machine_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 16, "GPU": 2})
    with pytest.raises(RayError, match="9 trials at a time, 4 on a GPU, need more GPUs than the 2 here"):
        _capacity(9, 4, is_cluster=False)
