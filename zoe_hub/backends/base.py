"""The interface of a back end: what a new engine must write.

A back end is given declarative orders: *this template, this many instances*. It brings the
engine there, keeps it there (restarts included), and reports every change of an instance. It
decides nothing about who may run: that is the scheduler's.

A subclass writes the ten methods below and passes ``tests/backends/contract.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..model.execution import InstanceStatus
from ..model.plan import ProcessPlan
from ..model.resources import Node


@dataclass(frozen=True)
class Order:
    """Wanted: `replicas` instances of one process, with the ordinals 0 to `replicas` - 1.

    All references in the template are bound but those that only the engine knows: ``self.host``,
    ``self.port.NAME``, ``self.ordinal``, ``self.folder``, ``framework.folder``, ``cache``, ``python``.
    The template holds secrets: a back end writes it to no log and on no command line.
    """

    execution: str
    owner: str
    template: ProcessPlan
    replicas: int
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Hosts and ports of other processes that the template was bound with, by reference. Where addresses can change, an
    instance that was started with another one is started again, without draining; that is no failure of it."""


class Backend(ABC):
    """Brings an engine to the ordered state and reports what is there."""

    @abstractmethod
    async def open(self, fence: int = 0) -> None:
        """Connect to the engine and adopt the instances that are there, whoever started them earlier.

        `fence` is the number of the lease by which this service leads. From here on the engine refuses what
        back ends with a lower number order: nothing is started, stopped or deleted for them any more, and
        they raise StaleLease. Raises StaleLease where one with a higher number was opened.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of the engine. Instances keep running. A second call does nothing."""

    @abstractmethod
    async def apply(self, order: Order) -> None:
        """Make it so. Returns before it is so; progress comes through `watch`.

        Repeating an order changes nothing. Fewer replicas than before: the highest ordinals are
        drained (`shutdown.drain`), then stopped. A changed template applies to instances started
        from now on. An ended instance is started again by its restart policy only.
        """

    @abstractmethod
    async def remove(self, execution: str) -> None:
        """Stop all instances of an execution without draining, and delete their scratch folders.

        Returns when nothing of it runs any more. Logs are kept. A second call, or one for an
        unknown execution, does nothing. Forgets the orders: nothing of it is started again.
        """

    @abstractmethod
    async def forget(self, execution: str) -> None:
        """Delete the logs and whatever else is left of a removed execution."""

    @abstractmethod
    async def instances(self) -> Sequence[InstanceStatus]:
        """Every instance that the back end knows, those that ended included, until `remove`."""

    @abstractmethod
    def watch(self) -> AsyncIterator[InstanceStatus]:
        """Every change from now on, in order. The first item may repeat what `instances` said."""

    @abstractmethod
    async def nodes(self) -> Sequence[Node]:
        """The machines and what Zoe may hand out of each. Also before `open`, for a service that does not lead."""

    @abstractmethod
    def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        """What an instance wrote (both streams, across restarts), from its beginning or its last `tail` lines.

        With `follow`, goes on until the instance has ended. Works for ended and removed instances
        until `forget`, and before `open`, for a service that does not lead. Raises UnknownName when
        there was never such an instance.
        """

    @abstractmethod
    def describe(self) -> Mapping[str, object]:
        """Name and settings of the engine, for administrators. No secrets."""

    def trouble(self) -> str:
        """Why nothing can be started just now, in a sentence for administrators; empty where nothing is known to be."""
        return ""
