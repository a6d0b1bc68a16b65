"""Live figures of running clusters, read from the HTTP port that their framework names."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from ..model.errors import ServiceUnavailable
from ..model.execution import Execution, ExecutionState
from ..secrets import Secrets
from .executions import LiveExecutions
from .questions import Questions, ask_all

log = logging.getLogger(__name__)

SETTLING = 5.0
"""Seconds after which a cluster that began to run is asked first. Before that its processes are still loading
what they need for their owner's first job, and answering would slow it."""
_LONGEST = 200
_MOST = 2**63


class LiveFigures:
    """Polls every running execution. Figures of one that does not answer are dropped."""

    def __init__(self, executions: LiveExecutions, secrets: Secrets, *, prefix: str, interval: float = 2.0) -> None:
        self._executions = executions
        self._secrets = secrets
        self._prefix = prefix
        self._interval = interval
        self._figures: dict[str, dict[str, Any]] = {}
        self._since: dict[str, float] = {}

    def get(self, execution: str) -> dict[str, Any]:
        """The newest figures of an execution, by the framework's field names; empty when there are none."""
        return dict(self._figures.get(execution, {}))

    async def run(self) -> None:
        """Go on until cancelled."""
        async with Questions(self._secrets, prefix=self._prefix) as questions:
            while True:
                try:
                    await self._look(questions)
                except ServiceUnavailable as error:
                    log.warning("There are no live figures: %s", error)
                    self._figures = {}
                await asyncio.sleep(self._interval)

    async def _look(self, questions: Questions) -> None:
        await self._executions.refresh()
        running = [
            execution
            for execution in self._executions.all()
            if execution.state in (ExecutionState.RUNNING, ExecutionState.DEGRADED)
            and any(framework.status for framework in execution.plan.frameworks)
        ]
        now = time.monotonic()
        self._since = {execution.id: self._since.get(execution.id, now) for execution in running}
        settled = [execution for execution in running if now - self._since[execution.id] >= SETTLING]
        answered = await ask_all(settled, lambda execution: _read(questions, execution))
        self._figures = {name: found for name, found in answered.items() if found}


async def _read(questions: Questions, execution: Execution) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for framework in execution.plan.frameworks:
        status = framework.status
        if status is not None:
            said = await questions.ask(execution, framework, status.process, status.port, status.path, status.fields)
            found |= {name: value for name, value in (said or {}).items() if _is_figure(value)}
    return found


def _is_figure(value: Any) -> bool:
    """A number, or a short text. A cluster is its owner's, who could make it say anything to whoever administers."""
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return isinstance(value, (bool, int, float)) and abs(value) < _MOST
