"""In which order applications of one class are served.

Priority classes (`Request.priority`) come before any order: interactive work before batch. The authors of *Flexible
Scheduling of Distributed Analytic Applications* reach the same in their simulator by multiplying the size of
interactive applications by 0.001, which a very short batch application defeats; a class does what is meant.

Where an application's size is not known, it is taken to be `UNKNOWN_SIZE`, an hour. The alternatives are worse: after
all known ones it would wait for ever under SJF and SRPT, and its age would not count under HRRN; the median of what is
in line would change the keys of all with each arrival and end. An hour is more than most batch work takes and far less
than the longest, so that to state a size pays for whoever has short work, and nobody starves for not knowing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from .measures import Measure, Time
from .shapes import Shape
from .work import progress_made

if TYPE_CHECKING:
    from .cluster import Application

Floats = npt.NDArray[np.float64]

UNKNOWN_SIZE = 3600.0
"""Seconds that an application is taken to run of which nobody knows."""


class Order(Protocol):
    """Sorts applications: the smallest key comes first. Equal keys are served by the time of submission."""

    name: str
    still: bool
    """Whether keys of what waits do not change with time."""
    settled: bool
    """The same of what is served."""

    def set_capacity(self, capacity: Shape) -> None:
        """So much there is on all nodes from now on. Keys may be others than before."""

    def key(self, application: Application, now: float) -> float:
        """Of one application at a moment, in seconds of the caller's clock. Never NaN."""

    def parts(self, application: Application) -> tuple[float, float]:
        """Two numbers that say with the time of its submission what its key is while it waits."""

    def moved(self, first: Floats, second: Floats, submitted: Floats, now: float) -> Floats:
        """The keys of many that wait, from their parts: to the last digit what `key` says of each."""


class FIFO:
    """First in, first out."""

    name = "fifo"
    still = True
    settled = True

    def set_capacity(self, capacity: Shape) -> None:
        pass

    def key(self, application: Application, now: float) -> float:
        """The moment of its submission."""
        return application.request.submitted

    def parts(self, application: Application) -> tuple[float, float]:
        return 0.0, 0.0

    def moved(self, first: Floats, second: Floats, submitted: Floats, now: float) -> Floats:
        return submitted


class _Sized:
    """Orders that look at how long applications run, weighed by a measure."""

    base: str
    still = True
    settled = True

    def __init__(self, measure: Measure | None = None, *, unknown_size: float = UNKNOWN_SIZE) -> None:
        self._measure = measure or Time()
        self._unknown = unknown_size
        self._capacity = Shape()
        self.name = self.base + self._measure.suffix

    def set_capacity(self, capacity: Shape) -> None:
        self._capacity = capacity

    def parts(self, application: Application) -> tuple[float, float]:
        return self._size(application), self._factor(application)

    def moved(self, first: Floats, second: Floats, submitted: Floats, now: float) -> Floats:
        return first * second

    def _size(self, application: Application) -> float:
        size = application.request.size
        return self._unknown if size is None else size

    def _factor(self, application: Application) -> float:
        return self._measure.of(application.request, self._capacity)


class SJF(_Sized):
    """Shortest job first: by T, however much of it is done. The authors' name for it is PSJF."""

    base = "sjf"

    def key(self, application: Application, now: float) -> float:
        """Its size, by the measure."""
        return self._size(application) * self._factor(application)


class SRPT(_Sized):
    """Shortest remaining processing time: by what is left of T with everything granted.

    Not by what is left with what it holds: an application would change its place in the line by being granted more in
    the middle of a decision. Of the authors' two forms in 2D and 3D this is the first, which counts all instances. The
    second counts those that it lacks, by which whoever lacks one of a hundred comes first.
    """

    base = "srpt"
    settled = False

    def key(self, application: Application, now: float) -> float:
        """What is left of its size, by the measure."""
        request, size = application.request, self._size(application)
        if application.served and request.size is not None:
            seconds = now - application.progressed_at
            made = progress_made(seconds, size, request.core, request.elastic, application.elastic)
            # As `Application.advance` counts it, so that it is the same before and after.
            size *= 1.0 - min(1.0, application.progress + made)
        return size * self._factor(application)


class HRRN(_Sized):
    """Highest response ratio next: 1 + wait / T, the largest first (Brinch Hansen, 1971), so that waiting is bounded.

    The key is the inverse of the ratio, T / (T + wait), which is between 0 and 1 and sorts upwards like the others; in
    2D and 3D it is multiplied by the measure, so that of two equally delayed ones the narrower comes first. The wait
    ends with the admission: what is served does not become more urgent by being served.

    In the authors' simulator the ratio is computed as of time 0, which makes it smallest for what came last, and sorted
    upwards: the one that waits longest comes last. That is not HRRN, and is not repeated here.
    """

    base = "hrrn"
    still = False

    def key(self, application: Application, now: float) -> float:
        """The inverse of its response ratio, by the measure."""
        size = self._size(application)
        if size <= 0:
            return 0.0
        until = now if application.admitted_at is None else application.admitted_at
        wait = max(0.0, until - application.request.submitted)
        return size / (size + wait) * self._factor(application)

    def moved(self, first: Floats, second: Floats, submitted: Floats, now: float) -> Floats:
        wait = np.maximum(0.0, now - submitted)
        return np.where(first > 0, first / (first + wait) * second, 0.0)


class DynSize:
    """Zoe's DYNSIZE of 2018: a size that shrinks while the application is in line, and starts again at nothing.

    Source: `_refresh_execution_sizes` in `zoe_master/scheduler/elastic_scheduler.py`, release 2018.12. The size is the
    product of all processors and all bytes of memory that are reserved, and shrinks by 256 MiB each second. There it
    shrinks at each run of the scheduler, from the first one that leaves the application in line, and starts from what
    its user wrote; here it is a function of the time since its submission, so that a decision depends on nothing that
    was decided before. What its user wrote is left out: in the unit of the rest it is gone within a second.
    """

    name = "dynsize"
    still = False
    settled = False
    RATE = 256 * 1024**2

    def set_capacity(self, capacity: Shape) -> None:
        pass

    def key(self, application: Application, now: float) -> float:
        """Seconds until the size is nothing."""
        lasts, _ = self.parts(application)
        return lasts - (now - application.request.submitted) % lasts if lasts > 0 else 0.0

    def parts(self, application: Application) -> tuple[float, float]:
        whole = application.request.whole_shape
        return whole.cpu / 1000 * whole.memory / self.RATE, 0.0

    def moved(self, first: Floats, second: Floats, submitted: Floats, now: float) -> Floats:
        return np.where(first > 0, first - np.remainder(now - submitted, first), 0.0)
