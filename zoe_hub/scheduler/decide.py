"""Who may run now, and with how many instances.

First in, first out. The core of an execution is admitted all or none; elastic instances get
what is left, the oldest execution first. While somebody waits for a core, nobody grows. What
has been granted is not taken back before its owner asks for less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..model.resources import Node, Resources, format_bytes


@dataclass(frozen=True)
class Demand:
    """What one process asks for."""

    key: str
    title: str
    core: int
    elastic: int
    resources: Resources


@dataclass(frozen=True)
class Request:
    """One live execution, as the scheduler sees it."""

    execution: str
    admitted: bool
    demands: tuple[Demand, ...]
    granted: Mapping[str, int]
    """Instances granted so far, by process key."""
    leaving: bool = False
    """Ending: it holds what it was granted until it is gone, and gets nothing more."""
    present: Mapping[str, int] = field(default_factory=dict)
    """Instances that have not ended, by process key. Those beyond the grant are going; till then they hold a share."""


@dataclass(frozen=True)
class Snapshot:
    """The state to decide on. `requests` are in the order of their submission."""

    nodes: Sequence[Node]
    requests: Sequence[Request]


@dataclass(frozen=True)
class Decision:
    """What one execution gets. `reason` says why it waits or got less than it asked for; else it is empty."""

    execution: str
    admitted: bool
    granted: Mapping[str, int]
    reason: str = ""


class _Free:
    """What is free on each node, by first fit in the nodes' order."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._free = [[node.capacity.cpu, float(node.capacity.memory), float(node.capacity.gpu)] for node in nodes]

    def take(self, shape: Resources) -> bool:
        need = (shape.cpu, float(shape.memory), float(shape.gpu))
        for node in self._free:
            if all(n <= f + 1e-9 for n, f in zip(need, node, strict=True)):
                for index, amount in enumerate(need):
                    node[index] -= amount
                return True
        return False

    def force(self, shape: Resources) -> None:
        """Count what runs already, also where the capacity was declared smaller since."""
        if not self.take(shape) and self._free:
            for index, amount in enumerate((shape.cpu, float(shape.memory), float(shape.gpu))):
                self._free[0][index] -= amount

    def copy(self) -> _Free:
        other = _Free(())
        other._free = [list(node) for node in self._free]
        return other

    def __str__(self) -> str:
        best = max(self._free, key=lambda node: node[1], default=[0.0, 0.0, 0.0])
        return f"{max(best[0], 0):g} CPU and {format_bytes(int(max(best[1], 0)))} are free"


def decide(snapshot: Snapshot) -> list[Decision]:
    """One decision per request that is not leaving, in their order."""
    free = _Free(snapshot.nodes)
    held = {request.execution: _held(request) for request in snapshot.requests if request.admitted}
    for request in snapshot.requests:
        for demand in request.demands if request.admitted else ():
            for _ in range(max(held[request.execution][demand.key], request.present.get(demand.key, 0))):
                free.force(demand.resources)

    reasons: dict[str, str] = {}
    waiting = 0
    for request in snapshot.requests:
        if request.admitted or request.leaving:
            continue
        trial = free.copy()
        if not waiting and all(trial.take(d.resources) for d in request.demands for _ in range(d.core)):
            free = trial
            held[request.execution] = {demand.key: demand.core for demand in request.demands}
        else:
            reasons[request.execution] = _why_waiting(request, free, waiting)
            waiting += 1

    for request in snapshot.requests:
        if request.execution in held and not request.leaving:
            reasons[request.execution] = _grow(request, held[request.execution], free, blocked=waiting > 0)
    return [
        Decision(
            request.execution,
            admitted=request.execution in held,
            granted=held.get(request.execution, {}),
            reason=reasons[request.execution],
        )
        for request in snapshot.requests
        if not request.leaving
    ]


def _held(request: Request) -> dict[str, int]:
    """What stays granted: never less than the core, never more than is asked for."""
    if request.leaving:
        return {demand.key: request.granted.get(demand.key, 0) for demand in request.demands}
    return {
        demand.key: min(max(request.granted.get(demand.key, 0), demand.core), demand.core + demand.elastic)
        for demand in request.demands
    }


def _grow(request: Request, held: dict[str, int], free: _Free, *, blocked: bool) -> str:
    short: list[str] = []
    for demand in request.demands:
        wanted = demand.core + demand.elastic
        present = request.present.get(demand.key, 0)
        # One that is going makes room for the one that takes its number.
        while not blocked and held[demand.key] < wanted and (held[demand.key] < present or free.take(demand.resources)):
            held[demand.key] += 1
        if held[demand.key] < wanted:
            why = "another execution waits for its core" if blocked else str(free)
            short.append(f"{held[demand.key]} of {wanted} {demand.title} ({demand.resources} each): {why}")
    return f"granted {'; '.join(short)}" if short else ""


def _why_waiting(request: Request, free: _Free, ahead: int) -> str:
    core = sum((demand.resources * demand.core for demand in request.demands), Resources())
    line = f"; {ahead} ahead" if ahead else ""
    return f"waits for {core}: {free}{line}"
