"""The smallest event loop that can run a policy over a list of requests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zoe_hub.model.resources import Node
from zoe_hub.scheduler.orders import Order
from zoe_hub.scheduler.policies.base import Policy
from zoe_hub.scheduler.requests import Request
from zoe_hub.scheduler.scheduler import Scheduler


@dataclass(frozen=True)
class Ran:
    """One application's life."""

    started: float
    ended: float
    turnaround: float


def run(policy: Policy, order: Order, requests: Iterable[Request], nodes: Sequence[Node]) -> dict[str, Ran]:
    """Until all have ended; those that nothing more happens to are left out."""
    scheduler = Scheduler(policy, order, at_once=True)
    scheduler.set_nodes(nodes, 0.0)
    coming = sorted(requests, key=lambda request: (request.submitted, request.id), reverse=True)
    ends: dict[str, float] = {}
    done: dict[str, Ran] = {}
    while coming or ends:
        now = min([coming[-1].submitted] if coming else [math.inf], [min(ends.values(), default=math.inf)])[0]
        for id in [id for id, end in ends.items() if end <= now]:
            application = scheduler.cluster.applications[id]
            started, submitted = application.admitted_at, application.request.submitted
            assert started is not None
            done[id] = Ran(started, now, now - submitted)
            scheduler.end(id)
            del ends[id]
        while coming and coming[-1].submitted <= now:
            scheduler.submit(coming.pop())
        for decision in scheduler.decide(now):
            left = scheduler.cluster.applications[decision.id].time_left(now)
            assert left is not None
            ends[decision.id] = now + left
    return done
