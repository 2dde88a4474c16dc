"""The linter of spaces finds what is put there to be found."""

from __future__ import annotations

import pytest

import search_spaces
from graphs import Budget

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
    assert params["kept"] < 0.1
    assert max(params, key=lambda address: params[address]) in ("large", "large.conv.kernel_size")
