"""What the handlers are given: every part of Zoe that the web layer may speak to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from ..metrics import Metrics
from ..model.errors import InvalidDocument
from ..model.execution import Execution
from ..model.framework import Framework
from ..model.lifetime import LifetimePolicy
from ..model.outlook import Outlook
from ..model.plan import Plan
from ..model.quotas import Quotas
from ..model.resources import Node
from ..model.zapp import ZApp
from ..store.base import Store
from .addresses import Network
from .callers import Identities
from .limits import Buckets, Limits

EngineRole = Literal["open", "standby", "closed"]
"""What this service is to the engine: it runs it, it stands by while another does, or neither."""


class Shelves(Protocol):
    """The shop, as `zoe_hub.catalogue` reads it from folders."""

    @property
    def frameworks(self) -> Mapping[str, Framework]: ...

    @property
    def zapps(self) -> Mapping[str, ZApp]: ...

    @property
    def problems(self) -> Sequence[InvalidDocument]: ...

    @property
    def sources(self) -> Sequence[Path]: ...

    def folder(self, framework: str) -> Path: ...

    def refresh(self) -> None: ...


class SecretSource(Protocol):
    """Derives the secrets of an execution."""

    def references(self, plan: Plan, execution: str, created: datetime, /) -> Mapping[str, Mapping[str, str]]:
        """Values of references such as ``secret.auth``, by framework."""


class LogSource(Protocol):
    """Where instances' output is kept."""

    def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        """Raises UnknownName when there was never such an instance."""


class Outlooks(Protocol):
    """What is to be expected of a start."""

    async def of_plan(self, owner: str, plan: Plan, groups: tuple[str, ...] = (), /) -> Outlook:
        """Of a plan that this user, who is in these groups, would submit now."""

    async def of_waiting(self, executions: Collection[Execution], /) -> Mapping[str, Outlook]:
        """Of those that are in line, by identifier; others are left out."""


class QuotaDocument(Protocol):
    """The administrator's file of quotas."""

    @property
    def path(self) -> Path | None: ...

    @property
    def problem(self) -> InvalidDocument | None:
        """Why the file as it is now does not count; what it said before does."""

    def quotas(self) -> Quotas: ...


class NoQuotaDocument:
    """There is none."""

    path: Path | None = None
    problem: InvalidDocument | None = None

    def quotas(self) -> Quotas:
        """No limit for anybody."""
        return Quotas.none()


@dataclass(frozen=True)
class WebContext:
    """The parts of a running service. `public_prefix` is the service's address or path, with a slash at the end."""

    store: Store
    catalogue: Shelves
    secrets: SecretSource
    identities: Identities
    logs: LogSource
    wake: Callable[[], None]
    live: Callable[[str], Mapping[str, Any]]
    nodes: Callable[[], Awaitable[Sequence[Node]]]
    public_prefix: str = "/services/zoe/"
    limits: Limits = field(default_factory=Limits)
    foreseen: Buckets = field(default_factory=lambda: Buckets(rate=0.5, size=30))
    """How many outlooks each owner may have asked for."""
    outlooks: Outlooks | None = None
    """None: nobody is told what to expect."""
    engine: Callable[[], EngineRole] = lambda: "open"
    trouble: Callable[[], str] = lambda: ""
    """Why nothing can be started on the engine just now, for administrators; empty where nothing is known to be."""
    metrics_from_here: bool = False
    """Whether processes of this machine may read the metrics without a token."""
    metrics: Metrics = field(default_factory=Metrics)
    proxies: tuple[Network, ...] = ()
    """Who, besides this machine, is believed about whom it serves."""
    lifetimes: LifetimePolicy = field(default_factory=LifetimePolicy)
    quota_file: QuotaDocument = field(default_factory=NoQuotaDocument)

    @property
    def prefix(self) -> str:
        """The path part of `public_prefix`: below it the application is mounted."""
        return urlsplit(self.public_prefix).path
