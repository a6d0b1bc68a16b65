"""The experiment in small: that it keeps what it found, and writes what it says."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = ("experiment_runs", "experiment_goals", "experiment_page", "experiment", "report")
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
    drawn = [line.split("](")[1].rstrip(")") for line in written.splitlines() if line.startswith("![")]
    assert len(drawn) == 2 * 4
    assert all((tmp_path / target).is_file() for target in drawn)

    capfd.readouterr()
    experiment.show(reached)
    last = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert set(last[0]) == {"name", "value", "unit", "baseline", "ratio", "goal", "holds"}


def test_other_code_finds_anew(experiment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = importlib.import_module("experiment_runs")
    case = next(runs.cases(runs.Size(5, 2), 1, experiment.MAIN))
    assert [runs.run(case, tmp_path)[1] for _ in range(2)] == [True, False]
    monkeypatch.setattr(runs, "_code", lambda: "other")
    assert runs.run(case, tmp_path)[1]
