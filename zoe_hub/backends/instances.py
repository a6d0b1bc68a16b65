"""One instance, as `ordered` handles it: what an engine that starts programs one by one has to write."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..model.execution import InstanceStatus
from ..model.framework import Drain, Shutdown
from ..model.plan import ProcessPlan
from .base import Order
from .files import InstanceFolder, Record
from .launch import Launch
from .readiness import Pace, Probe, make_probe
from .replicas import Replica
from .terms import Term

Tell = Callable[[str], None]
"""Says, for people, what a start waits for."""


@dataclass(frozen=True)
class End:
    """How one run of an instance ended."""

    code: int | None
    """None: nobody knows."""
    reason: str = ""
    """What there is to say beyond the code, for people."""
    hopeless: bool = False
    """Another start would fail as well."""


class Instance(ABC):
    """An instance through all its runs. A run is one start and what comes of it; it has a number."""

    def __init__(self, execution: str, process: str, folder: InstanceFolder, record: Record) -> None:
        self.execution = execution
        self.process = process
        self.folder = folder
        self.record = record

    @property
    @abstractmethod
    def host(self) -> str | None:
        """Where it is found; None while nobody knows."""

    @abstractmethod
    def expect_start(self) -> None:
        """A new run is decided: from here on the record speaks of it, and taking it down waits for its start.

        No end of an earlier run may be taken for its end.
        """

    @abstractmethod
    async def start(self, order: Order, replica: Replica, tell: Tell) -> None:
        """Write down that it is about to start, and begin the run. Raises ZoeError, OSError, ValueError."""

    @abstractmethod
    def start_over(self) -> None:
        """The expected start has happened, or will not come."""

    @abstractmethod
    def bound(self, template: ProcessPlan) -> Launch:
        """The template with this instance's values. Raises InvalidDocument."""

    @abstractmethod
    async def begun(self) -> bool:
        """Wait until it is certain whether the run begins; false when it never will. Raises OSError.

        Must not be called while `start` is under way.
        """

    @abstractmethod
    def is_up(self) -> bool:
        """Whether the run that has begun goes on, as far as is known."""

    @abstractmethod
    async def ended(self) -> End:
        """Wait until nothing of the run is left but its log. Raises OSError."""

    @abstractmethod
    async def settled(self) -> None:
        """The end is written down: what was kept for those who adopt may go."""

    @abstractmethod
    async def take_down(self, life: asyncio.Future[None], shutdown: Shutdown, drain: Drain | None) -> None:
        """Make it end: ask to drain, then to end, then kill. Returns when `life`, which waits for the end, is done.

        Raises StaleLease when another service leads by then: it may want the instance.
        """

    @abstractmethod
    def release(self) -> None:
        """Nobody will look for it at its address again."""

    @abstractmethod
    def last_words(self) -> str:
        """The end of its log, for a message; secrets are hidden. Nothing while they are not known."""

    @abstractmethod
    async def note(self, name: str) -> str:
        """What it says about itself in this file; secrets are hidden. Nothing while they are not known."""

    def status(self, replica: Replica) -> InstanceStatus:
        """What there is to report."""
        return InstanceStatus(
            execution=self.execution,
            process=self.process,
            ordinal=replica.ordinal,
            state=replica.state,
            host=self.host,
            ports=dict(self.record.ports),
            restarts=replica.restarts,
            exit_code=replica.exit_code,
            message=replica.message,
            started=self.record.started,
        )

    def is_misled(self, order: Order) -> bool:
        """Whether its last start was told of an address that is another one now."""
        return any(order.addresses.get(name, value) != value for name, value in self.record.addresses.items())

    def probe(self, template: ProcessPlan, launch: Launch) -> Probe | None:
        """How to ask whether it is ready; None when there is nothing to ask."""
        readiness = template.readiness
        number = self.record.ports.get(readiness.port) if readiness is not None else None
        if readiness is None or number is None or self.host is None:
            return None
        return make_probe(readiness, self.host, number, launch.headers.get(readiness.port, {}))


class Maker(Protocol):
    """What an engine's instances share, and how one is made."""

    @property
    def term(self) -> Term: ...

    @property
    def pace(self) -> Pace: ...

    def make(self, execution: str, process: str, folder: InstanceFolder, record: Record) -> Instance:
        """An instance that is new, or that an earlier service knew."""

    def last_run(self, execution: str, process: str, ordinal: int, folder: InstanceFolder) -> int:
        """The highest number of a run that left a trace; 0 when there is none."""
