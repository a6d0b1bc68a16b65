"""Plans: a ZApp with every value resolved, ready to be scheduled.

A plan holds no secret and no address: where a text needs one, it holds a reference.
"""

from __future__ import annotations

from pydantic import Field

from .base import Document
from .framework import Client, File, Placement, Port, Readiness, Restart, Secret, Shutdown, Status
from .lifetime import Lifetime
from .parameters import Scalar
from .resources import Resources
from .zapp import Category, ZApp


class ProcessPlan(Document):
    """One process, resolved. Its instances are alike but for their ordinal."""

    framework: str
    name: str
    title: str
    image: str
    command: tuple[str, ...]
    environment: dict[str, str]
    files: tuple[File, ...]
    ports: tuple[Port, ...]
    core: int = Field(ge=0)
    elastic: int = Field(ge=0)
    resources: Resources
    readiness: Readiness | None
    restart: Restart
    shutdown: Shutdown
    after: tuple[str, ...] = Field(description="Keys of processes that must be ready first.")
    placement: Placement

    @property
    def key(self) -> str:
        """Unique in the plan: ``framework.process``."""
        return f"{self.framework}.{self.name}"


class FrameworkPlan(Document):
    """What a framework brings beside its processes."""

    name: str
    secrets: tuple[Secret, ...]
    client: Client | None
    status: Status | None


class Plan(Document):
    """Everything needed to schedule and start an execution."""

    zapp: str
    title: str
    category: Category
    parameters: dict[str, Scalar]
    scales: str | None = Field(description="The parameter that `scale(n)` changes, if there is one.")
    definition: ZApp = Field(description="What it was composed from, so that it can be composed again.")
    frameworks: tuple[FrameworkPlan, ...]
    processes: tuple[ProcessPlan, ...] = Field(description="Ordered: each comes after all that it waits for.")
    lifetime: Lifetime = Lifetime()

    @classmethod
    def unreadable(cls, zapp: str) -> Plan:
        """Stands for one that another version of Zoe stored in words that this one does not know."""
        definition = ZApp.model_construct(
            apiVersion="zoe/v1", kind="ZApp", name=zapp, title=zapp, frameworks=(), parameters=()
        )
        return cls.model_construct(
            zapp=zapp,
            title=zapp,
            category=definition.category,
            parameters={},
            scales=None,
            definition=definition,
            frameworks=(),
            processes=(),
            lifetime=Lifetime(),
        )

    @property
    def lost(self) -> bool:
        """Whether it stands for one that cannot be read: every other has processes."""
        return not self.processes

    @property
    def attachable(self) -> bool:
        return any(framework.client for framework in self.frameworks)

    @property
    def server(self) -> ProcessPlan | None:
        """The process that is the user's Jupyter server, if the ZApp has one."""
        return next((process for process in self.processes if process.placement is Placement.SERVER), None)

    @property
    def core(self) -> Resources:
        return sum((p.resources * p.core for p in self.processes), Resources())

    @property
    def total(self) -> Resources:
        return sum((p.resources * (p.core + p.elastic) for p in self.processes), Resources())

    def process(self, key: str) -> ProcessPlan:
        """The process with this key. Raises KeyError."""
        for process in self.processes:
            if process.key == key:
                return process
        raise KeyError(key)

    def framework(self, name: str) -> FrameworkPlan:
        """The framework with this name. Raises KeyError."""
        for framework in self.frameworks:
            if framework.name == name:
                return framework
        raise KeyError(name)
