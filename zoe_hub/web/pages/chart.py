"""A stacked chart of who held what over time, as the numbers that its SVG needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..api.usage import UsageView

WIDTH, HEIGHT = 960, 220
_COLOURS = 7
"""Owners with a colour of their own; the others share one more."""


@dataclass(frozen=True)
class Bar:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Series:
    """One owner's, or that of all who have no colour of their own (no name)."""

    owner: str
    colour: int
    bars: list[Bar]


@dataclass(frozen=True)
class Chart:
    """What to draw. `top` is the value at the upper edge, `limit` the height at which all of it is held."""

    series: list[Series]
    top: float
    limit: float
    ticks: list[tuple[float, datetime]]


def chart(view: UsageView) -> Chart:
    """Of the processors."""
    rows: list[tuple[str, Sequence[float]]] = [(owner.owner, owner.cpu) for owner in view.owners[:_COLOURS]]
    others = [owner.cpu for owner in view.owners[_COLOURS:]]
    if others:
        rows.append(("", [sum(values) for values in zip(*others, strict=True)]))
    count = max(1, round((view.until - view.since).total_seconds() / view.step))
    sums = [sum(values[index] for _, values in rows) for index in range(count)]
    top = max([view.capacity.cpu, *sums]) or 1.0
    floor = [0.0] * count
    series = []
    for colour, (owner, values) in enumerate(rows):
        bars = []
        for index, value in enumerate(values):
            if value > 0:
                height = value / top * HEIGHT
                floor[index] += height
                bars.append(_bar(index, count, floor[index], height))
        series.append(Series(owner, colour, bars))
    ticks = [
        (round(part / 4 * WIDTH, 1), view.since + timedelta(seconds=part / 4 * view.step * count)) for part in range(5)
    ]
    return Chart(series, top, round(HEIGHT - view.capacity.cpu / top * HEIGHT, 1), ticks)


def _bar(index: int, count: int, top: float, height: float) -> Bar:
    width = WIDTH / count
    return Bar(round(index * width, 2), round(HEIGHT - top, 2), round(width, 2), round(height, 2))
