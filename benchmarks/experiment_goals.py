"""What ours is to reach, each compared on the same workloads, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from experiment_runs import ORDERS, OURS, POLICIES, Found
from report import Figure, Paired

MEANS = {"fifo": 0.40, "sjf": 0.65, "hrrn": 0.65}
"""Mean turnaround, as part of rigid's under the same order."""
MIX, LOAD = "80/20", 0.9
MAIN = ((MIX, LOAD, "as published"), (MIX, LOAD, "60 s restart"))
"""Mix, load and conditions for which there are goals."""

Measure = Callable[[Found], float]
MEASURES: dict[str, Measure] = {
    "mean": lambda found: found.turnaround.mean,
    "p95": lambda found: found.turnaround.p95,
    "p99": lambda found: found.turnaround.p99,
}


def unserved(found: Sequence[Found]) -> Figure:
    """Nothing may be left undone: what never ends is in no mean, and would make whoever leaves it look better."""
    count = sum(int(each.figures["unserved"]) for each in found)
    return Figure("applications that never ended, in all runs", count, 0, "")


def goals(found: Sequence[Found]) -> list[Paired]:
    """Every goal; where it is to be ahead of every other policy, that to which it is least ahead."""
    reached = []
    for order, goal in MEANS.items():
        title = f"mean turnaround, {order}, against rigid"
        reached.append(_paired(found, title, "as published", order, "rigid", "mean", goal))
    for order in ORDERS:
        title = f"p99 of turnaround, {order}, against rigid"
        reached.append(_paired(found, title, "as published", order, "rigid", "p99", 1.0))
    for order in ORDERS:
        for name in ("mean", "p95"):
            others = [
                _paired(found, f"{name} turnaround, {order}, 60 s restart, against {p}", "60 s restart", order, p, name)
                for p in POLICIES
                if p != OURS
            ]
            reached.append(max(others, key=lambda each: (each.upper, each.ratio)))
    return reached


def _paired(
    found: Sequence[Found], title: str, conditions: str, order: str, other: str, measure: str, goal: float = 1.0
) -> Paired:
    ours, others = (_by_seed(found, conditions, order, policy, MEASURES[measure]) for policy in (OURS, other))
    return Paired(title, [ours[seed] for seed in sorted(ours)], [others[seed] for seed in sorted(ours)], goal)


def _by_seed(found: Sequence[Found], conditions: str, order: str, policy: str, measure: Measure) -> dict[int, float]:
    wanted = (MIX, LOAD, conditions, order, policy)
    return {
        each.case.seed: measure(each)
        for each in found
        if (each.case.mix, each.case.load, each.case.conditions, each.case.order, each.case.policy) == wanted
    }
