"""Searches that look their trials up in a table, from the executor to the command line."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import nas
import search_spaces
from blocks.errors import FixpointError
from graphs import Budget, DocumentError
from nas.answers import Answers
from nas.cli.entry import run as run_command
from nas.comparing import Comparison, Trace, compare
from nas.executors.tabular import TabularExecutor
from nas.history import History
from nas.ledger import LEDGER, RunError, read_ledger
from nas.lookup import Lookup
from nas.results import Result
from nas.study import Study, StudyError
from nas.tables import TableError, read_table
from nas.trials import Completed, Event, Job, Paused, Progress, Stopped
from tests.nas.tabulated import SPACE, rows_of, write_space, write_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path)


def lookup_of(table: Path, **more: object) -> dict[str, Any]:
    return {"file": str(table), "key": "arch", "seen": "val9", "report": "test", **more}


def answers_of(table: Path, **more: object) -> Answers:
    return Answers(SPACE, read_table(table), Lookup.model_validate(lookup_of(table, **more)))


def search(folder: Path, table: Path, **keys: Any) -> Result:
    """A run of random search, unless `keys` say something else."""
    lookup = lookup_of(table, **keys.pop("lookup", {}))
    return nas.search(space=SPACE, table=lookup, run=folder, **{"sampler": "random", "trials": 10, **keys})


def history_of(folder: Path) -> History:
    return History.of(folder, read_ledger(folder))


def job(row: dict[str, str], trial: int, epochs: int = 9, **more: Any) -> Job:
    return Job(trial, "", seed=0, epochs=epochs, decisions=SPACE.decode((row["arch"],)), **more)


def all_events(executor: TabularExecutor) -> list[tuple[float, Event]]:
    found = []
    while events := executor.events(0.0):
        found += [(executor.now, event) for event in events]
    return found


@pytest.mark.parametrize(
    ("minimize", "change"),
    [(False, lambda value: value / 100), (True, lambda value: 100 - value)],
    ids=["share", "error in percent"],
)
def test_the_share_that_a_front_dominates_is_that_of_the_table_whatever_its_scale(
    tmp_path: Path, table: Path, minimize: bool, change: Callable[[float], float]
) -> None:
    rows = rows_of(table)
    extremes = [pick(float(row["val9"]) for row in rows) for pick in (min, max)]
    keys: dict[str, Any] = {"objectives": ["accuracy", "params"], "budget": {"max_params": 900}}
    percent = search(tmp_path / "percent", table, **keys)
    for row in rows:
        row["val9"] = str(change(float(row["val9"])))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    other = search(tmp_path / "other", table, lookup={"minimize": minimize}, **keys)
    assert percent.front is not None
    assert other.front is not None
    assert percent.front.reference == {"accuracy": extremes[0], "params": 900.0}
    assert percent.front.ideal == {"accuracy": extremes[1], "params": 0.0}
    assert other.front.reference["accuracy"] == pytest.approx(change(extremes[0]))
    assert other.front.ideal["accuracy"] == pytest.approx(change(extremes[1]))
    assert 0 < percent.front.hypervolume < 1
    assert other.front.hypervolume == pytest.approx(percent.front.hypervolume, abs=2e-6)


def test_a_trial_is_looked_up_and_takes_the_seconds_of_the_table(table: Path) -> None:
    row = rows_of(table)[5]
    answers = answers_of(table, seen={1: "val1", 9: "val9"}, cost="seconds")
    with TabularExecutor(answers) as executor:
        executor.submit(job(row, 3))
        (early, first), (late, last), (end, ending) = all_events(executor)
    seconds = float(row["seconds"])
    assert isinstance(first, Progress)
    assert isinstance(last, Progress)
    assert [(one.epoch, one.value) for one in (first, last)] == [(1, float(row["val1"])), (9, float(row["val9"]))]
    assert (first.seconds, last.seconds) == pytest.approx((seconds / 9, seconds * 8 / 9))
    assert ending == Completed(3)
    assert (early, late, end) == pytest.approx((seconds / 9, seconds, seconds))


def test_workers_run_side_by_side_and_what_ends_first_is_told_first(table: Path) -> None:
    slow, fast = sorted(rows_of(table)[:2], key=lambda row: -float(row["seconds"]))
    with TabularExecutor(answers_of(table, cost="seconds"), workers=2) as executor:
        executor.submit(job(slow, 0, epochs=1))
        executor.submit(job(fast, 1, epochs=1))
        told = [(now, event.trial) for now, event in all_events(executor) if isinstance(event, Completed)]
    assert told == [(float(fast["seconds"]), 1), (float(slow["seconds"]), 0)]


def test_a_part_of_a_training_begins_and_ends_where_the_job_says(table: Path) -> None:
    row = rows_of(table)[0]
    with TabularExecutor(answers_of(table, seen="1=val1,9=val9")) as executor:
        executor.submit(job(row, 0, until=1))
        assert [type(event) for _, event in all_events(executor)] == [Progress, Paused]
        assert executor.now == 1.0
        executor.submit(job(row, 0, begin=1))
        (_, progress), (_, end) = all_events(executor)
        assert executor.now == 9.0
    assert isinstance(progress, Progress)
    assert (progress.epoch, progress.seconds) == (9, 8.0)
    assert end == Completed(0)


def test_a_trial_that_is_stopped_says_no_more_and_its_time_is_not_spent(table: Path) -> None:
    with TabularExecutor(answers_of(table, seen="1=val1,9=val9")) as executor:
        executor.submit(job(rows_of(table)[0], 0))
        executor.events(0.0)
        executor.stop(0)
        executor.stop(0)
        assert all_events(executor) == [(1.0, Stopped(0, 1))]


def test_a_search_that_sees_all_finds_the_best_row_and_reports_it(tmp_path: Path, table: Path) -> None:
    result = search(tmp_path / "run", table, trials=200)
    best = max(rows_of(table), key=lambda row: float(row["val9"]))
    assert result.ended_by == "space exhausted"
    assert result.trials["complete"] == SPACE.size()
    assert result.best is not None
    assert (result.best.value, result.reported) == (float(best["val9"]), float(best["test"]))
    assert nas.status(tmp_path / "run") == result


def test_less_is_better_where_it_is_a_loss(tmp_path: Path, table: Path) -> None:
    result = search(tmp_path / "run", table, trials=200, lookup={"minimize": True})
    best = min(rows_of(table), key=lambda row: float(row["val9"]))
    assert result.best is not None
    assert (result.best.value, result.reported) == (float(best["val9"]), float(best["test"]))


def test_time_is_that_of_the_table(tmp_path: Path, table: Path) -> None:
    result = search(tmp_path / "run", table, trials=None, time=200, lookup={"cost": "seconds"})
    spent = [trial.seconds for trial in history_of(tmp_path / "run").searched]
    assert result.ended_by == "time"
    assert sum(spent[:-1]) < 200 <= sum(spent) == pytest.approx(result.seconds, abs=0.1)


def test_early_columns_are_rungs_where_trials_pause_and_the_best_go_on(tmp_path: Path, table: Path) -> None:
    early = {"seen": {1: "val1", 9: "val9"}}
    result = search(tmp_path / "run", table, trials=30, lookup=early)
    searched = history_of(tmp_path / "run").searched
    whole = [trial for trial in searched if trial.state == "complete"]
    assert {trial.epoch for trial in whole} == {9}
    assert {trial.epoch for trial in searched if trial.state == "stopped"} == {1}
    assert 10 <= len(whole) < len(searched) == 30  # one in three goes on, or more
    first = sorted((trial.curve[0].value for trial in searched), reverse=True)
    assert {trial.curve[0].value for trial in whole} >= set(first[:10])
    assert result.seconds == pytest.approx(30 * 1 + len(whole) * 8)


def test_what_is_not_in_the_table_is_never_proposed(tmp_path: Path) -> None:
    table = write_table(tmp_path, keep=lambda number: number % 3 != 0)
    table.write_text(table.read_text().replace(rows_of(table)[0]["val9"], ""))  # an empty cell is no row either
    known = {row["arch"] for row in rows_of(table) if row["val9"]}
    result = search(tmp_path / "run", table, trials=200)
    assert result.notes == (f"the space has 144 points, {len(known)} have a row",)
    assert result.ended_by == "table exhausted"
    assert result.trials == {"complete": len({SPACE.point(SPACE.decode((key,))).hash for key in known})}
    assert {SPACE.key(trial.decisions)[0] for trial in history_of(tmp_path / "run").searched} <= known


WITH_TWINS = """\
version: 1
name: twins
params: {width: {choice: [4, 6, 8, 10]}}
input: {image: {map: [3, 8, 8]}}
net:
  - {name: stem, conv: {out_channels: width, kernel_size: 3}}
  - name: a
    choice:
      skip: []
      relu: {relu: {}}
      c1: {conv: {out_channels: width, kernel_size: 1}}
      c3: {conv: {out_channels: width, kernel_size: 3}}
  - name: b
    choice:
      skip: []
      silu: {silu: {}}
      c1: {conv: {out_channels: width, kernel_size: 1}}
      c3: {conv: {out_channels: width, kernel_size: 3}}
  - global_avg_pool: {}
  - linear: {out_features: 10}
