"""The metrics, for Prometheus: counted as they happen, and the numbers of now asked of the store."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone

from tornado.web import stream_request_body

from ..metrics import Metrics
from ..model.errors import ZoeError
from ..model.execution import Execution, ExecutionState, InstanceState
from ..model.resources import Resources
from . import scopes
from .access import lacks
from .addresses import is_from_here, names_this_machine
from .context import WebContext
from .handlers import BaseHandler, stranger
from .machines import holding

log = logging.getLogger(__name__)


@stream_request_body
class MetricsPage(BaseHandler):
    """All metrics, for a caller with the scope, or for this machine where the settings say so."""

    async def get(self) -> None:
        here = is_from_here(self.request) and names_this_machine(self.request)
        if not (self.context.metrics_from_here and here):
            caller = await self.identify()
            if caller is None:
                raise stranger()
            if not scopes.holds_for_all(caller.scopes, scopes.READ_METRICS):
                raise lacks(scopes.READ_METRICS)
        await refresh(self.context)
        text, media = self.context.metrics.render(self.request.headers.get("Accept", ""))
        self.set_header("Content-Type", media)
        self.set_header("Cache-Control", "no-store")
        self.finish(text)


async def refresh(context: WebContext) -> None:
    """Bring the gauges to now. Where the store is away, they have no value, and `zoe_store_up` says so."""
    metrics = context.metrics
    metrics.leader.set(context.engine() == "open")
    try:
        live, nodes = await context.store.list(live=True), await context.nodes()
    except (ZoeError, OSError) as error:
        log.warning("There are no current numbers for the metrics: %s", error)
        _forget(metrics)
        return
    _show(metrics, live)
    for (cpus, memory, gpus), amount in (
        (
            (metrics.capacity_cpus, metrics.capacity_memory, metrics.capacity_gpus),
            sum((node.capacity for node in nodes), Resources()),
        ),
        (
            (metrics.granted_cpus, metrics.granted_memory, metrics.granted_gpus),
            sum((holding(execution, execution.granted) for execution in live), Resources()),
        ),
    ):
        cpus.set(amount.cpu)
        memory.set(amount.memory)
        gpus.set(amount.gpu)


def _show(metrics: Metrics, live: Sequence[Execution]) -> None:
    metrics.store_up.set(1)
    states = Counter(execution.state for execution in live)
    for state in ExecutionState:
        if not state.ended:
            metrics.executions.labels(state.value).set(states[state])
    instances = Counter(instance.state for execution in live for instance in execution.instances)
    for instance in InstanceState:
        metrics.instances.labels(instance.value).set(instances[instance])
    metrics.queue_length.set(states[ExecutionState.QUEUED])
    now = datetime.now(timezone.utc)
    waiting = [
        (now - execution.created).total_seconds() for execution in live if execution.state is ExecutionState.QUEUED
    ]
    metrics.queue_oldest.set(max(waiting, default=0))


def _forget(metrics: Metrics) -> None:
    metrics.store_up.set(0)
    metrics.executions.clear()
    metrics.instances.clear()
    for gauge in (metrics.queue_length, metrics.queue_oldest, metrics.granted_cpus, metrics.granted_memory):
        gauge.set(float("nan"))
    metrics.granted_gpus.set(float("nan"))
