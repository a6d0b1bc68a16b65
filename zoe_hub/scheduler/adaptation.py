"""How many workers a cluster should wish for, going by its load. Pure: moments are seconds since any one of them.

What is decided is the wish only. What is granted of it is the scheduler's business, as for any other cluster.

**Growing.** While more could be used than is wished, the wish grows by 1, 2, 4, … at successive looks, never beyond
what could be used. So does Spark's dynamic allocation (`ExecutorAllocationManager`), for two reasons: few are added
where few turn out to be enough, and many are added soon where many are needed.

**Shrinking.** Only after fewer were enough all the time for a while, and to the most that could have been used in it: a
window as of Kubernetes' HorizontalPodAutoscaler (`stabilizationWindowSeconds`). Dask's `Adaptive` goes by its last
three looks, a second apart, so that clusters whose cells alternate between work and thought let workers go and order
them again (NCAR/ncar-jobqueue#8, dask/dask-kubernetes#633); Spark waits for each executor to be idle for a minute. A
worker that has a task stays, and with it those of lower ordinals, as the last ones go first: a few long tasks do not
keep all others (dask/distributed#2329), and none is cut (dask/distributed#1605). There is one number that is wished,
so it cannot be asked to grow and to shrink at once (dask/distributed#1604).

A load that is not known changes nothing, and says nothing about having been idle.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model.adaptation import Adaptation


@dataclass(frozen=True)
class Load:
    """What a running cluster has to do."""

    useful: int
    """Workers that could have a task; 0 when there is none."""
    occupied: int
    """The least size that keeps every worker that has a task: one more than the highest ordinal of those."""

    @classmethod
    def of_tasks(cls, tasks: int, slots: int, busy: int | None, size: int) -> Load:
        """From the number of unfinished tasks, and of those that a worker does at once.

        `busy` is the highest ordinal of a worker that has a task, -1 when none has; None when nobody knows: then all do
        while there is any task.
        """
        useful = -(-max(tasks, 0) // max(slots, 1))
        return cls.of_workers(useful, busy, size, any_work=tasks > 0)

    @classmethod
    def of_workers(cls, useful: int, busy: int | None, size: int, *, any_work: bool | None = None) -> Load:
        """From the number of workers that the framework itself wants. Without `any_work`: none where that is 0."""
        works = useful > 0 if any_work is None else any_work
        return cls(max(useful, 0), (size if works else 0) if busy is None else busy + 1)

    def __or__(self, other: Load) -> Load:
        """Of two frameworks whose workers are counted by one number."""
        return Load(max(self.useful, other.useful), max(self.occupied, other.occupied))


@dataclass(frozen=True)
class Course:
    """What is remembered between two looks."""

    step: int = 1
    """By how many it may grow at the next look."""
    spare_since: float | None = None
    """Since when fewer would have been enough."""
    peak: int = 0
    """The most that could have been used since then."""


START = Course()


def adapt(
    load: Load | None, size: int, bounds: Adaptation, course: Course, now: float, hold: float
) -> tuple[int, Course]:
    """The size to wish for now, and what to remember.

    `size` is what is wished so far, granted or not. `hold` is in seconds. `load` is None when it is not known.
    """
    within = bounds.clamp(size)
    if load is None or within != size:
        return within, START
    useful = bounds.clamp(load.useful)
    if useful > size:
        grown = min(useful, size + course.step)
        return grown, Course(step=course.step * 2)
    if useful == size:
        return size, START
    if course.spare_since is None:
        return size, Course(spare_since=now, peak=useful)
    peak = max(course.peak, useful)
    least = bounds.clamp(max(peak, load.occupied))
    if now - course.spare_since < hold or least >= size:
        return size, Course(spare_since=course.spare_since, peak=peak)
    return least, Course(spare_since=now, peak=useful)