key:
  of: "{params.width}{a}{b}"
"""


@pytest.mark.parametrize("sampler", ["gp", "local", "evolution", "tpe", "nsga2", "random"])
def test_a_small_table_with_gaps_is_searched_to_its_end(sampler: str, tmp_path: Path) -> None:
    space = search_spaces.parse(WITH_TWINS, "twins.yaml")
    table = write_table(tmp_path, space, keep=lambda number: number % 9 != 4)
    answered = {space.point(space.decode((row["arch"],))).hash for row in rows_of(table)}
    missing = {point.hash for point in space.points()} - answered
    num_gaps = 64 - len(rows_of(table))
    assert 0 < len(missing) < num_gaps  # of the other gaps the network has a row under other decisions
    keys: dict[str, Any] = {"objectives": ["accuracy", "params"]} if sampler == "nsga2" else {}
    keys |= {"space": space, "table": lookup_of(table), "sampler": sampler, "trials": 70}
    folder = tmp_path / "run"
    nas.search(run=folder, **keys)
    history = history_of(folder)
    assert {trial.hash for trial in history.searched} == answered
    assert history.counts() == {"complete": len(answered)}
    assert history.ended_by == "table exhausted"


A_MILLION = """\
version: 1
name: million
params: {a: &ten {choice: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}, b: *ten, c: *ten, d: *ten, e: *ten, f: *ten}
input: {image: {map: [1, 4, 4]}}
net:
  - conv2d: {out_channels: a, kernel_size: 1}
  - conv2d: {out_channels: b, kernel_size: 1}
  - conv2d: {out_channels: c, kernel_size: 1}
  - conv2d: {out_channels: d, kernel_size: 1}
  - conv2d: {out_channels: e, kernel_size: 1}
  - conv2d: {out_channels: f, kernel_size: 1}
