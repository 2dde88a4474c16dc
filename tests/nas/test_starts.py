"""The hand-designed networks that a search begins with."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

import search_spaces
from graphs import Budget
from nas.cli.entry import run
from nas.cli.progress import describe
from nas.history import History
from nas.ledger import Ledger
from nas.narrowing import narrowed, scaled
from nas.opening import open_study
from nas.records import Start
from nas.starts import find_starts
from nas.study_files import read_study
from search_spaces.kinship import located, shipped_points
from search_spaces.locating import Allowance
from tests.nas.fakes import started as started_with

BUDGET = Budget.of(max_params="1M", max_macs="50M")

# LeNet-5 with its first width left open.
LENET = """
version: 1
name: around_lenet
params: {classes: 10, channels: 1, size: 32}
input: {image: {map: [channels, size, size]}}
net:
  - {name: c1, conv: {out_channels: {choice: [3, 6]}, kernel_size: 5, padding: 0, norm: none, activation: tanh}}
  - avg_pool2d: {kernel_size: 2}
  - conv: {out_channels: 16, kernel_size: 5, padding: 0, norm: none, activation: tanh}
  - avg_pool2d: {kernel_size: 2}
  - conv: {out_channels: 120, kernel_size: 5, padding: 0, norm: none, activation: tanh}
  - flatten: {}
  - linear: {out_features: 84}
  - tanh: {}
  - {name: logits, linear: {out_features: classes}}
