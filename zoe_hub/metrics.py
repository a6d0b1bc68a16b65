"""What Zoe counts and measures, in a registry of its own. Labels never hold what users chose.

The names follow Prometheus' conventions; `docs/reference/metrics.md` is made from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from . import __version__
from .model.execution import Execution, ExecutionState, InstanceState, InstanceStatus

OWN = "own"
"""The label of a ZApp that is not in the shop: its name is a user's."""

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STARTS = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 600)
_WAITS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400, 86400)


@dataclass(frozen=True)
class Description:
    """One metric, for the documentation."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()


class Metrics:
    """All metrics of one service process. `shop` says which ZApps may be named in a label."""

    def __init__(self, shop: Callable[[], Container[str]] = frozenset) -> None:
        self._shop = shop
        self.registry = CollectorRegistry()
        self.descriptions: list[Description] = []
        ProcessCollector(registry=self.registry)
        gauge, counter, histogram = self._gauge, self._counter, self._histogram
        self.build_info = gauge("zoe_build_info", "Always 1; the label is the version of Zoe.", "version")
        self.build_info.labels(__version__).set(1)
        self.leader = gauge("zoe_leader", "1 in the service that leads and runs the engine, 0 in one that stands by.")

        self.store_up = gauge("zoe_store_up", "Whether the database answered when these metrics were asked for.")
        self.executions = gauge("zoe_executions", "Executions that have not ended, by state.", "state")
        self.queue_length = gauge("zoe_queue_length", "Executions that wait for machines.")
        self.queue_oldest = gauge(
            "zoe_queue_oldest_seconds", "Age of the execution that has waited longest; 0 when none waits."
        )
        self.instances = gauge("zoe_instances", "Instances of executions that have not ended, by state.", "state")
        self.capacity_cpus = gauge("zoe_capacity_cpus", "Processors that may be granted, in all.")
        self.capacity_memory = gauge("zoe_capacity_memory_bytes", "Memory that may be granted, in all.")
        self.capacity_gpus = gauge("zoe_capacity_gpus", "GPUs that may be granted, in all.")
        self.granted_cpus = gauge("zoe_granted_cpus", "Processors that are granted.")
        self.granted_memory = gauge("zoe_granted_memory_bytes", "Memory that is granted.")
        self.granted_gpus = gauge("zoe_granted_gpus", "GPUs that are granted.")

        self.submitted = counter("zoe_executions_submitted_total", "Executions submitted. Leader only.", "zapp")
        self.ended = counter(
            "zoe_executions_ended_total", "Executions that ended, by how they did. Leader only.", "zapp", "state"
        )
        self.queue_duration = histogram(
            "zoe_queue_duration_seconds", "From submission to admission. Leader only.", _WAITS, "zapp"
        )
        self.start_duration = histogram(
            "zoe_start_duration_seconds", "From submission to the first time it runs. Leader only.", _STARTS, "zapp"
        )
        self.restarts = counter("zoe_instance_restarts_total", "Instances started again. Leader only.")

        self.round_duration = histogram(
            "zoe_round_duration_seconds", "One round of the controller over all live executions.", _QUICK
        )
        self.engine_duration = histogram(
            "zoe_engine_request_duration_seconds", "One request to the engine.", _QUICK, "operation"
        )
        self.engine_errors = counter("zoe_engine_errors_total", "Requests that the engine failed.", "operation")
        self.transaction_duration = histogram(
            "zoe_store_transaction_duration_seconds",
            "One transaction of the database, repetitions after collisions included.",
            _QUICK,
            "kind",
        )
        self.transaction_errors = counter(
            "zoe_store_errors_total", "Transactions that the database failed, for instance because it is away.", "kind"
        )

        self.http_duration = histogram(
            "zoe_http_request_duration_seconds",
            "From a request to the first byte of its answer; event streams go on long after it.",
            _QUICK,
            "operation",
            "method",
            "code",
        )
        self.subscribers = gauge("zoe_event_subscribers", "Open event streams.")
        self.audit_lines = counter("zoe_audit_lines_total", "Lines written to the audit trail.", "outcome")
        self.audit_lost = counter(
            "zoe_audit_lines_lost_total", "Lines about refused requests that could not be stored. They are in the log."
        )

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """All of it as text, and the media type of that text."""
        encode, media = choose_encoder(accept)
        return encode(self.registry), media

    @contextmanager
    def round(self) -> Iterator[None]:
        """Measure one round of the controller, also one that fails."""
        with self.round_duration.time():
            yield

    def zapp(self, name: str) -> str:
        """The label for a ZApp: its name in the shop, or `OWN`."""
        return name if name in self._shop() else OWN

    def moved(self, execution: Execution, before: ExecutionState, after: ExecutionState) -> None:
        """It has just been stored that an execution is in another state."""
        zapp = self.zapp(execution.zapp)
        seconds = (datetime.now(timezone.utc) - execution.created).total_seconds()
        if (before, after) == (ExecutionState.QUEUED, ExecutionState.STARTING):
            self.queue_duration.labels(zapp).observe(seconds)
        elif (before, after) == (ExecutionState.STARTING, ExecutionState.RUNNING):
            self.start_duration.labels(zapp).observe(seconds)
        if after.ended:
            self.ended.labels(zapp, after.value).inc()

    def reported(self, instance: InstanceStatus) -> None:
        """The engine told of a change of an instance."""
        if instance.state is InstanceState.RESTARTING:
            self.restarts.inc()

    def transaction(self, kind: str, seconds: float, failed: bool) -> None:
        """One transaction is over; `kind` is "read" or "write"."""
        self.transaction_duration.labels(kind).observe(seconds)
        if failed:
            self.transaction_errors.labels(kind).inc()

    def request(self, operation: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self.http_duration.labels(operation, method, str(status)).observe(seconds)

    @contextmanager
    def engine(self, operation: str) -> Iterator[None]:
        """Measure one request to the engine. What it raises counts as its error; a cancellation does not."""
        begun = time.perf_counter()
        try:
            yield
        except Exception:
            self.engine_errors.labels(operation).inc()
            raise
        finally:
            self.engine_duration.labels(operation).observe(time.perf_counter() - begun)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.descriptions.append(Description(name, "gauge", text, labels))
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.descriptions.append(Description(name, "counter", text, labels))
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        self.descriptions.append(Description(name, "histogram", text, labels))
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)