key: "{params.a}:{params.b}:{params.c}:{params.d}:{params.e}:{params.f}"
"""


@pytest.mark.parametrize("keys", [{"trials": 100}, {"trials": None, "time": "1h"}, {"screening": "params"}])
@pytest.mark.parametrize("sampler", ["gp", "local", "evolution", "tpe", "nsga2", "random"])
def test_three_rows_of_a_million_points_are_found_and_then_the_search_ends(
    sampler: str, keys: dict[str, Any], tmp_path: Path
) -> None:
    space = search_spaces.parse(A_MILLION)
    assert space.size() == 10**6
    rows = ["1:2:3:4:5:6", "6:6:6:6:6:6", "10:10:10:10:10:10", "6:6:6:6:6:7"]
    table = tmp_path / "few.csv"
    table.write_text("arch,val\n" + "".join(f"{row},{number}\n" for number, row in enumerate(rows)))
    lookup = {"file": str(table), "key": "arch", "seen": "val"}
    budget = {"max_params": space.point(space.decode((rows[2],))).costs.params - 1}
    keys = {**keys, "sampler": sampler, "budget": budget}
    result = nas.search(space=space, table=lookup, run=tmp_path / "run", **keys)
    assert {space.key(one.decisions)[0] for one in history_of(tmp_path / "run").searched} == {*rows} - {rows[2]}
    assert result.ended_by == "table exhausted"
    assert result.notes == ("the space has 1,000,000 points, 4 have a row",)


@pytest.mark.parametrize("run", [nas.search, nas.compare])
def test_a_budget_that_no_row_keeps_is_refused(run: Any, tmp_path: Path) -> None:
    points = sorted(SPACE.points(), key=lambda point: point.costs.params)
    large = {SPACE.key(point.decisions) for point in points[-9:]}
    table = write_table(tmp_path, keep=lambda number: SPACE.key(list(SPACE.points())[number].decisions) in large)
    keys = {"space": SPACE, "table": lookup_of(table), "budget": {"max_params": 200}}
    with pytest.raises(TableError, match=r"no row of .* is a point of `little` that keeps params <= 200"):
        run(**keys, **({"run": tmp_path / "run"} if run is nas.search else {"samplers": ["random"], "seeds": 1}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("run", [nas.search, nas.compare])
def test_a_table_of_networks_that_are_none_is_refused(run: Any, tmp_path: Path) -> None:
    space = search_spaces.parse(
        """\