output: {logits: logits}
"""


@pytest.fixture(scope="module")
def cnn() -> search_spaces.Space:
    return search_spaces.load("cnn", {"size": 32, "classes": 10})


def test_starts_keep_the_budget_at_the_size_of_the_study(cnn: search_spaces.Space) -> None:
    told: list[str] = []
    starts = find_starts(cnn, "cnn", BUDGET, 8, told.append)
    assert not told  # where they lie is known
    assert len(starts) == 8
    points = [cnn.point(start.decisions) for start in starts]
    assert all(BUDGET.admits(point.costs) for point in points)
    assert [point.decisions for point in points] == [start.decisions for start in starts]
    assert len({point.hash for point in points}) == 8


def test_starts_are_of_different_families_the_largest_first(cnn: search_spaces.Space) -> None:
    names = [start.name for start in find_starts(cnn, "cnn", BUDGET, 4)]
    families = [search_spaces.published.published()[name].family for name in names]
    assert len(set(families)) == 4
    params = [cnn.point(start.decisions).costs.params for start in find_starts(cnn, "cnn", BUDGET, 4)]
    assert params == sorted(params, reverse=True)
    (smallest,) = find_starts(cnn, "cnn", Budget(), 1)
    assert cnn.point(smallest.decisions).costs.params < min(params)


def test_a_start_has_the_name_of_a_network_only_where_it_is_that_network(cnn: search_spaces.Space) -> None:
    starts = {start.name: cnn.point(start.decisions) for start in find_starts(cnn, "cnn", BUDGET, 100)}
    assert {"lenet5", "mobilenet_v1_025", "shufflenet_v2_x0_5"} <= starts.keys()
    settings = {"size": 32, "classes": 10}
    assert starts["mobilenet_v1_025"].hash == search_spaces.load_network("mobilenet_v1_025", settings).hash
    nasnet = cnn.point(shipped_points("cnn")["nasnet_a_mobile"])  # keeps the budget, since it lost its cells
    assert BUDGET.admits(nasnet.costs)
    assert nasnet.hash != search_spaces.load_network("nasnet_a_mobile", settings).hash
    assert not {"nasnet_a_mobile", "nasnet_a_large"} & starts.keys()


def test_a_start_is_its_network_with_the_channels_of_the_images() -> None:
    gray = search_spaces.load("cnn", {"size": 28, "classes": 10, "channels": 1})
    starts = {start.name: gray.point(start.decisions) for start in find_starts(gray, "cnn", BUDGET, 100)}
    assert starts["lenet_caffe"].hash == search_spaces.load_network("lenet_caffe").hash
    [stem] = [node for node in starts["mobilenet_v1_025"].graph.nodes if node.sources == (0,)]
    assert stem.type.shape == (8, 14, 14)  # of a gray image of 28 x 28
    assert "lenet5" not in starts  # its third convolution has no room


def test_networks_that_are_too_large_come_narrowed_after_those_that_fit(cnn: search_spaces.Space) -> None:
    tight = Budget.of(max_params="300k", max_macs="20M")
    starts = find_starts(cnn, "cnn", tight, 100)
    fitting = [start.name for start in starts if start.name]
    assert {"lenet5", "mobilenet_v1_025"} <= {*fitting}
    assert [start.name for start in starts[: len(fitting)]] == fitting
    rest = starts[len(fitting) :]
    assert len(rest) > 5
    assert all(tight.admits(cnn.point(start.decisions).costs) for start in rest)
    known = search_spaces.published.published()
    assert len({known[start.narrows].family for start in rest}) == len(rest)
    inputs = [search_spaces.published.verified()[start.narrows].input for start in rest]
    assert inputs[:3] == ["3x32x32", "1x28x28", "3x32x32"]  # the images are of 32 x 32
    assert "3x32x32" not in inputs[inputs.index("3x224x224") :]


def test_a_network_is_narrowed_as_a_whole(cnn: search_spaces.Space) -> None:
    whole = shipped_points("cnn")["wrn28_10_cifar10"]  # three stages of four blocks: 160, 320 and 640 channels
    half = scaled(cnn, whole, 0.5)
    changed = {address: value for address, value in half.items() if value != whole[address]}
    widths = {address: value for address, value in changed.items() if address.endswith("width")}
    depths = {address: value for address, value in changed.items() if address.endswith("blocks.repeat")}
    assert changed == {**widths, **depths}  # neither kernels nor strides, nor the number of stages
    assert {*depths.values()} == {1}  # 4 * 0.5^2
    assert all(isinstance(width, int) and width <= 0.5 * whole[address] for address, width in widths.items())  # type: ignore[operator]
    assert len(depths) == 3
    assert len(widths) == 3


def test_narrowed_networks_keep_a_least_size_too(cnn: search_spaces.Space) -> None:
    most = Budget.of(max_params="90k", max_macs="5M")
    both = Budget.of(max_params="90k", max_macs="5M", min_params="60k")
    wide = {
        start.narrows for start in find_starts(cnn, "cnn", most, 100) if both.admits(cnn.point(start.decisions).costs)
    }
    assert len(wide) > 3
    assert wide <= {start.narrows for start in find_starts(cnn, "cnn", both, 100)} | {""}


def test_a_network_that_no_narrowing_fits_is_left_out() -> None:
    space = search_spaces.parse(LENET, settings={"classes": 7, "channels": 3})
    assert narrowed(space, {"c1.out_channels": 6}, Budget.of(max_params=10)) is None
    assert find_starts(space, "around_lenet.yaml", Budget.of(max_params=10), 8) == ()


def test_in_a_space_of_ones_own_networks_are_looked_for() -> None:
    space = search_spaces.parse(LENET, settings={"classes": 7, "channels": 3})
    told: list[str] = []
    (start,) = find_starts(space, "around_lenet.yaml", Budget(), 8, told.append)
    (text,) = told
    assert "looking for hand-designed networks in `around_lenet`" in text
    assert start.name == "lenet5"
    assert start.decisions == {"c1.out_channels": 6}


def test_a_check_of_a_study_looks_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are no part of what can be wrong, and take seconds to look for."""
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(
        "version: 1\nname: own\nparams: {classes: 10}\ninput: {image: {map: [1, 8, 8]}}\nnet:\n"
        "  - {name: c1, conv: {out_channels: {choice: [3, 6]}, kernel_size: 3}}\n"
        "  - global_avg_pool: {}\n  - linear: {out_features: classes}\n",
        "utf-8",
    )
    Path("study.yaml").write_text("{version: 1, space: own.yaml, data: digits}", "utf-8")
    assert run(["check", "study.yaml"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("study.yaml: ok, a study of `own`")
    assert "looking for" not in captured.err
    told: list[str] = []
    open_study(read_study("study.yaml").study({}), on_wait=told.append)
    assert "looking for hand-designed networks in `own`" in told[-1]  # as a search does


def test_they_are_looked_for_by_steps_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    space = search_spaces.parse(LENET)
    hours = count(step=3600)
    monkeypatch.setattr("nas.starts.monotonic", lambda: next(hours), raising=False)
    monkeypatch.setattr("time.monotonic", lambda: next(hours))
    assert [start.name for start in find_starts(space, "around_lenet.yaml", Budget(), 8)] == ["lenet5"]
    allowance = Allowance(10**6)
    looked_for = [name for name, _ in located(space, allowance=allowance)]
    num_steps = 10**6 - allowance.left
    for part in (1, num_steps // 2, num_steps - 1):
        allowance = Allowance(part)
        first = [name for name, _ in located(space, allowance=allowance)]
        assert first == looked_for[: len(first)] != []
        assert allowance.left == 0


def test_none_are_looked_for_where_none_are_wanted(cnn: search_spaces.Space) -> None:
    assert find_starts(cnn, "cnn", BUDGET, 0) == ()


def test_in_a_space_of_one_network_none_is_looked_for() -> None:
    told: list[str] = []
    alone = search_spaces.parse(LENET.replace("{choice: [3, 6]}", "6"), "alone.yaml")
    assert find_starts(alone, "alone.yaml", BUDGET, 8, told.append) == ()
    assert not told


@pytest.mark.parametrize(
    ("starts", "keys", "said"),
    [
        ((Start("lenet5", {}), Start("mobilenet_v1_025", {})), {}, ["starts: 2, lenet5, mobilenet_v1_025"]),
        (
            (Start("lenet5", {}), Start("", {}, narrows="lenet_caffe"), Start("", {}, narrows="resnet20_cifar10")),
            {},
            ["starts: 3, lenet5; narrowed: lenet_caffe, resnet20_cifar10"],
        ),
        ((Start("", {}, narrows="lenet_caffe"),), {}, ["starts: 1, narrowed: lenet_caffe"]),
        ((), {}, ["starts: no hand-designed network fits"]),
        ((), {"starts": 0}, []),
    ],
)
def test_a_search_says_what_it_begins_with(
    starts: tuple[Start, ...], keys: dict[str, int], said: list[str], tmp_path: Path
) -> None:
    started = replace(started_with(**keys), starts=starts)
    with Ledger.create(tmp_path) as ledger:
        history = History(tmp_path, ledger.append(started))
    lines = describe(started, history).splitlines()
    assert [line for line in lines if not line.startswith("recipe: ")] == [f"run {tmp_path}", *said]
