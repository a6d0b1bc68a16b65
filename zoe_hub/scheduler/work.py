"""The work model: how far an application gets with what it is granted.

It is that of *Flexible Scheduling of Distributed Analytic Applications* (Pace, Venzano, Carra, Michiardi; CCGrid 2017,
arXiv 1611.09528), as its authors' simulator has it (`Job.estimateJobDuration` in `CoreClusterSimulation.scala`, commit
b1a3788): with C core and E elastic instances an application runs for T; with g of the elastic ones, what is left of it
takes (1 - progress) · T · (C + E) / (C + g).

Beyond the published one: with no instance at all nothing is done (there an application has at least one core
component), and one that asks for none runs for T.
"""

from __future__ import annotations

import math


def time_left(size: float, progress: float, core: int, elastic: int, granted: int) -> float:
    """Seconds until its end with `granted` elastic instances; `size` is T, `progress` from 0 to 1."""
    left, speed = (1.0 - progress) * size, _speed(core, elastic, granted)
    if left <= 0:
        return 0.0
    return left / speed if speed > 0 else math.inf


def progress_made(seconds: float, size: float, core: int, elastic: int, granted: int) -> float:
    """The part of its work that it does in so many seconds with `granted` elastic instances."""
    if size <= 0:
        return 1.0
    return seconds * _speed(core, elastic, granted) / size


def _speed(core: int, elastic: int, granted: int) -> float:
    """Of 1 with everything granted."""
    return (core + granted) / (core + elastic) if core + elastic else 1.0
