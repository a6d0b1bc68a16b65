"""Who overtakes the head of the line costs it nothing: played to the end of all, with estimates that are right."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.elastic import Settings
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

from .oracle import PlainElastic, reservation

ONE_LINE = Settings(fair=False)
"""The head stays the head until it starts."""

DEMANDS = st.builds(
    lambda core, elastic, cpu: (Demand("w", "worker", core, elastic, Shape(cpu * 1000)),),
    st.integers(1, 4),
    st.integers(0, 4),
    st.integers(1, 3),
)
REQUESTS = st.builds(
    lambda user, demands, size: Request("", user, 0.0, demands, size=size),
    st.sampled_from(("alice", "bob")),
    DEMANDS,
    st.floats(1.0, 200.0).map(round).map(float),
)
ARRIVALS = st.lists(st.tuples(st.sampled_from((0.0, 1.0, 10.0, 50.0)), REQUESTS), min_size=3, max_size=20)
NODES = st.lists(st.integers(1, 8), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(NODES, ARRIVALS)
def test_the_head_starts_no_later_than_it_would_have(cpus: list[int], arrivals: list[tuple[float, Request]]) -> None:
    made = Scheduler(PlainElastic(ONE_LINE), FIFO(), at_once=True)
    made.set_nodes([Node(name=f"n{n}", capacity=Resources(cpu=each)) for n, each in enumerate(cpus)], 0.0)
    now, coming = 0.0, []
    for number, (seconds, request) in enumerate(arrivals):
        now += seconds
        coming.append(replace(request, id=f"a{number:02}", submitted=now))
    promised: dict[str, float] = {}
    while True:
        ends = [
            (now + left, a.id)
            for a in made.cluster.applications.values()
            if a.served and (left := a.time_left(now)) is not None
        ]
        now = min([end for end, _ in ends] + [request.submitted for request in coming[:1]], default=math.inf)
        if now == math.inf:
            break
        for end, id in ends:
            if end <= now + 1e-9:
                made.end(id)
        while coming and coming[0].submitted <= now:
            made.submit(coming.pop(0))
        made.decide(now)
        for id in [id for id in promised if made.cluster.applications[id].served]:
            assert now <= promised.pop(id) + 1e-6, f"{id} was overtaken at its cost"
        head, at = reservation(ONE_LINE, made.cluster, now)
        if head is not None and at is not None:
            assert at <= promised.get(head.id, math.inf) + 1e-6
            promised[head.id] = min(at, promised.get(head.id, math.inf))
