"""What a notebook prints of a study and of what came of it: a line, however much is known."""

from __future__ import annotations

from pathlib import Path

from nas import results
from nas.answers import BestRow
from nas.comparing import Comparison, Trace
from nas.results import Candidate, Front, Result
from nas.study import Study

BEST = Candidate(7, "ab" * 32, 0.97512, 9, 3210, 50_000, {"width": 8})
FRONT = Front(("accuracy", "params"), (BEST,), 0.81234, {"params": 4000.0}, {"params": 0.0})


def test_a_study_is_the_call_that_makes_it() -> None:
    study = Study(space="small", data="digits", budget={"max_params": "4k"}, recipe={"epochs": 3}, trials=20)
    maps = "budget={'max_params': 4000}, recipe={'epochs': 3}"
    assert repr(study) == f"Study(space='small', data='digits', {maps}, trials=20)"
    again = Study(space="small", data="digits", budget={"max_params": 4000}, recipe={"epochs": 3}, trials=20)
    assert again == study


def test_a_result_is_a_line_with_how_it_stands_and_its_best() -> None:
    run, trials = Path("runs/x"), {"complete": 20}
    ended = Result(
        run, "trials", trials, BEST, (BEST,) * 9, results.TestScore((0.96, 0.97)), run / "bundle", 12.5, FRONT
    )
    line = "<Result runs/x: ended by trials, best trial 7 with 0.9751 and 3.21k params, test 0.965>"
    assert repr(ended) == line
    assert repr(Result(run, "running", trials, None, (), None, None, 1.0)) == "<Result runs/x: running, no network yet>"
    assert repr(Result(run, "time", trials, None, (), None, None, 1.0)) == "<Result runs/x: ended by time, no network>"


def test_a_front_is_a_line_with_its_objectives() -> None:
    assert repr(FRONT) == "<Front: 1 network by accuracy and params, hypervolume 0.8123>"


def test_a_comparison_is_a_line_with_its_samplers() -> None:
    traces = tuple(Trace(name, seed, (), (), (), 0.0) for name in ("gp", "random") for seed in range(100))
    study, best = Study(space="cells"), BestRow(("0",), 0.9, 0.9)
    comparison = Comparison(study, "cells", best, ("gp", "random"), traces)
    assert repr(comparison) == "<Comparison cells: gp and random, 200 searches>"
    one = Comparison(study, "cells", best, ("gp",), traces[:1], interrupted=True)
    assert repr(one) == "<Comparison cells: gp, 1 search, interrupted>"
