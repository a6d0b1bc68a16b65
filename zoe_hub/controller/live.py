"""Live figures of running clusters, read from the HTTP port that their framework names."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import httpx
import jmespath
from jmespath.exceptions import JMESPathError

from ..model.bindings import bindings
from ..model.errors import InvalidDocument, ServiceUnavailable
from ..model.execution import Execution, ExecutionState, InstanceState
from ..model.plan import FrameworkPlan
from ..model.references import bind
from ..secrets import Secrets
from ..store.base import Store

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds for one cluster's answer, however slowly it comes; the others do not wait for it longer."""
SETTLING = 5.0
"""Seconds after which a cluster that began to run is asked first. Before that its processes are still loading
what they need for their owner's first job, and answering would slow it."""


class LiveFigures:
    """Polls every running execution. Figures of one that does not answer are dropped."""

    def __init__(self, store: Store, secrets: Secrets, *, prefix: str, interval: float = 2.0) -> None:
        self._store = store
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
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            while True:
                try:
                    await self._look(http)
                except ServiceUnavailable as error:
                    log.warning("There are no live figures: %s", error)
                    self._figures = {}
                await asyncio.sleep(self._interval)

    async def _look(self, http: httpx.AsyncClient) -> None:
        running = [
            execution
            for execution in await self._store.list(live=True, limit=None)
            if execution.state in (ExecutionState.RUNNING, ExecutionState.DEGRADED)
        ]
        now = time.monotonic()
        self._since = {execution.id: self._since.get(execution.id, now) for execution in running}
        settled = [execution for execution in running if now - self._since[execution.id] >= SETTLING]
        reading = {execution.id: asyncio.ensure_future(self._read(http, execution)) for execution in settled}
        try:
            if reading:
                await asyncio.wait(reading.values(), timeout=PATIENCE)
        finally:
            for task in reading.values():
                task.cancel()
            await asyncio.gather(*reading.values(), return_exceptions=True)
        answered = {name: task.result() for name, task in reading.items() if not task.cancelled()}
        self._figures = {name: found for name, found in answered.items() if found}

    async def _read(self, http: httpx.AsyncClient, execution: Execution) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for framework in execution.plan.frameworks:
            if framework.status is not None:
                found |= await self._ask(http, execution, framework)
        return found

    async def _ask(self, http: httpx.AsyncClient, execution: Execution, framework: FrameworkPlan) -> dict[str, Any]:
        status = framework.status
        assert status is not None
        process = execution.plan.process(f"{framework.name}.{status.process}")
        instance = next((i for i in execution.instances if i.process == process.key and i.ordinal == 0), None)
        if instance is None or instance.state is not InstanceState.READY or status.port not in instance.ports:
            return {}
        port = next(port for port in process.ports if port.name == status.port)
        secrets = self._secrets.references(execution.plan, execution.id, execution.created)
        values = bindings(execution, framework.name, secrets.get(framework.name, {}), self._prefix)
        try:
            headers = {name: bind(text, values) for name, text in port.headers.items()}
            url = f"http://{instance.host}:{instance.ports[status.port]}{status.path}"
            answer = (await http.get(url, headers=headers)).raise_for_status().json()
            return {name: jmespath.search(expression, answer) for name, expression in status.fields.items()}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, JMESPathError, InvalidDocument) as error:
            log.debug("No live figures of execution %s: %s", execution.id, error)
            return {}
