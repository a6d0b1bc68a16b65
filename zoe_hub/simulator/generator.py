"""Makes workloads after the method of the paper's experiment: everything is drawn by seed.

Elastic applications have a few core components and many elastic ones, rigid ones have core components only, and
interactive ones are elastic and come first. Where the authors' simulator reads distributions from traces of a
cluster of Google's, there are closed ones here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import accumulate

from pydantic import Field, model_validator

from ..model.base import Document
from ..model.errors import CapacityExceeded
from ..model.resources import Bytes, Node, Resources
from ..scheduler.requests import BATCH, INTERACTIVE, Demand
from ..scheduler.shapes import Shape
from .jobs import Job, Workload

_TRIALS = 1000


class Settings(Document):
    """What a workload is made of. The same settings make the same workload, on every machine."""

    requests: int = Field(default=2500, ge=1, le=10_000_000, description="How many applications arrive.")
    seed: int = Field(default=1, description="Another seed, another workload of the same kind.")
    load: float = Field(
        default=0.9,
        gt=0,
        le=100,
        description="Work that arrives in a second, as part of what the cluster can do in one: of the scarcer of "
        "processors and memory. The times of arrival are stretched so that it is exact.",
    )
    elastic: float = Field(default=0.8, ge=0, le=1, description="Part of the applications that is elastic.")
    interactive: float = Field(
        default=0.0, ge=0, le=1, description="Part that is interactive. What is neither is rigid."
    )
    seconds: float = Field(default=1800, gt=0, description="Median of T, the seconds with everything granted.")
    seconds_sigma: float = Field(default=1.8, ge=0, le=10, description="Sigma of its lognormal distribution.")
    longest: float = Field(default=777_600, gt=0, description="Longer times are cut to this; 9 days by default.")
    single: float = Field(default=0.6, ge=0, le=1, description="Part of the applications that draws 1 component.")
    tail: float = Field(
        default=0.9, gt=0, le=10, description="Exponent of the Pareto distribution of what others draw."
    )
    most: int = Field(
        default=100, ge=1, le=100_000, description="Most elastic components, or core ones of a rigid application."
    )
    multiple: int = Field(
        default=10, ge=1, le=1000, description="Of an elastic application, elastic components for each one drawn."
    )
    core: int = Field(default=4, ge=1, le=1000, description="Most core components of an elastic application.")
    cpu: float = Field(default=0.35, ge=0.001, description="Median of the processors of one component.")
    memory: Bytes = Field(default=858_993_459, ge=1, description="Median of the memory of one component; 0.8 GiB.")
    shape_sigma: float = Field(default=1.3, ge=0, le=10, description="Sigma of both lognormal distributions.")
    burst: float = Field(
        default=2.0, ge=0, le=5, description="Sigma of the lognormal gaps between arrivals; 0: all alike."
    )
    users: int = Field(default=20, ge=1, le=100_000, description="Whose they are; the k-th has 1/k of the first's.")

    @model_validator(mode="after")
    def _parts_are_parts(self) -> Settings:
        if self.elastic + self.interactive > 1 + 1e-9:
            raise ValueError("elastic and interactive are parts of one whole; together they are at most 1")
        return self


def generate(settings: Settings, nodes: list[Node]) -> Workload:
    """A workload for these nodes. Raises CapacityExceeded where what is drawn does not fit on all of them."""
    streams = {
        name: random.Random(f"{name} {settings.seed}") for name in ("kind", "size", "time", "shape", "gap", "user")
    }
    drawn = [_draw(settings, nodes, streams) for _ in range(settings.requests)]
    weights = list(accumulate(1 / (rank + 1) for rank in range(settings.users)))
    users = streams["user"].choices(range(settings.users), cum_weights=weights, k=settings.requests)
    arrivals = _arrivals(settings, streams["gap"], _span(settings, nodes, drawn))
    jobs = [
        Job(number, arrival, seconds, (demand,), user, priority)
        for number, (arrival, (priority, seconds, demand), user) in enumerate(zip(arrivals, drawn, users, strict=True))
    ]
    return Workload(jobs, nodes)


def _draw(settings: Settings, nodes: list[Node], streams: dict[str, random.Random]) -> tuple[int, float, Demand]:
    kind = streams["kind"].random()
    core_draw = streams["kind"].randrange(settings.core + 1)
    drawn = _components(settings, streams["size"])
    seconds = min(settings.longest, _lognormal(streams["time"], settings.seconds, settings.seconds_sigma))
    # As the authors' simulator draws it: nought counts as one.
    core, elastic = max(1, core_draw), min(settings.most, drawn * settings.multiple)
    priority = BATCH
    if settings.elastic <= kind < settings.elastic + settings.interactive:
        priority, elastic = INTERACTIVE, drawn
    elif kind >= settings.elastic:
        core, elastic = drawn, 0
    shape = _shape(settings, nodes, core + elastic, streams["shape"])
    return priority, seconds, Demand("work", "component", core, elastic, shape)


def _components(settings: Settings, stream: random.Random) -> int:
    single, share = stream.random() < settings.single, stream.random()
    return 1 if single else min(settings.most, int((1.0 - share) ** (-1 / settings.tail)))


def _shape(settings: Settings, nodes: list[Node], count: int, stream: random.Random) -> Shape:
    """Drawn again until so many of them fit on the nodes when these are empty, and one on a fifth of a node."""
    capacities = {Shape.of(node.capacity): 0 for node in nodes}
    for node in nodes:
        capacities[Shape.of(node.capacity)] += 1
    for _ in range(_TRIALS):
        cpu = max(1, round(1000 * _lognormal(stream, settings.cpu, settings.shape_sigma)))
        memory = max(1, round(_lognormal(stream, settings.memory, settings.shape_sigma)))
        shape = Shape(cpu, memory)
        if any(shape.times(5).within(capacity) for capacity in capacities):
            fit = sum(min(c.cpu // cpu, c.memory // memory) * number for c, number in capacities.items())
            if fit >= count:
                return shape
    raise CapacityExceeded(
        f"An application of {count} components, as these settings draw them, fits on no {len(nodes)} of these nodes; "
        "take more or larger nodes, or less for `most`, `cpu` or `memory`."
    )


def _span(settings: Settings, nodes: list[Node], drawn: list[tuple[int, float, Demand]]) -> float:
    """Seconds over which they must arrive for the load to be what is wanted."""
    capacity = sum((node.capacity for node in nodes), Resources())
    cpu = math.fsum(s * d.shape.cpu * (d.core + d.elastic) / 1000 for _, s, d in drawn)
    memory = math.fsum(s * d.shape.memory * (d.core + d.elastic) for _, s, d in drawn)
    return max(cpu / capacity.cpu, memory / capacity.memory) / settings.load


def _arrivals(settings: Settings, stream: random.Random, span: float) -> Iterator[float]:
    gaps = [_lognormal(stream, 1.0, settings.burst) for _ in range(settings.requests)]
    total = math.fsum(gaps)
    # To the millisecond: sums differ in their last digits between processors.
    return (round(time / total * span, 3) for time in accumulate(gaps))


def _lognormal(stream: random.Random, median: float, sigma: float) -> float:
    return median * math.exp(stream.gauss(0.0, sigma))
