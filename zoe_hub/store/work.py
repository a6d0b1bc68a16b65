"""How much work an execution has done, counted as it goes on.

Work is the integral of the instances granted over the time in which it ran: after a run, the T of the published model
is work / (C + E), whatever was granted when (time left = (1 - progress) T (C + E) / (C + g)).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..model.execution import ExecutionState


def counted(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The columns `work` (instances times seconds) and `work_since` of a row, up to now."""
    since = values["work_since"]
    if since is None:
        return {}
    done = (values["work"] or 0.0) + sum(values["granted"].values()) * max((now - since).total_seconds(), 0.0)
    return {"work": done, "work_since": now}


def moved(values: Mapping[str, Any], after: ExecutionState, now: datetime) -> dict[str, Any]:
    """The same where its state changes: time counts while it is RUNNING only."""
    return {**counted(values, now), "work_since": now if after is ExecutionState.RUNNING else None}
