"""What an outcome comes to: turnaround, queueing, slowdown, allocation, line, restarts."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from .engine import Outcome, Steps


@dataclass(frozen=True)
class Spread:
    """How a figure is spread over jobs. All are NaN where there is no job."""

    mean: float
    least: float
    p25: float
    median: float
    p75: float
    p95: float
    p99: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Percentiles are interpolated between the two nearest values."""
        ranked = sorted(values)
        mean = math.fsum(ranked) / len(ranked) if ranked else math.nan
        return cls(mean, *(percentile(ranked, share) for share in (0, 0.25, 0.5, 0.75, 0.95, 0.99, 1)))


def percentile(ranked: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values lies; NaN where there is none."""
    if not ranked:
        return math.nan
    place = share * (len(ranked) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


@dataclass(frozen=True)
class Summary:
    """One simulation in figures. Times are in seconds."""

    jobs: int
    unserved: int
    """Jobs that never ended: their core, or for some policies their whole, fits on no free machines or in no quota."""
    turnaround: Spread
    """From arrival to end."""
    queueing: Spread
    """From arrival to admission."""
    slowdown: Spread
    """Turnaround as a multiple of T, of jobs that have any work."""
    cpu: float
    """Part of all processors that was granted, over the time in which jobs arrived."""
    memory: float
    """The same of memory."""
    gpu: float
    """The same of graphics processors; 0 where there is none."""
    waiting: float
    """Applications in line, over that time."""
    longest_line: int
    reclaimed: int
    restarts: int
    makespan: float
    """From the first arrival to the last end."""
    decisions: int

    def document(self) -> dict[str, object]:
        """For programs; rounded to what is the same on every machine. What is no number is left out as null."""
        return {name: rounded(value) for name, value in asdict(self).items()}


def summarise(outcome: Outcome) -> Summary:
    """The figures of an outcome."""
    jobs = outcome.workload.jobs
    served = [place for place, end in enumerate(outcome.ended) if not math.isnan(end)]
    turnaround, queueing, slowdown = spreads(
        (jobs[place].submitted, outcome.admitted[place], outcome.ended[place], jobs[place].seconds) for place in served
    )
    first = jobs[0].submitted if jobs else 0.0
    last_end = max((outcome.ended[place] for place in served), default=first)
    # After the last arrival there is less to do than before, whoever decides. All at once have no such time.
    window = first, (jobs[-1].submitted if jobs and jobs[-1].submitted > first else last_end)
    steps, capacity = outcome.steps, outcome.capacity
    return Summary(
        jobs=len(jobs),
        unserved=len(jobs) - len(served),
        turnaround=turnaround,
        queueing=queueing,
        slowdown=slowdown,
        cpu=average(steps, steps.cpu, *window) / max(capacity.cpu, 1),
        memory=average(steps, steps.memory, *window) / max(capacity.memory, 1),
        gpu=average(steps, steps.gpu, *window) / max(capacity.gpu, 1),
        waiting=average(steps, steps.waiting, *window),
        longest_line=int(max(steps.waiting, default=0)),
        reclaimed=sum(outcome.reclaimed),
        restarts=sum(outcome.restarts),
        makespan=last_end - first,
        decisions=outcome.decisions,
    )


def spreads(times: Iterable[tuple[float, float, float, float]]) -> tuple[Spread, Spread, Spread]:
    """Turnaround, queueing and slowdown, of when each was submitted, admitted and ended, and its T."""
    known = list(times)
    return (
        Spread.of([ended - submitted for submitted, _, ended, _ in known]),
        Spread.of([admitted - submitted for submitted, admitted, _, _ in known]),
        Spread.of([(ended - submitted) / seconds for submitted, _, ended, seconds in known if seconds > 0]),
    )


def average(steps: Steps, values: array[float], start: float, end: float) -> float:
    """The mean over a span of time of what has one value from each step to the next; 0 for no time."""
    if end <= start or not steps.time:
        return 0.0
    parts = [
        value * (min(after, end) - max(before, start))
        for (before, after), value in zip(pairwise(steps.time), values, strict=False)
        if after > start and before < end
    ]
    parts.append(values[-1] * max(0.0, end - max(steps.time[-1], start)))
    return math.fsum(parts) / (end - start)


@dataclass(frozen=True)
class Series:
    """Allocation and line over time, as means over parts of it that are equally long."""

    seconds: float
    """From the first arrival to the end of the last part."""
    cpu: list[float]
    """Part of all processors that was granted."""
    memory: list[float]
    waiting: list[float]
    """Applications in line."""


def series(outcome: Outcome, count: int = 240) -> Series:
    """From the first arrival to a quarter of that time after the last one: what runs later is few and long."""
    jobs, steps, capacity = outcome.workload.jobs, outcome.steps, outcome.capacity
    start = jobs[0].submitted if jobs else 0.0
    arriving = jobs[-1].submitted - start if jobs else 0.0
    last = max((end for end in outcome.ended if not math.isnan(end)), default=start)
    end = start + 1.25 * arriving if arriving > 0 else last

    def parts(values: array[float], whole: float) -> list[float]:
        return [value / whole for value in averages(steps, values, start, end, count)]

    return Series(
        end - start,
        parts(steps.cpu, max(capacity.cpu, 1)),
        parts(steps.memory, max(capacity.memory, 1)),
        parts(steps.waiting, 1),
    )


def averages(steps: Steps, values: array[float], start: float, end: float, count: int) -> list[float]:
    """The means over so many parts of a span of time, which are equally long."""
    if end <= start or not steps.time or count < 1:
        return [0.0] * count
    width, sums = (end - start) / count, [0.0] * count
    for before, after, value in zip(steps.time, [*steps.time[1:], end], values, strict=True):
        since, until = max(before, start) - start, min(after, end) - start
        place = int(since / width)
        while since < until and place < count:
            part = min(until, (place + 1) * width)
            sums[place] += value * (part - since)
            since, place = part, place + 1
    return [total / width for total in sums]


def rounded(value: object) -> object:
    """Figures for programs, as `Summary.document` has them."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, float):
        # Sums of the same numbers differ in the last digits between processors.
        return None if math.isnan(value) else float(f"{value:.9g}")
    return value
