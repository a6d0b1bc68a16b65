"""The experiment in small: that it keeps what it found, and writes what it says."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = (
        "experiment_runs",
        "experiment_goals",
        "experiment_page",
        "experiment_more",
        "experiment",
        "report",
        "intervals",
    )
    yield importlib.import_module("experiment")
    for name in names:
        sys.modules.pop(name, None)


def test_what_was_found_is_kept_and_told(
    experiment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = importlib.import_module("experiment_runs")
    page = importlib.import_module("experiment_page")
    wanted = list(runs.cases(runs.Size(12, 2), 2, experiment.MAIN))
    assert len(wanted) == 2 * 2 * len(runs.ORDERS) * len(runs.POLICIES)
    found = experiment.make(wanted, tmp_path / "results", 2)
    kept = sorted((tmp_path / "results").iterdir())
    assert len(kept) == len(wanted)
    # What was cut off in the middle is made again; all else is read.
    kept[0].write_text(kept[0].read_text()[:100])
    times = {path: path.stat().st_mtime_ns for path in kept[1:]}
    assert experiment.make(wanted, tmp_path / "results", 1) == found
    assert {path: path.stat().st_mtime_ns for path in kept[1:]} == times
    json.loads(kept[0].read_text())

    reached = experiment.goals(found)
    assert [each.goal for each in reached] == [0.40, 0.65, 0.65, *[1.0] * 12]
    page.write_page(found, reached, tmp_path / "experiment.md")
    written = (tmp_path / "experiment.md").read_text()
    assert "12 requests on 2 nodes" in written
    assert all(f"| {policy}, {order} |" in written for policy in runs.POLICIES for order in runs.ORDERS)
    # Nobody is better than what is possible.
    ratios = [
        next(line for line in table.splitlines() if line.startswith("| fifo |")).split("|")[2:-1]
        for table in written.split("| least possible |")[1:]
    ]
    assert [len(each) for each in ratios] == [len(runs.POLICIES)] * 2
    assert all(float(each[-1].split()[0]) <= min(float(cell.split()[0]) for cell in each[:-1]) for each in ratios)
    # What nobody could reach is told, and nothing else.
    goals = importlib.import_module("experiment_goals").MEANS
    least = {line.split("|")[1].strip(): float(line.split("|")[-2].split()[0]) for line in _rows(written)}
    assert {order: f"Under {order} nobody could reach {goal:.2f}:" in written for order, goal in goals.items()} == {
        order: least[order] > goal for order, goal in goals.items()
    }
    drawn = [line.split("](")[1].rstrip(")") for line in written.splitlines() if line.startswith("![")]
    assert len(drawn) == 2 * 4
    assert all((tmp_path / target).is_file() for target in drawn)

    capfd.readouterr()
    experiment.show(reached)
    last = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert set(last[0]) == {"name", "value", "unit", "baseline", "ratio", "upper", "goal", "holds"}


def _rows(page: str) -> list[str]:
    """Of the first table of ratios, one for each order."""
    return page.split("| least possible |")[1].split("\n\n")[0].splitlines()[2:]


def test_a_goal_holds_by_what_every_pair_says(experiment: Any) -> None:
    paired = importlib.import_module("report").Paired
    # As good as each other in sum, and by a factor of ten worse in two of three.
    assert paired("", [1000.0, 10.0, 10.0], [1018.0, 1.0, 1.0], 1.0).ratio == pytest.approx(7, abs=0.01)
    # Ratios 0.5, 0.6 and 0.7: 0.6 ± 4.303 · 0.1 / √3.
    three = paired("", [1.0, 6.0, 70.0], [2.0, 10.0, 100.0], 0.85)
    assert (three.ratio, three.upper) == (pytest.approx(0.6), pytest.approx(0.8484, abs=1e-4))
    verdicts = {0.85: "holds", 0.8: "holds on average", 0.55: "open", 0.3: "missed"}
    assert {goal: paired("", three.values, three.baselines, goal).verdict for goal in verdicts} == verdicts
    assert [paired("", three.values, three.baselines, goal).holds for goal in (0.85, 0.8, 0.3)] == [True, False, False]
    one = paired("", [1.0], [2.0], 1.0)
    assert (one.holds, one.verdict, one.document()["upper"]) == (False, "open", None)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706), (19, 2.093), (30, 2.042), (31, 2.03951), (100, 1.98397)]
)
def test_the_interval_is_by_students_t(experiment: Any, freedom: int, quantile: float) -> None:
    assert importlib.import_module("intervals").student(freedom) == pytest.approx(
        quantile, abs=5e-4 if freedom <= 30 else 1e-4
    )


def test_what_never_ended_is_no_success(experiment: Any, tmp_path: Path) -> None:
    runs, goals = (importlib.import_module(name) for name in ("experiment_runs", "experiment_goals"))
    found, _ = runs.run(next(runs.cases(runs.Size(5, 2), 1, experiment.MAIN)), tmp_path)
    assert goals.unserved([found]).holds
    found.figures["unserved"] = 1
    left = goals.unserved([found, found])
    assert (left.value, left.holds) == (2, False)


def test_what_is_kept_of_more_nodes_is_told_as_far_as_it_goes(experiment: Any, tmp_path: Path) -> None:
    runs, more = (importlib.import_module(name) for name in ("experiment_runs", "experiment_more"))
    size, folder = runs.Size(12, 2), tmp_path / "results"

    def run(seed: int, policy: str, order: str, load: float = 1.1) -> Any:
        return runs.run(runs.Case(size, "80/20", load, "as published", seed, policy, order), folder)[0]

    found = {(seed, policy): run(seed, policy, "fifo") for seed in (1, 2) for policy in ("rigid", "elastic")}
    for policy in runs.POLICIES:
        run(1, policy, "sjf")
    run(3, "rigid", "fifo")
    run(1, "elastic", "hrrn")
    run(1, "rigid", "fifo", 0.9)
    # The same case by other code, before; and what a program that was ended left.
    kept = json.loads(next(folder.glob("*.json")).read_text())
    kept["summary"]["turnaround"]["mean"] = 1e9
    (folder / "other.json").write_text(json.dumps(kept))
    os.utime(folder / "other.json", (0, 0))
    (folder / "cut.json").write_text(json.dumps(kept)[:100])

    page = tmp_path / "page.md"
    page.write_text("# Page\n\n## More nodes, other loads\n\nOld.\n\n## Goals\n\nReached.\n")
    assert more.section_of(page) == "## More nodes, other loads\n\nOld.\n\n"
    more.write_section(more.kept(folder, [size]), page)
    written = page.read_text()
    assert (written.startswith("# Page\n\n## More nodes"), written.endswith("|\n\n## Goals\n\nReached.\n")) == (
        True,
        True,
    )
    assert "Old." not in written
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in written.splitlines() if line.startswith("| 12")
    ]
    assert [row[:5] for row in rows] == [
        ["12", "2", "load 1.1", "fifo", "2"],
        ["12", "2", "load 1.1", "sjf", "1"],
        ["12", "2", "load 1.1", "sjf", "1"],
    ]
    assert [len(row) for row in rows] == [7, 7, 11]
    ratios = [found[seed, "elastic"].turnaround.mean / found[seed, "rigid"].turnaround.mean for seed in (1, 2)]
    assert rows[0][5] == importlib.import_module("intervals").told(ratios)
    assert more.kept(folder) == []
    small = runs.SIZES["small"]
    for load, conditions in ((1.1, "as published"), (0.9, "as published"), (0.9, "60 s restart")):
        kept["case"] = dataclasses.asdict(runs.Case(small, "80/20", load, conditions, 1, "rigid", "fifo"))
        (folder / f"{load} {conditions}.json").write_text(json.dumps(kept))
    assert [each.case.load for each in more.kept(folder)] == [1.1], "the others have parts of the page of their own"


def test_other_code_finds_anew(experiment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = importlib.import_module("experiment_runs")
    case = next(runs.cases(runs.Size(5, 2), 1, experiment.MAIN))
    assert [runs.run(case, tmp_path)[1] for _ in range(2)] == [True, False]
    monkeypatch.setattr(runs, "_code", lambda ours: "other")
    assert runs.run(case, tmp_path)[1]


def test_what_others_found_outlasts_a_change_of_our_own_policy(
    experiment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = importlib.import_module("experiment_runs")
    for package in ("scheduler", "simulator"):
        shutil.copytree(BENCHMARKS.parent / "zoe_hub" / package, tmp_path / "zoe_hub" / package)
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    found = []
    for changed in (None, "elastic/settings.py", "policies/elastic.py", "cluster.py"):
        if changed is not None:
            with (tmp_path / "zoe_hub" / "scheduler" / changed).open("a") as file:
                file.write("# changed\n")
        runs._code.cache_clear()
        found.append((runs._code(True), runs._code(False)))
    assert len({ours for ours, _ in found}) == 4
    assert [others == found[0][1] for _, others in found] == [True, True, True, False]
