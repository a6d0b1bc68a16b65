"""The runs of the experiment: which there are, and each of them, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

from zoe_hub.scheduler import methods
from zoe_hub.simulator.engine import Conditions, Simulation
from zoe_hub.simulator.generator import Settings, generate
from zoe_hub.simulator.jobs import Workload
from zoe_hub.simulator.measures import Series, Spread, series, summarise
from zoe_hub.simulator.nodes import machines

ROOT = Path(__file__).parent.parent
OURS = "elastic"
POLICIES = ("rigid", "malleable", "zoe-2018", "flexible", "flexible-preemptive", OURS)
ORDERS = ("fifo", "sjf", "srpt", "hrrn")
LOADS = (0.7, 0.9, 1.1)
MIXES: Mapping[str, tuple[float, float]] = {"80/20": (0.8, 0.0), "64/16/20": (0.64, 0.2)}
"""Elastic and interactive parts; the rest is rigid."""
CONDITIONS: Mapping[str, tuple[float, float]] = {
    "as published": (0.0, 0.0),
    "60 s restart": (60.0, 0.0),
    "size error 0.5": (0.0, 0.5),
}
"""Restart cost in seconds, and sigma of the error of sizes."""


@dataclass(frozen=True)
class Size:
    """How much is simulated."""

    requests: int
    nodes: int


SIZES: Mapping[str, Size] = {"small": Size(2500, 25), "medium": Size(20_000, 100), "full": Size(80_000, 100)}


@dataclass(frozen=True)
class Case:
    """One run."""

    size: Size
    mix: str
    load: float
    conditions: str
    seed: int
    policy: str
    order: str


@dataclass(frozen=True)
class Found:
    """What came of it."""

    case: Case
    turnaround: Spread
    queueing: Spread
    slowdown: Spread
    figures: Mapping[str, Any]
    """All other figures of the summary."""
    series: Series


def cases(size: Size, seeds: int, scenarios: Sequence[tuple[str, float, str]]) -> Iterator[Case]:
    """Every run, those of one workload one after the other. `scenarios` are mix, load and conditions."""
    for seed in range(1, seeds + 1):
        for mix, load, conditions in scenarios:
            for order in ORDERS:
                for policy in POLICIES:
                    yield Case(size, mix, load, conditions, seed, policy, order)


def run(case: Case, folder: Path) -> tuple[Found, bool]:
    """A run, and whether it was made now: one that was made before by the same code is read."""
    path = folder / f"{_digest(case)}.json"
    try:
        return read(case, json.loads(path.read_text())), False
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        # Not there, or of a program that was ended while it wrote.
        pass
    restart, error = CONDITIONS[case.conditions]
    conditions = Conditions(restart=restart, error=error, seed=case.seed)
    workload = _workload(case.size, case.mix, case.load, case.seed)
    outcome = Simulation(workload, methods.policy(case.policy), methods.order(case.order), conditions).run()
    document = {"case": asdict(case), "summary": summarise(outcome).document(), "series": asdict(series(outcome, 120))}
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document))
    part.replace(path)
    return read(case, document), True


@cache
def least(size: Size, mix: str, load: float, seed: int) -> float:
    """Seconds of mean turnaround below which no policy can come: everybody begins at once, with everything granted."""
    return fmean(job.seconds for job in _workload(size, mix, load, seed).jobs)


def read(case: Case, document: dict[str, Any]) -> Found:
    """A run that was kept. Raises KeyError or TypeError where something of it is missing."""
    summary = dict(document["summary"])
    spreads = [Spread(**summary.pop(name)) for name in ("turnaround", "queueing", "slowdown")]
    return Found(case, *spreads, figures=summary, series=Series(**document["series"]))


@lru_cache(maxsize=1)
def _workload(size: Size, mix: str, load: float, seed: int) -> Workload:
    elastic, interactive = MIXES[mix]
    settings = Settings(requests=size.requests, seed=seed, load=load, elastic=elastic, interactive=interactive)
    return generate(settings, machines(size.nodes))


def _digest(case: Case) -> str:
    return hashlib.sha256(
        f"{_code(case.policy == OURS)} {json.dumps(asdict(case), sort_keys=True)}".encode()
    ).hexdigest()[:32]


@cache
def _code(ours: bool) -> str:
    """Of all that decides what comes of a run: after a change of it, nothing that was found before counts.

    What our own policy alone is made of changes nothing that others do.
    """
    found = hashlib.sha256()
    scheduler, simulator = (ROOT / "zoe_hub" / package for package in ("scheduler", "simulator"))
    for path in sorted([*scheduler.rglob("*.py"), *simulator.rglob("*.py")]):
        if ours or not (path.is_relative_to(scheduler / "elastic") or path == scheduler / "policies" / "elastic.py"):
            found.update(path.read_bytes())
    found.update(Path(__file__).read_bytes())
    return found.hexdigest()
