"""The linter of spaces finds what is put there to be found."""

from __future__ import annotations

import pytest

import search_spaces
from graphs import Budget
from search_spaces.linting import chance

# Groups of 5 divide no width; a window of 9 is no legal network on 8 pixels; the two choices of `kept` are one.
TEXT = """\
version: 1
name: odd
params: {width: {choice: [12, 24]}, groups: {choice: [1, 5]}}
where: [width % groups == 0]
input: {image: {map: [3, 8, 8]}}
net:
  - {name: a, conv: {out_channels: width, kernel_size: 1, groups: groups}}
  - {name: kept, choice: {one: {relu: {}}, other: {relu: {}}}}
  - name: large
    choice:
      none: []
      conv: {conv: {out_channels: 32, kernel_size: {choice: [3, 7]}}}
      wide: {max_pool2d: {kernel_size: {choice: [9, 11]}}}
  - {name: pool, max_pool2d: {kernel_size: {choice: [2, 9]}}}
  - global_avg_pool: {}
  - linear: {out_features: 3}
"""


@pytest.mark.parametrize("is_chain", [True, False])
def test_alternatives_without_networks_and_idle_decisions_are_found(
    is_chain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_chain:
        monkeypatch.setattr(search_spaces.Space, "chain", None)
    report = search_spaces.parse(TEXT).lint(num_samples=120)
    kinds = {(one.kind, one.address, one.alternative) for one in report.findings}
    without_networks = "unreachable" if is_chain else "unseen"  # which samples don't prove
    assert kinds == {
        ("unreachable", "params.groups", 5),
        (without_networks, "large", "wide"),
        (without_networks, "pool.kernel_size", 9),
        ("idle", "kept", None),
    }
    # Legal are 2 widths * (none or 2 kernels) * 2 that do the same: all 12 points are drawn, and are 6 networks.
    assert report.duplicates == 6 / 120
    assert 0 < report.idle_changes < 0.9
    assert report.num_samples == 120


def test_a_decision_that_matters_in_some_networks_is_not_idle() -> None:
    # The kernel of `b` does something in one network of six; only that of `c`, which is never done, does nothing.
    before, after = TEXT.split("  - global_avg_pool")
    steps = (
        "  - {name: b, when: use == 1, conv: {out_channels: 9, kernel_size: {choice: [1, 3]}}}\n"
        "  - {name: c, when: use == 7, conv: {out_channels: 9, kernel_size: {choice: [1, 3]}}}\n"
    )
    text = before.replace("params: {", "params: {use: {range: [1, 6]}, ") + steps + "  - global_avg_pool" + after
    findings = search_spaces.parse(text).lint(num_samples=60).findings
    idle = {one.address: one.message for one in findings if one.kind == "idle"}
    assert idle == dict.fromkeys(
        ("kept", "c.kernel_size"), "changing it left the network as it was, in all of 20 tries"
    )


def test_what_a_budget_leaves_out_is_found() -> None:
    report = search_spaces.parse(TEXT).lint(Budget.of(max_params="12k"), 20)
    infeasible = {(one.address, one.alternative) for one in report.findings if one.kind == "infeasible"}
    # A kernel of 7 has 12 * 32 * 49 = 18,816 weights at least, one of 3 on 24 channels 24 * 32 * 9 = 6,912.
    assert infeasible == {("large.conv.kernel_size", 7)}


def test_costs_hang_on_what_is_large() -> None:
    report = search_spaces.parse(TEXT).lint(num_samples=60)
    params = {one.address: one.params for one in report.influences}
    assert params["kept"] == 0
    assert max(params, key=lambda address: params[address]) in ("large", "large.conv.kernel_size")


# Eight widths of one layer, on which alone its figures hang, and twice eight activations, which cost nothing.
WIDTHS = """\
version: 1
name: widths
input: {image: {map: [3, 8, 8]}}
net:
  - {name: a, conv: {out_channels: {choice: [8, 16, 24, 32, 64, 128, 256, 512]}}}
  - {name: b, activation: {kind: {choice: [relu, relu6, elu, silu, gelu, mish, sigmoid, tanh]}}}
  - {name: c, activation: {kind: {choice: [relu, relu6, elu, silu, gelu, mish, sigmoid, tanh]}}}
"""


def test_what_chance_explains_is_not_said() -> None:
    space = search_spaces.parse(WIDTHS)
    reports = [space.lint(num_samples=50, seed=seed) for seed in range(40)]
    shares = [{one.address: (one.params, one.macs) for one in report.influences} for report in reports]
    assert all(min(share["a.out_channels"]) > 0.9 for share in shares)
    # One report in twenty may say something of chance, so two of forty; three or fewer with a probability of 86 %.
    assert sum(any(share[kind] != (0, 0) for kind in ("b.kind", "c.kind")) for share in shares) <= 3


def test_a_chain_is_looked_at_on_more_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search_spaces.parse(WIDTHS).lint().num_samples == 400
    monkeypatch.setattr(search_spaces.Space, "chain", None)
    assert search_spaces.parse(WIDTHS).lint().num_samples == 50


@pytest.mark.parametrize(
    ("taken", "ranks", "expected"),
    [
        ([0, 0, 1, 1], [0, 1, 2, 3], 0.1056),  # F(1, 2) = 4 / 0.5 = 8 = t^2, 2 degrees: 1 - (8 / 10) ** 0.5
        ([0, 1, 0, 1], [0, 0, 1, 1], 1.0),
        ([0, 0, 1, 1], [0, 0, 1, 1], 0.0),
        ([0, 0, 0, 0], [0, 1, 2, 3], 1.0),
        ([None, None, 0, 1], [0, 1, 2, 3], 1.0),
    ],
)
def test_the_chance_of_groups_without_an_effect(taken: list[int | None], ranks: list[float], expected: float) -> None:
    assert chance(list(taken), ranks) == pytest.approx(expected, abs=5e-5)
