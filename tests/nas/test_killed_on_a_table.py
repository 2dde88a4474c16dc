"""Kill equivalence: a search on a table that is killed after any line of its ledger ends as one that was not killed.

A line is what a driver writes at once, and is torn where it is killed meanwhile. For every sampler, with rungs and
without, within a budget, on a table that lacks some of the points, screened and not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nas
from nas.history import History
from nas.ledger import LEDGER, read_ledger
from nas.results import Result
from nas.samplers import SAMPLERS
from tests.nas.fakes import trials_of
from tests.nas.tabulated import SEEN, SPACE, write_table
from tests.nas.test_driver import cut

# So that every sampler learns early in a short search.
EARLY = {
    "evolution.POPULATION": 4,
    "gp.NUM_FIRST": 4,
    "gp.NUM_FRESH": 20,
    "nsga.NSGA2Sampler.num_startup": 4,
    "nsga.POPULATION": 4,
    "tpe.TPESampler.num_startup": 4,
}


@pytest.mark.parametrize(
    ("fidelity", "stride"),
    [
        ("full", 4),
        pytest.param("asha", 1, marks=pytest.mark.slow),
        pytest.param("hyperband", 4, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_on_a_table_goes_on_after_any_line_as_if_nothing_had_been(
    sampler: str, fidelity: str, stride: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)  # no power is cut here
    for name, number in EARLY.items():
        monkeypatch.setattr(f"nas.samplers.{name}", number)
    table = write_table(tmp_path, keep=lambda number: number % 5 != 0)
    seen = "val9" if fidelity == "full" else SEEN
    keys: dict[str, Any] = {"sampler": sampler, "fidelity": fidelity, "trials": 8, "budget": {"max_params": 400}}
    lookup = {"file": str(table), "key": "arch", "seen": seen, "report": "test", "cost": "seconds"}
    result = nas.search(space=SPACE, table=lookup, run=tmp_path / "whole", **keys)
    whole = outcome(result, tmp_path / "whole")
    lines = (tmp_path / "whole" / LEDGER).read_bytes().splitlines()
    for number in range(1, len(lines), stride):
        torn = lines[number][: len(lines[number]) // 2] if number // stride % 2 else b""
        run = cut(tmp_path / "whole", tmp_path / str(number), number, extra=torn)
        assert outcome(nas.resume(run), run) == whole, f"after line {number}"


@pytest.mark.parametrize("screening", ["none", "params"])
@pytest.mark.parametrize("sampler", sorted({*SAMPLERS} - {"auto"}))
def test_so_does_a_longer_one_on_a_table_that_lacks_most(
    sampler: str, screening: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a sampler passes over, since it has no row or another draw is better, it passes over again."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    for name, number in EARLY.items():
        monkeypatch.setattr(f"nas.samplers.{name}", number)
    table = write_table(tmp_path, keep=lambda number: number % 5 in (0, 1))
    keys: dict[str, Any] = {"sampler": sampler, "trials": 40, "budget": {"max_params": 600}, "screening": screening}
    keys |= {"screening_draws": 3} if screening != "none" else {}
    lookup = {"file": str(table), "key": "arch", "seen": "val9", "report": "test", "cost": "seconds"}
    result = nas.search(space=SPACE, table=lookup, run=tmp_path / "whole", **keys)
    whole = outcome(result, tmp_path / "whole")
    num_lines = len((tmp_path / "whole" / LEDGER).read_bytes().splitlines())
    for number in (num_lines // 4, num_lines // 2):
        run = cut(tmp_path / "whole", tmp_path / str(number), number)
        assert outcome(nas.resume(run), run) == whole, f"after line {number}"


def outcome(result: Result, run: Path) -> tuple[object, ...]:
    """All but times: a training that is begun again takes its time again."""
    history = History.of(run, read_ledger(run))
    best = result.best and (result.best.hash, result.best.value)
    return trials_of(history), history.counts(), result.ended_by, best, result.reported
