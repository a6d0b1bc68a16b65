"""Four requests worked out by hand: the mean turnaround of each published policy."""

from __future__ import annotations

import pytest

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.base import Policy
from zoe_hub.scheduler.policies.flexible import Flexible
from zoe_hub.scheduler.policies.flexible_preemptive import FlexiblePreemptive
from zoe_hub.scheduler.policies.malleable import Malleable
from zoe_hub.scheduler.policies.rigid import Rigid
from zoe_hub.scheduler.policies.zoe_2018 import Zoe2018
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.shapes import Shape

from .loop import run

GIB = 1024**3
TEN = [Node(name="one", capacity=Resources(cpu=10, memory=10 * GIB))]
FLEXIBLE = (Flexible(), FlexiblePreemptive(), Zoe2018())
"""The same under FIFO, where one dimension is as scarce as the other."""
FOUR = [
    Request(f"r{number}", "alice", 0.0, (Demand("w", "worker", 3, elastic, Shape(1000, GIB)),), size=10.0)
    for number, elastic in enumerate((4, 3, 5, 2))
]


@pytest.mark.parametrize(
    ("policy", "ends"),
    [
        (Rigid(), (10, 20, 30, 40)),
        (Malleable(), (10, 15, 22.5, 32.5)),
        *((each, (10, 15, 15 + 60 / 7, 15 + 94 / 7)) for each in FLEXIBLE),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_ends_when_the_model_says(policy: Policy, ends: tuple[float, ...]) -> None:
    done = run(policy, FIFO(), FOUR, TEN)
    assert [done[f"r{number}"].ended for number in range(4)] == pytest.approx(list(ends))


@pytest.mark.parametrize(
    ("policy", "mean"), [(Rigid(), 25.0), (Malleable(), 20.0), *((each, 19.25) for each in FLEXIBLE)]
)
def test_mean_turnaround(policy: Policy, mean: float) -> None:
    done = run(policy, FIFO(), FOUR, TEN)
    assert sum(ran.turnaround for ran in done.values()) / 4 == pytest.approx(mean, abs=1e-9)
