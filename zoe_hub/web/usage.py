"""Who held how much, over time: averages of equal steps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..model.events import Event
from ..model.execution import Execution
from ..model.resources import Resources
from .machines import holding


@dataclass(frozen=True)
class Steps:
    """So many equal steps from one moment to another."""

    since: datetime
    until: datetime
    count: int

    @property
    def seconds(self) -> float:
        """The length of one."""
        return (self.until - self.since).total_seconds() / self.count


@dataclass
class Use:
    """Of one owner: the average of each step."""

    cpu: list[float]
    memory: list[float]
    gpu: list[float]
    executions: set[str] = field(default_factory=set)

    @classmethod
    def nothing(cls, steps: int) -> Use:
        """Nothing was held."""
        return cls([0.0] * steps, [0.0] * steps, [0.0] * steps)


def over_time(histories: Iterable[tuple[Execution, Sequence[Event]]], steps: Steps) -> dict[str, Use]:
    """By owner. What holds nothing at any time is left out."""
    found: dict[str, Use] = {}
    for execution, events in histories:
        for start, end, held in _spans(execution, events, steps.until):
            for index, share in _shares(steps, start, end):
                use = found.setdefault(execution.owner, Use.nothing(steps.count))
                use.executions.add(execution.id)
                use.cpu[index] += held.cpu * share
                use.memory[index] += held.memory * share
                use.gpu[index] += held.gpu * share
    return found


def _spans(
    execution: Execution, events: Sequence[Event], until: datetime
) -> Iterator[tuple[datetime, datetime, Resources]]:
    """Times in which it held the same."""
    end = min(execution.ended or until, until)
    grants = [(event.time, dict(event.data.get("granted", {}))) for event in events]
    if not grants and execution.granted:
        # From before grants were told: since it ran, as far as is known.
        grants = [(execution.life.running_since or execution.created, dict(execution.granted))]
    for index, (start, granted) in enumerate(grants):
        stop = grants[index + 1][0] if index + 1 < len(grants) else end
        held = holding(execution, granted)
        if stop > start and (held.cpu or held.memory or held.gpu):
            yield start, min(stop, end), held


def _shares(steps: Steps, start: datetime, end: datetime) -> Iterator[tuple[int, float]]:
    """Each step that the time touches, and which part of the step it is."""
    first = (start - steps.since).total_seconds() / steps.seconds
    last = (end - steps.since).total_seconds() / steps.seconds
    for index in range(max(0, int(first)), min(steps.count, int(last) + 1)):
        share = min(last, index + 1) - max(first, index)
        if share > 0:
            yield index, share
