"""Rounds that alternate, and how their outcome is shown: a table for people, a line of JSON for programs."""

from __future__ import annotations

import gc
import json
import math
import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from intervals import half_width, told

ROUNDS = int(os.environ.get("ZOE_BENCH_ROUNDS", "5"))


@dataclass(frozen=True)
class Figure:
    """One thing that has a goal of its own and nothing to be compared with, such as a rate or a number of losses."""

    name: str
    value: float
    goal: float
    unit: str
    at_least: bool = False
    """Whether the goal is a least value; otherwise it is a largest one."""

    @property
    def holds(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def line(self) -> str:
        bound = "at least" if self.at_least else "at most"
        return f"{self.value:10.2f} {self.unit:<6} goal: {bound} {self.goal:g}"

    def document(self) -> dict[str, object]:
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "baseline": None,
            "ratio": None,
            "goal": self.goal,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Result:
    """The median of one thing, against the median of another measured in the same run."""

    name: str
    value: float
    baseline: float
    goal: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.value / self.baseline

    @property
    def holds(self) -> bool:
        return self.ratio <= self.goal

    def line(self) -> str:
        return (
            f"{self.value:10.2f} {self.unit:<6} other: {self.baseline:.2f} {self.unit}, "
            f"ratio {self.ratio:.2f}, goal {self.goal:.2f}"
        )

    def document(self) -> dict[str, object]:
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "baseline": round(self.baseline, 3),
            "ratio": round(self.ratio, 3),
            "goal": self.goal,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Paired:
    """One thing against another on the same inputs, pair by pair: the mean of their ratios, with its interval.

    It holds when the interval's upper end does. By the mean alone, half of what is just missed would be said to hold by
    luck with the inputs; other inputs of the same kind are to show the same.
    """

    name: str
    values: Sequence[float]
    baselines: Sequence[float]
    """Of the same inputs, in the same order."""
    goal: float
    unit: str = "s"

    @property
    def value(self) -> float:
        return statistics.fmean(self.values)

    @property
    def baseline(self) -> float:
        return statistics.fmean(self.baselines)

    @property
    def ratios(self) -> list[float]:
        return [value / baseline for value, baseline in zip(self.values, self.baselines, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.fmean(self.ratios)

    @property
    def upper(self) -> float:
        """End of the 95 % interval of the ratio; infinity with one pair only."""
        return self.ratio + half_width(self.ratios)

    @property
    def holds(self) -> bool:
        return self.upper <= self.goal

    @property
    def verdict(self) -> str:
        """`open` where the goal is inside the interval, and the mean does not reach it, or is of one pair."""
        if self.holds:
            return "holds"
        if self.ratio <= self.goal and math.isfinite(self.upper):
            return "holds on average"
        return "missed" if self.ratio - half_width(self.ratios) > self.goal else "open"

    def line(self) -> str:
        return (
            f"{self.value:10.0f} {self.unit:<2} other: {self.baseline:8.0f} {self.unit}, "
            f"ratio {told(self.ratios)}, goal {self.goal:.2f}"
        )

    def document(self) -> dict[str, object]:
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "baseline": round(self.baseline, 3),
            "ratio": round(self.ratio, 3),
            "upper": round(self.upper, 3) if math.isfinite(self.upper) else None,
            "goal": self.goal,
            "holds": self.holds,
        }


def alternate(contenders: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """The median of each contender's seconds, over `rounds` rounds after one that does not count.

    In each round every contender runs once, in turn: whatever else the machine does meets all alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            gc.collect()
            took = run()
            say(f"  {'warm-up' if number == 0 else f'round {number}'}  {name:<28} {took:7.2f} s")
            if number:
                seconds[name].append(took)
    return {name: statistics.median(values) for name, values in seconds.items()}


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 300, pause: float = 0.02) -> None:
    """Return as soon as the condition holds. Raises TimeoutError, which says what did not come."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout:g} seconds.")
        time.sleep(pause)


def end_on_signals() -> None:
    """Make SIGTERM and SIGHUP end the program like Ctrl-C does: with everything cleared away."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))


def say(sentence: str) -> None:
    """Progress, kept apart from the outcome."""
    print(sentence, file=sys.stderr, flush=True)


def show(results: Sequence[Result | Figure | Paired]) -> int:
    """Print table and JSON; the exit status: 0 when every goal holds."""
    print(f"\n{os.cpu_count()} processors, {_memory()}, {platform.system()}, Python {platform.python_version()}\n")
    width = max(len(result.name) for result in results)
    for result in results:
        verdict = result.verdict if isinstance(result, Paired) else "holds" if result.holds else "missed"
        print(f"{result.name:<{width}}  {result.line()}  {verdict if result.holds else verdict.upper()}")
    print()
    print(json.dumps([result.document() for result in results]))
    return 0 if all(result.holds for result in results) else 1


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
