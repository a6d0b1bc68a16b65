"""Four requests whose outcome can be worked out by hand: whether policies do what is published of them.

Capacity for 10 instances; at time 0, in this order, four requests with C = 3 and E = 4, 3, 5, 2, each of which
takes T = 10 with everything granted; first in, first out.
"""

from __future__ import annotations

from ..model.resources import Node, Resources
from ..scheduler.requests import Demand
from ..scheduler.shapes import Shape
from .jobs import Job, Workload

ELASTIC = (4, 3, 5, 2)
CORE, CAPACITY, SECONDS = 3, 10, 10.0
EXPECTED = {"rigid": 25.0, "malleable": 20.0, "flexible": 19.25}
"""Mean turnaround in seconds, by policy."""


def fixture() -> Workload:
    """The four requests."""
    jobs = [
        Job(number, 0.0, SECONDS, (Demand("work", "instance", CORE, elastic, Shape(cpu=1000)),))
        for number, elastic in enumerate(ELASTIC)
    ]
    return Workload(jobs, [Node(name="n0", capacity=Resources(cpu=CAPACITY))])
