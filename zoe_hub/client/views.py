"""Answers of the REST interface, read tolerantly: a newer service may say more than this version knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..model.adaptation import Adaptation
from ..model.durations import format_seconds
from ..model.execution import ExecutionState, InstanceState
from ..model.lifetime import Lifetime
from ..model.outlook import foretold
from ..model.parameters import Scalar
from ..model.resources import Resources


class View(BaseModel):
    """A frozen value; unknown keys are skipped."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class MeView(View):
    """Who the token belongs to."""

    name: str
    kind: str = "user"
    admin: bool = False
    scopes: tuple[str, ...] = ()


class ParameterView(View):
    """A parameter as the shop shows it."""

    name: str
    type: str = "string"
    label: str = ""
    help: str = ""
    default: Scalar | None = None
    minimum: Scalar | None = None
    maximum: Scalar | None = None
    choices: tuple[Scalar, ...] = ()
    scales: bool = False


class ZAppView(View):
    """A ZApp as the shop shows it."""

    name: str
    title: str = ""
    description: str = ""
    icon: str = ""
    category: str = ""
    parameters: tuple[ParameterView, ...] = ()
    attachable: bool = False
    own: bool = False
    server: bool = False


class ShopView(View):
    """What may be started, and for admins what is wrong with the files it is made from."""

    zapps: tuple[ZAppView, ...] = ()
    frameworks: tuple[dict[str, Any], ...] = ()
    problems: tuple[dict[str, Any], ...] = ()


class ProcessView(View):
    """One process of a plan."""

    key: str
    title: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    core: int = 0
    elastic: int = 0
    resources: Resources = Resources()
    placement: str = "backend"

    @model_validator(mode="before")
    @classmethod
    def _key_from_parts(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "key" not in value:
            return {**value, "key": f"{value.get('framework', '')}.{value.get('name', '')}"}
        return value


class OutlookView(View):
    """What is to be expected of what waits, or of what is not submitted yet."""

    now: bool = False
    refused: bool = False
    ahead: int = 0
    reason: str = ""
    granted: dict[str, int] = Field(default_factory=dict)
    wait: float | None = None

    @property
    def sentence(self) -> str:
        """For people."""
        return foretold(self.now, self.reason, self.wait, refused=self.refused)


class CostView(View):
    """What a start takes of a quota."""

    dimension: str = ""
    sentence: str = ""
    too_much: bool = False


class PreviewView(View):
    """What a start would take, in sentences. Empty: nothing is known."""

    outlook: str = ""
    starts_now: bool = False
    needs: str = ""
    costs: tuple[CostView, ...] = ()


class PlanView(View):
    """A plan without what only the service needs."""

    zapp: str = ""
    title: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    scales: str | None = None
    attachable: bool = False
    lifetime: Lifetime = Lifetime()
    core: Resources | None = Field(default=None, description="Needed before it can start.")
    total: Resources | None = Field(default=None, description="Needed with all elastic instances.")
    processes: tuple[ProcessView, ...] = ()
    outlook: OutlookView | None = None
    preview: PreviewView | None = None

    @model_validator(mode="before")
    @classmethod
    def _attachable_from_frameworks(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "attachable" not in value:
            return {**value, "attachable": any(part.get("client") for part in value.get("frameworks", ()))}
        return value

    @property
    def server(self) -> bool:
        """Whether it holds the user's own Jupyter server, which only the Hub can start."""
        return any(process.placement == "server" for process in self.processes)


class InstanceView(View):
    """One instance."""

    process: str
    ordinal: int
    state: InstanceState
    host: str | None = None
    restarts: int = 0
    exit_code: int | None = None
    message: str = ""
    started: datetime | None = None


class AttachmentView(View):
    """The notebook that an execution is tied to."""

    server: str
    kernel: str | None = None
    outlive: bool = False


class LifeView(View):
    """How long an execution has lived, and how long it will."""

    running_since: datetime | None = None
    last_active: datetime | None = None
    kept_until: datetime | None = None
    expires: datetime | None = None
    why: str = ""
    advice: str = ""


class UIView(View):
    """A web page of a cluster; `url` is a path at the Hub's public address."""

    process: str = ""
    port: str = ""
    title: str = ""
    url: str = ""


class ClientView(View):
    """How a kernel connects to one framework. `connection` may hold secrets: it is not in the repr."""

    framework: str
    module: str = "client.py"
    source: str = Field(repr=False)
    connection: dict[str, Any] = Field(default_factory=dict, repr=False)


class ConnectionView(View):
    """How a kernel connects to an execution."""

    execution: str
    name: str
    clients: tuple[ClientView, ...] = ()
    ui: tuple[UIView, ...] = ()


class ExecutionView(View):
    """One execution as its owner sees it."""

    id: str
    owner: str
    name: str
    zapp: str
    state: ExecutionState
    reason: str = ""
    desired: str = "running"
    parameters: dict[str, Any] = Field(default_factory=dict)
    granted: dict[str, int] = Field(default_factory=dict)
    instances: tuple[InstanceView, ...] = ()
    attachment: AttachmentView | None = None
    adaptation: Adaptation | None = None
    adapted: str = ""
    expected: int | None = None
    size: float | None = None
    life: LifeView = LifeView()
    ui: tuple[UIView, ...] = ()
    live: dict[str, Any] = Field(default_factory=dict)
    created: datetime | None = None
    updated: datetime | None = None
    ended: datetime | None = None
    plan: PlanView = PlanView()
    outlook: OutlookView | None = None

    @property
    def starts(self) -> str:
        """When it starts, about, for people; empty where it has, or nobody knows."""
        wait = self.outlook.wait if self.outlook is not None and self.state is ExecutionState.QUEUED else None
        return "" if wait is None else f"in about {format_seconds(wait)}"

    @property
    def workers(self) -> tuple[str, ...]:
        """Keys of the processes whose number `scale` changes; empty when there are none."""
        elastic = tuple(process.key for process in self.plan.processes if process.elastic)
        if elastic or not self.plan.scales:
            return elastic
        alike = [process.key for process in self.plan.processes if process.core == self.number]
        named = [key for key in alike if "worker" in key.partition(".")[2]]
        return tuple((named or alike)[-1:])

    @property
    def number(self) -> int:
        """The value of the parameter that `scale` changes; 0 when it has none."""
        if not self.plan.scales:
            return 0
        # The plan's is resolved; what was asked for may be null, for the default.
        return int(self.plan.parameters.get(self.plan.scales, self.parameters.get(self.plan.scales)) or 0)

    @property
    def asked(self) -> int:
        """How many workers its owner wants, in all processes that the parameter changes."""
        keys = self.workers
        return sum(p.core + p.elastic for p in self.plan.processes if p.key in keys) if keys else self.number

    @property
    def allowed(self) -> int:
        """How many workers the scheduler has granted."""
        return sum(self.granted.get(key, 0) for key in self.workers)

    @property
    def ready(self) -> int:
        """How many workers are ready."""
        keys = self.workers
        return sum(i.process in keys and i.state is InstanceState.READY for i in self.instances)

    @property
    def present(self) -> int:
        """How many workers have not ended, those that are going included."""
        keys = self.workers
        return sum(i.process in keys and not i.state.ended for i in self.instances)

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        verb = {ExecutionState.FAILED: "failed", ExecutionState.COMPLETED: "has completed"}.get(
            self.state, "was terminated"
        )
        return f"{self.name} {verb}: {self.reason}" if self.reason else f"{self.name} {verb}."
