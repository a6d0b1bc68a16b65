"""From a database to a trace, a part at a time: a year of a busy service is more than fits in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ..model.execution import Execution
from ..model.resources import Node
from ..simulator.trace import head_of, written
from ..store.base import Store
from .history import trace_line

_BATCH = 200


@dataclass
class Exported:
    """What was written, and what was not."""

    executions: int = 0
    never_ran: int = 0
    """Left out: they ended, or wait, without having run."""
    unreadable: int = 0
    """Left out: another version of Zoe wrote their plans."""
    unknown: int = 0
    """Written with everything granted that was asked for, because their grants are not stored."""
    going_on: int = 0
    """Written with what they did until now."""


async def export(
    store: Store,
    nodes: Sequence[Node],
    write: Callable[[str], object],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Callable[[int], None] = lambda executions: None,
) -> Exported:
    """Write the executions that were submitted from `since` on and before `until`, the head first.

    Read while the service goes on: each is of one moment.
    """
    exported, numbers = Exported(), _Numbers()
    write(written(head_of(nodes)))
    origin: datetime | None = None
    last, submitted = "", timedelta(0)
    while batch := await store.histories(after=last, limit=_BATCH):
        last = batch[-1][0].id
        now = datetime.now(timezone.utc)
        for execution, events in batch:
            if (since and execution.created < since) or (until and execution.created >= until):
                continue
            if execution.plan.lost:
                exported.unreadable += 1
                continue
            start = origin or execution.created
            line = trace_line(
                execution,
                events,
                now,
                # Numbers are given to what is written only.
                user=numbers.users.get(execution.owner, len(numbers.users)),
                zapp=numbers.zapps.get(execution.zapp, len(numbers.zapps)),
                origin=start,
            )
            if line is None:
                exported.never_ran += 1
                continue
            origin = start
            # Two services' clocks may differ by more than the time between two submissions.
            submitted = max(submitted, timedelta(seconds=line.submitted))
            behind = submitted.total_seconds()
            line = line.model_copy(
                update={
                    "submitted": behind,
                    "admitted": max(behind, line.admitted),
                    "ended": max(behind, line.ended, line.admitted),
                }
            )
            numbers.add(execution)
            write(written(line))
            exported.executions += 1
            exported.unknown += not line.known
            exported.going_on += execution.ended is None
        progress(exported.executions)
    return exported


class _Numbers:
    """Stand for names, by first appearance."""

    def __init__(self) -> None:
        self.users: dict[str, int] = {}
        self.zapps: dict[str, int] = {}

    def add(self, execution: Execution) -> None:
        self.users.setdefault(execution.owner, len(self.users))
        self.zapps.setdefault(execution.zapp, len(self.zapps))
