"""By what an order weighs the time that an application takes.

The measures are the dimensions of *Flexible Scheduling of Distributed Analytic Applications*, as its authors' simulator
has them (`PolicyModes` in `schedulers/ZoeSimulation.scala`, commit b1a3788): time alone, time by components, time by
components by processors by memory. `Share` is Zoe's own: a product says nothing where GPUs are what is scarce, and is
zero where a process declares no memory.
"""

from __future__ import annotations

from typing import Protocol

from .requests import Request
from .shapes import Shape

MORE_THAN_ALL = 1e9
"""The share of what needs something of which there is nothing."""


class Measure(Protocol):
    """A factor for the time that a request takes: larger is later."""

    suffix: str
    """Of the name of an order that uses it."""

    def of(self, request: Request, capacity: Shape) -> float:
        """Of one request on machines that have `capacity` together; finite, not negative."""


class Time:
    """1D: the time alone."""

    suffix = ""

    def of(self, request: Request, capacity: Shape) -> float:
        return 1.0


class Components:
    """2D: so many instances for that time."""

    suffix = "-2d"

    def of(self, request: Request, capacity: Shape) -> float:
        return float(request.core + request.elastic)


class Volume:
    """3D: instances by processors by GiB of memory. Where shapes differ, the sum of that of each process."""

    suffix = "-3d"

    def of(self, request: Request, capacity: Shape) -> float:
        return request.volume


class Share:
    """The dominant share of all machines (Ghodsi et al., *Dominant Resource Fairness*, NSDI 2011)."""

    suffix = "-share"

    def of(self, request: Request, capacity: Shape) -> float:
        return min(MORE_THAN_ALL, request.whole_shape.dominant_share(capacity))


MEASURES: tuple[Measure, ...] = (Time(), Components(), Volume(), Share())
