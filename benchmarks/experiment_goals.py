"""What ours is to reach, each compared on the same workloads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from experiment_runs import ORDERS, OURS, POLICIES, Found
from report import Result

MEANS = {"fifo": 0.40, "sjf": 0.65, "hrrn": 0.65}
"""Mean turnaround, as part of rigid's under the same order."""
MIX, LOAD = "80/20", 0.9

Figure = Callable[[Found], float]
FIGURES: dict[str, Figure] = {
    "mean": lambda found: found.turnaround.mean,
    "p95": lambda found: found.turnaround.p95,
    "p99": lambda found: found.turnaround.p99,
}


def over_seeds(found: Sequence[Found], conditions: str, policy: str, order: str, figure: Figure) -> float:
    """The mean over all seeds of a figure, at the mix and the load that goals are about."""
    return fmean(
        figure(each)
        for each in found
        if (each.case.mix, each.case.load, each.case.conditions) == (MIX, LOAD, conditions)
        and (each.case.policy, each.case.order) == (policy, order)
    )


def goals(found: Sequence[Found]) -> list[Result]:
    """Every goal; where it is to be ahead of every other policy, it is compared with the best of them."""
    results = []
    for order, goal in MEANS.items():
        ours, rigid = (over_seeds(found, "as published", p, order, FIGURES["mean"]) for p in (OURS, "rigid"))
        results.append(Result(f"mean turnaround, {order}, against rigid", ours, rigid, goal))
    for order in ORDERS:
        ours, rigid = (over_seeds(found, "as published", p, order, FIGURES["p99"]) for p in (OURS, "rigid"))
        results.append(Result(f"p99 of turnaround, {order}, against rigid", ours, rigid, 1.0))
    for order in ORDERS:
        for name in ("mean", "p95"):
            by_policy = {p: over_seeds(found, "60 s restart", p, order, FIGURES[name]) for p in POLICIES}
            ours = by_policy.pop(OURS)
            best = min(by_policy, key=by_policy.__getitem__)
            title = f"{name} turnaround, {order}, 60 s restart, against {best}"
            results.append(Result(title, ours, by_policy[best], 1.0))
    return results
