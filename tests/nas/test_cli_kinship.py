"""`nas space locate` and `nas space kin`: what they print, and the keys that `--json` promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nas.space_commands import printed, told

NETWORK = """\
version: 1
name: mine
input: {image: {map: [1, 8, 8]}}
net:
  - {name: a, conv: {out_channels: WIDTH, kernel_size: 3}}
  - global_avg_pool: {}
  - {name: fc, linear: {out_features: 7}}
"""
SPACE = NETWORK.replace("mine", "own").replace("WIDTH", "{choice: [4, 8]}").replace("8, 8]}}", "size, size]}}")
SPACE = SPACE.replace("features: 7", "features: classes").replace("input:", "params: {size: 32, classes: 10}\ninput:")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(SPACE, "utf-8")
    Path("mine.yaml").write_text(NETWORK.replace("WIDTH", "8"), "utf-8")
    Path("other.yaml").write_text(NETWORK.replace("WIDTH", "6"), "utf-8")


def test_locate_tells_the_decisions_at_the_size_and_the_classes_of_the_network(
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = {"member": True, "decisions": {"a.out_channels": 8}, "free": [], "reason": ""}
    assert told(capsys, "locate", "own.yaml", "mine.yaml") == expected
    assert printed(capsys, "locate", "own.yaml", "mine.yaml") == (
        "mine.yaml is a point of own.yaml, by 1 decision\n\ndecision        taken\n--------------  -----\n"
        "a.out_channels  8\n"
    )


def test_locate_tells_where_a_network_leaves_the_space(capsys: pytest.CaptureFixture[str]) -> None:
    reason = (
        "the space has no `conv2d: {out_channels: 6, kernel_size: 3, padding: 1, bias: false}` at `a.conv`: "
        "there it has out_channels `4` or `8`"
    )
    found = told(capsys, "locate", "own.yaml", "other.yaml")
    assert found == {"member": False, "decisions": None, "free": [], "reason": reason}
    assert printed(capsys, "locate", "own.yaml", "other.yaml") == f"other.yaml is no point of own.yaml: {reason}\n"


def test_locate_leaves_out_what_the_network_does_not_depend_on(capsys: pytest.CaptureFixture[str]) -> None:
    more = (
        "  - {name: b, when: classes > 9, conv: {out_channels: 4, kernel_size: {choice: [1, 3]}}}\n  - global_avg_pool"
    )
    Path("more.yaml").write_text(SPACE.replace("  - global_avg_pool", more))
    found = told(capsys, "locate", "more.yaml", "mine.yaml")  # of 7 classes
    assert found["decisions"].keys() == {"a.out_channels", "b.kernel_size"}
    assert found["free"] == ["b.kernel_size"]
    assert printed(capsys, "locate", "more.yaml", "mine.yaml") == (
        "mine.yaml is a point of more.yaml, by 1 decision; 1 more could be any, --json has them\n\n"
        "decision        taken\n--------------  -----\na.out_channels  8\n"
    )


def test_kin_says_of_which_network_it_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "kin", "other.yaml", "--space", "own.yaml", code=1)
    assert text.startswith("error: other.yaml is no point of own.yaml: the space has no `conv2d: {out_channels: 6")


def test_kin_lists_networks_near_another_with_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    kin = {one["name"]: one for one in told(capsys, "kin", "resnet50", "--space", "cnn")["kin"]}
    assert kin["wide_resnet50_2"] == {
        "name": "wide_resnet50_2",
        "distance": 1,
        "changes": {"params.width_factor": [1, 2]},
    }
    assert kin["resnext50_32x4d"]["distance"] == kin["seresnet50"]["distance"] == 2


def test_kin_of_what_is_no_point_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the space has no `multiply" in printed(capsys, "kin", "lenet5_1998", code=1)