version: 1
name: wide
params: {kernel: {choice: [1, 3, 11]}}
input: {image: {map: [1, 8, 8]}}
net: [{conv2d: {out_channels: 4, kernel_size: kernel}}]
key: ["{params.kernel}"]
"""
    )
    (tmp_path / "none.csv").write_text("kernel,val\n11,0.5\n")
    keys = {"space": space, "table": {"file": str(tmp_path / "none.csv"), "key": "kernel", "seen": "val"}}
    with pytest.raises(TableError, match=r"no row of .*none.csv is a point of `wide` that is a legal network"):
        run(**keys, **({"run": tmp_path / "run"} if run is nas.search else {"samplers": ["random"], "seeds": 1}))
    assert not (tmp_path / "run").exists()


def test_a_table_without_a_whole_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("arch,val,test\n1:2:3:4:5:6,1,\n6:6:6:6:6:6,,2\n")
    lookup = {"file": str(tmp_path / "empty.csv"), "key": "arch", "seen": "val", "report": "test"}
    with pytest.raises(TableError, match="is a point of `million` with a value in every column that is asked"):
        nas.search(space=search_spaces.parse(A_MILLION), table=lookup, run=tmp_path / "run")


def test_a_run_is_resumed_from_another_folder(tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = search(Path("run"), Path(table.name))
    ledger = Path("run") / LEDGER
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:5]))
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert nas.resume("../run").reported == whole.reported


def test_a_run_is_not_resumed_on_another_table(tmp_path: Path, table: Path) -> None:
    search(tmp_path / "run", table)
    ledger = tmp_path / "run" / LEDGER
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:5]))
    table.write_text(table.read_text().replace("1", "2"))
    with pytest.raises((RunError, TableError)):
        nas.resume(tmp_path / "run")


@pytest.mark.parametrize(
    ("lookup", "message", "help"),
    [
        ({"key": "arhc"}, "has no column `arhc`", "did you mean `arch`?"),
        ({"seen": "val99"}, "has no column `val99`", "did you mean `val9`?"),
        ({"report": "tset"}, "has no column `tset`", "did you mean `test`?"),
        ({"cost": "1=seconds", "seen": "1=val1,9=val9"}, "`cost` has no column for 9 epochs", "9=COLUMN"),
        ({"key": "test"}, "no row of", "correct `key` of the space"),
    ],
)
def test_columns_that_are_wrong_are_refused_before_there_is_a_run(
    lookup: dict[str, Any], message: str, help: str, tmp_path: Path, table: Path
) -> None:
    with pytest.raises(TableError) as caught:
        search(tmp_path / "run", table, lookup=lookup)
    assert message in caught.value.message
    assert help in caught.value.help
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"data": "digits"}, "nothing is trained where the study has a `table`"),
        ({"target": "90%"}, "nothing is trained where the study has a `table`"),
        ({"objectives": ["accuracy", "latency"]}, "so no latency is measured"),
        ({"rivals": 2}, "nothing is trained where the study has a `table`"),
        ({"trials_per_gpu": 2}, "nothing is trained where the study has a `table`"),
        ({"fidelity": "hyperband"}, "one column of what is seen, so nothing pauses"),
        ({"eta": 2}, "one column of what is seen, so nothing pauses"),
        ({"first_rung": 1}, "one column of what is seen, so nothing pauses"),
        ({"lookup": {"seen": "4=val,8=val"}, "first_rung": 5}, "the table is of the epochs 4, 8"),
        ({"screening": "naswot"}, "`naswot` looks at images"),
        (
            {"lookup": {"seen": "a=b"}},
            "`a` is no number of epochs, in `a=b`\n  help: a column, .*: 12=acc12,200=acc200",
        ),
        (
            {"lookup": {"seen": {12: "acc", "x": "sec"}}},
            "`x` is no number of epochs, in `{12: acc, x: sec}`\n  help: a column, .*: {12: acc12, 200: acc200}",
        ),
        ({"lookup": {"seen": {12: " "}}}, "`{12:  }` names no columns"),
        ({"lookup": {"seen": "0=b"}}, "`0=b` names a column after 0 epochs"),
        ({"lookup": {"key": []}}, "`key` is a column of the table, or several"),
    ],
)
def test_a_study_that_contradicts_its_table_is_refused(
    keys: dict[str, Any], message: str, tmp_path: Path, table: Path
) -> None:
    with pytest.raises(StudyError, match=message):
        search(tmp_path / "run", table, **keys)


def test_two_points_of_one_row_are_refused(tmp_path: Path) -> None:
    # Where decisions are absent, a key that doesn't tell points apart is found when its row is read.
    text = (
        "version: 1\nname: s\ninput: {image: {map: [1, 8, 8]}}\nnet:\n"
        "  - {name: a, choice: {no: [], yes: {conv: {out_channels: {choice: [2, 22]}}}}}\n"
        "  - {name: b, choice: {no: [], yes: {conv: {out_channels: {choice: [2, 22]}}}}}\n"
        'key: {of: "{a}{b}{a.yes.out_channels}{b.yes.out_channels}", spell: {no: 0, yes: 1}}\n'
    )
    import search_spaces

    (tmp_path / "t.csv").write_text("arch,val\n1122,1\n11222,2\n112222,3\n00,4\n")
    keys: dict[str, Any] = {"space": search_spaces.parse(text), "sampler": "random", "run": tmp_path / "run"}
    with pytest.raises(TableError, match="two points of the space have the key 11222"):
        nas.search(table={"file": str(tmp_path / "t.csv"), "key": "arch", "seen": "val"}, **keys)


def compared(table_: Path, samplers: Sequence[str] = ("random",), **keys: Any) -> Comparison:
    study = Study.of({"space": "little", "table": lookup_of(table_), "trials": 25, **keys})
    return compare(study, samplers, 3, space=SPACE, processes=1)


def test_a_comparison_is_of_the_searches_that_the_same_seeds_make_alone(tmp_path: Path, table: Path) -> None:
    comparison = compared(table, ("random", "tpe"), budget={"max_params": 400})
    assert [(trace.sampler, trace.seed) for trace in comparison.traces] == [
        (sampler, seed) for seed in range(3) for sampler in ("random", "tpe")
    ]
    for trace in comparison.traces:
        folder = tmp_path / f"{trace.sampler}{trace.seed}"
        search(folder, table, sampler=trace.sampler, seed=trace.seed, trials=25, budget={"max_params": 400})
        values = [trial.value for trial in history_of(folder).searched]
        best = [max(value for value in values[:count] if value is not None) for count in (1, 5, 25)]
        assert [found[0] for count in (1, 5, 25) if (found := trace.best(count))] == best


def test_the_best_is_that_within_the_budget_and_regret_is_measured_from_it(table: Path) -> None:
    budget = Budget.of(max_params=400)
    within = [row for row in rows_of(table) if budget.admits(SPACE.point(SPACE.decode((row["arch"],))).costs)]
    assert 0 < len(within) < len(rows_of(table))
    best = max(within, key=lambda row: float(row["val9"]))
    comparison = compared(table, budget=budget, trials=200)  # which is more than there are
    assert (comparison.best.seen, comparison.best.reported) == (float(best["val9"]), float(best["test"]))
    standing = comparison.standing("random", 200)
    assert standing is not None
    assert (standing.seen, standing.reported) == (float(best["val9"]), float(best["test"]))
    assert (standing.regret, standing.at_optimum, standing.seeds) == (0.0, 1.0, 3)
    early = comparison.standing("random", 1)
    assert early is not None
    assert early.regret == pytest.approx(float(best["val9"]) - early.seen) != 0


def test_what_is_trained_in_part_counts_by_its_seconds(table: Path) -> None:
    comparison = compared(table, trials=30, table=lookup_of(table, seen={1: "val1", 9: "val9"}))
    for trace in comparison.traces:
        num_whole = (trace.cost * 9 - 30) / 8  # 30 began, at the cost of one epoch of nine each
        assert num_whole == pytest.approx(round(num_whole))
        assert 10 <= round(num_whole) < 30
    assert comparison.standings()[-1].trials == int(min(trace.cost for trace in comparison.traces))


@pytest.mark.slow
def test_processes_give_what_one_process_gives(table: Path) -> None:
    study = Study.of({"space": "little", "table": lookup_of(table), "trials": 25})
    one, two = (compare(study, ["random"], 6, space=SPACE, processes=processes) for processes in (1, 2))
    assert one == two


@pytest.mark.timeout(60)
@pytest.mark.skipif(sys.platform != "linux", reason="processes begin as copies")
def test_a_process_that_is_killed_ends_a_comparison_with_one_sentence(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> Trace:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    monkeypatch.setattr("nas.comparing.search_once", killed)
    study = Study.of({"space": "little", "table": lookup_of(table), "trials": 5})
    with pytest.raises(FixpointError, match="a process of the comparison was killed") as caught:
        compare(study, ["random"], 6, space=SPACE, processes=2)
    assert caught.value.help == "compare with fewer at a time, from Python: nas.compare(..., processes=1)"
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_an_interruption_leaves_what_came_to_its_end(table: Path, processes: int) -> None:
    def interrupt(done: int, whole: int) -> None:
        assert whole == 6
        if done == 4:
            raise KeyboardInterrupt

    study = Study.of({"space": "little", "table": lookup_of(table), "trials": 5})
    comparison = compare(study, ["random"], 6, space=SPACE, processes=processes, on_done=interrupt)
    assert comparison.interrupted
    assert len(comparison.traces) == 4
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"objectives": ["accuracy", "params"]}, "samplers are compared by one objective"),
        ({"budget": {"max_params": 10}}, "nothing in the space `little` keeps params <= 10"),
        ({"samplers": ["randm"]}, "there is no sampler `randm`"),
    ],
)
def test_what_cannot_be_compared_is_refused(keys: dict[str, Any], message: str, table: Path) -> None:
    with pytest.raises(FixpointError, match=message):
        compared(table, **keys)


def test_samplers_are_compared_on_a_table_alone() -> None:
    with pytest.raises(StudyError, match="samplers are compared on a `table`, where nothing is trained"):
        nas.compare(space="small", data="digits", samplers=["random"])


def command(folder: Path, *more: str) -> list[str]:
    columns = ["--table", str(folder / "table.csv"), "--key", "arch", "--seen", "val9", "--report", "test"]
    return ["search", "--space", str(write_space(folder)), *columns, "--sampler", "random", *more]


def test_the_command_looks_up_and_says_what_is_reported(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(command(tmp_path, "--trials", "5", "--run", str(tmp_path / "run"))) == 0
    output = capsys.readouterr().out
    result = nas.status(tmp_path / "run")
    assert result.best is not None
    assert f"; best {result.best.value:g} (trial {result.best.trial})" in output
    assert "search ended (trials): 5 networks looked up\n" in output
    assert output.endswith(f"reported      test {result.reported:g}\n")


def test_the_command_compares_samplers(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--sampler", "tpe", "--seeds", "2", "--trials", "15", "--max-params", "400"]
    assert run_command(command(tmp_path, *more)) == 0
    output = capsys.readouterr()
    assert output.out.startswith("little: the best within params <= 400 is ")
    rows = [line.split() for line in output.out.splitlines() if line.startswith(("random", "tpe"))]
    assert [row[:3] for row in rows] == [[name, "2", count] for name in ("random", "tpe") for count in ("10", "15")]
    assert output.err.endswith("4 of 4 searches\n")
    assert run_command([*command(tmp_path, *more), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["sampler"], [after["trials"] for after in one["after"]]) for one in told["samplers"]] == [
        ("random", [10, 15]),
        ("tpe", [10, 15]),
    ]
    assert told["budget"] == {"max_params": 400}


def test_a_study_file_may_have_a_table(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_space(tmp_path)
    study = tmp_path / "study.yaml"
    text = "version: 1\nspace: little.yaml\ntable: {file: table.csv, key: arch, seen: {1: val1, 9: val9}}\ntrials: 3\n"
    study.write_text(text)
    assert run_command(["search", str(study), "--sampler", "random", "--run", str(tmp_path / "run")]) == 0
    assert nas.status(tmp_path / "run").trials["complete"] == 3
    study.write_text(text.replace("table.csv", "tabel.csv").replace("key:", "kee:"))
    capsys.readouterr()
    assert run_command(["search", str(study)]) == 1
    told = capsys.readouterr().err
    assert "study.yaml:3:15: E106 bad-value: there is no `tabel.csv` beside the study" in told
    assert "study.yaml:3:26: E102 unknown-key: `table` has no key `kee`" in told


@pytest.mark.parametrize("command", ["check", "search"])
def test_all_wrong_columns_of_a_study_file_are_told_at_their_keys(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    write_space(tmp_path)
    study = tmp_path / "study.yaml"
    study.write_text(
        "version: 1\nspace: little.yaml\n"
        "table:\n  file: table.csv\n  key: arhc\n  seen: {1: val1, 9: val99}\n  report: tset\ntrials: 3\n"
    )
    assert run_command([command, str(study)]) == 1
    told = capsys.readouterr().err
    for place, column, near in (("5:8", "arhc", "arch"), ("6:22", "val99", "val9"), ("7:11", "tset", "test")):
        assert f"study.yaml:{place}: E106 bad-value: {table} has no column `{column}`\n" in told
        assert f"  help: did you mean `{near}`?\n" in told
    assert told.rstrip().endswith("3 faults")
    study.write_text("version: 1\nspace: little.yaml\ntable: {file: table.csv, key: arch, seen: val9}\ntrials: 3\n")
    table.write_text(table.read_text().replace(rows_of(table)[3]["val9"], "much"))
    assert run_command([command, str(study)]) == 1
    told = capsys.readouterr().err
    assert f"study.yaml:3:8: E106 bad-value: {table}:5: `much` in the column `val9` is no number\n" in told


def test_several_columns_that_are_wrong_are_told_together(tmp_path: Path, table: Path) -> None:
    with pytest.raises(FixpointError, match=r"no column `arhc`(.|\n)* no column `val99`"):
        search(tmp_path / "run", table, lookup={"key": "arhc", "seen": "val99"})


def test_flags_that_do_not_go_with_a_table_are_usage(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(command(tmp_path, "--seeds", "2", "--run", str(tmp_path / "run"))) == 2
    assert "samplers are compared without a run" in capsys.readouterr().err
    assert run_command(command(tmp_path, "--data", "digits")) == 2
    assert "--data: nothing is trained where the study has a `table`" in capsys.readouterr().err


DIGITS = """\
version: 1
name: digits
params: {a: {choice: [8, 16]}, b: {choice: [1, 3]}}
input: {image: {map: [1, 8, 8]}}
net: [{conv: {out_channels: a, kernel_size: b}}]
key: {of: "{params.a}{params.b}", spell: {params.a: {8: "0", 16: "1"}, params.b: {1: "0", 3: "1"}}}
"""
STUDY = "version: 1\nspace: digits.yaml\ntable: {file: t.csv, key: arch, seen: val}\ntrials: 1\nsampler: random\n"


def write_digits(folder: Path, *keys: str) -> Path:
    (folder / "digits.yaml").write_text(DIGITS)
    (folder / "t.csv").write_text("arch,val\n" + "".join(f"{key},{number}\n" for number, key in enumerate(keys)))
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"


STRANGERS = "2 of 5 rows are no point of `digits`, the first is line 4 (`1`); the space has 4 points, 3 have a row"
ZEROS = "leading zeros are missing, as spreadsheets take them away: 01 for 1"


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        (("00", "10", "1", "11", "77"), f"{STRANGERS}; {ZEROS}"),
        (("00", "10", "22", "11", "77"), STRANGERS.replace("`1`", "`22`")),
        (
            ("00", "22"),
            "1 of 2 rows is no point of `digits`, it is line 3 (`22`); the space has 4 points, 1 have a row",
        ),
        (("00", "10", "01", "11"), ""),
        (("00", "10", "01"), "the space has 4 points, 3 have a row"),
    ],
    ids=["zeros", "others", "one", "none", "gaps"],
)
def test_rows_that_are_no_points_are_remarked(
    keys: tuple[str, ...], note: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = str(write_digits(tmp_path, *keys))
    notes = [note] if note else []
    assert run_command(["check", study]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("note")] == [
        f"note: {note}" for note in notes
    ]
    assert run_command(["check", study, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["notes"] == notes
    assert run_command(["search", study, "--run", str(tmp_path / "run")]) == 0
    assert [line for line in capsys.readouterr().out.splitlines()[:2] if line.startswith("note")] == [
        f"note: {note}" for note in notes
    ]
    assert run_command(["status", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == notes
    assert run_command(["search", study, "--seeds", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == notes


def test_zeros_that_are_missing_everywhere_are_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"study\.yaml:3:8: E106 bad-value: no row of ") as caught:
        nas.search(write_digits(tmp_path, "0", "1"), run=tmp_path / "run")
    assert caught.value.faults[0].help.startswith("leading zeros are missing")


def test_seconds_below_zero_are_told_with_their_line(tmp_path: Path, table: Path) -> None:
    row = rows_of(table)[3]
    table.write_text(table.read_text().replace(row["seconds"], "-5"))
    with pytest.raises(TableError, match=r"table\.csv:5: `-5` in the column `seconds` is a negative number of seconds"):
        search(tmp_path / "run", table, lookup={"cost": "seconds"})


def test_all_bad_cells_of_a_table_are_told_at_once_ten_of_them_by_their_lines(tmp_path: Path) -> None:
    study = write_digits(tmp_path, "00", "01", "10", "11")
    text = "arch,val\n00,x\n01,inf\n00,1\n" + "".join(f"{number},y\n" for number in range(20, 29))
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DocumentError) as caught:
        nas.search(study, run=tmp_path / "run")
    (fault,) = caught.value.faults
    assert fault.message == f"{tmp_path / 't.csv'} has 12 faults"
    assert fault.notes[:3] == (
        "line 2: `x` in the column `val` is no number",
        "line 3: `inf` in the column `val` is no finite number",
        "line 4: the key 00 stands here again, first in line 2",
    )
    assert (len(fault.notes), fault.notes[-1]) == (11, "and 2 more")
    assert fault.help == (
        "correct the cell, or leave it empty where there is no value; a number has a point, and no unit; "
        "of rows with the same key, keep one, or give more columns as the key"
    )


def test_the_time_of_a_run_on_a_table_is_called_that_of_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["search", str(write_digits(tmp_path, "00", "01")), "--run", str(tmp_path / "run")]) == 0
    assert re.search(r"^time +\S+ s by the clock of the table$", capsys.readouterr().out, re.MULTILINE)


def test_a_run_on_a_table_has_nothing_to_export(tmp_path: Path, table: Path) -> None:
    search(tmp_path / "run", table)
    with pytest.raises(RunError, match="a run on a table trains nothing"):
        nas.export(tmp_path / "run", tmp_path / "bundle")
