"""What the REST interface answers: the model without what is nobody's business, and with addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..model.adaptation import Adaptation
from ..model.bindings import ui_path
from ..model.execution import Attachment, DesiredState, Execution, ExecutionState, InstanceState, InstanceStatus
from ..model.framework import Placement, Purpose
from ..model.lifetime import Lifetime
from ..model.outlook import Outlook
from ..model.parameters import Parameter, Scalar
from ..model.plan import Plan, ProcessPlan
from ..model.resources import Resources
from ..model.zapp import Category, ZApp

REACHABLE = (ExecutionState.STARTING, ExecutionState.RUNNING, ExecutionState.DEGRADED)
"""States in which web pages of an execution may answer."""


class View(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class IndexView(View):
    """What answers here."""

    name: str
    version: str


class MeView(View):
    """The caller, as the Hub sees it."""

    name: str
    kind: str
    admin: bool = Field(description="Whether everybody's executions are in reach.")
    scopes: list[str] = Field(description="Zoe's scopes that the caller's token has.")


class ProcessView(View):
    """A process of a plan, in short."""

    key: str
    title: str
    core: int
    elastic: int
    resources: Resources = Field(description="Of one instance.")
    placement: Placement
    image: str = Field(default="", description="Of the user server only, for whoever starts it, like the next two.")
    command: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict, description="May hold references.")

    @classmethod
    def of(cls, process: ProcessPlan) -> ProcessView:
        server = process.placement is Placement.SERVER
        return cls(
            image=process.image if server else "",
            command=process.command if server else (),
            environment=process.environment if server else {},
            key=process.key,
            title=process.title,
            core=process.core,
            elastic=process.elastic,
            resources=process.resources,
            placement=process.placement,
        )


class CostView(View):
    """What a start takes of one limit of a quota."""

    subject: str = Field(description="Whose quota: `user …` or `group …`.")
    dimension: str = Field(description="As in a quota, such as `cpu`.")
    takes: float = Field(description="Before it can start; of `cpu_hours` 0, as nobody knows.")
    left: float
    limit: float
    too_much: bool = Field(description="Whether it cannot start because of it, as things are.")
    sentence: str


class PreviewView(View):
    """What a start would take, in sentences for people."""

    outlook: str = Field(description="Whether it starts now, or waits and why; empty where `outlook` is null.")
    starts_now: bool
    needs: str
    costs: list[CostView] = Field(description="Of what is limited for its owner.")


class PlanView(View):
    """A plan, in short: what would run and how much it needs."""

    zapp: str
    title: str
    category: Category
    parameters: dict[str, Scalar]
    scales: str | None
    attachable: bool
    lifetime: Lifetime = Field(description="How long it lives, in seconds.")
    core: Resources = Field(description="Needed before it can start.")
    total: Resources = Field(description="Needed with all elastic instances.")
    processes: list[ProcessView]
    outlook: Outlook | None = Field(default=None, description="Whether it would start now; of a plan alone.")
    preview: PreviewView | None = Field(default=None, description="The same in sentences, and what it costs.")

    @classmethod
    def of(cls, plan: Plan, outlook: Outlook | None = None, preview: PreviewView | None = None) -> PlanView:
        return cls(
            outlook=outlook,
            preview=preview,
            zapp=plan.zapp,
            title=plan.title,
            category=plan.category,
            parameters=plan.parameters,
            scales=plan.scales,
            attachable=plan.attachable,
            lifetime=plan.lifetime,
            core=plan.core,
            total=plan.total,
            processes=[ProcessView.of(process) for process in plan.processes],
        )


class InstanceView(View):
    """One instance of a process."""

    process: str
    ordinal: int
    state: InstanceState
    host: str | None
    ports: dict[str, int]
    restarts: int
    exit_code: int | None
    message: str
    started: datetime | None

    @classmethod
    def of(cls, status: InstanceStatus) -> InstanceView:
        return cls(**status.model_dump(exclude={"execution"}))


class UiView(View):
    """A web page of a cluster, for its owner's browser."""

    process: str
    port: str
    title: str
    url: str = Field(description="Path at the Hub's public address; with a host where the service has one of its own.")


class LifeView(View):
    """How long an execution has lived, and how long it will."""

    running_since: datetime | None = Field(description="When it first ran.")
    last_active: datetime | None = Field(description="When it last worked; looked for where it may end of idleness.")
    kept_until: datetime | None = Field(description="Its owner asked to keep it until then, though idle.")
    expires: datetime | None = Field(description="It will end then, unless something happens.")
    why: str = Field(description="Why it will, for people.")
    advice: str = Field(description="What its owner can do about it, for people.")

    @classmethod
    def of(cls, execution: Execution) -> LifeView:
        life, lifetime = execution.life, execution.plan.lifetime
        return cls(
            running_since=life.running_since,
            last_active=life.last_active,
            kept_until=life.kept_until,
            expires=life.expires,
            why=life.cause.why(lifetime, execution.tied) if life.cause else "",
            advice=life.cause.advice(lifetime) if life.cause else "",
        )


class ExecutionView(View):
    """An execution."""

    id: str
    owner: str
    name: str = Field(description="Unique among the owner's executions.")
    zapp: str
    parameters: dict[str, Any]
    plan: PlanView
    desired: DesiredState
    state: ExecutionState
    reason: str = Field(description="Why it is in this state, for people.")
    granted: dict[str, int] = Field(description="Instances granted, by process key.")
    attachment: Attachment | None
    adaptation: Adaptation | None = Field(description="Its size follows its load, between these bounds.")
    adapted: str = Field(description="What adaptation did last, and why, for people.")
    expected: int | None = Field(description="Seconds that its owner expects it to take, with everything granted.")
    size: float | None = Field(description="The same, or where nothing was said as runs like it took before.")
    life: LifeView
    created: datetime
    updated: datetime
    ended: datetime | None
    instances: list[InstanceView]
    live: dict[str, Any] = Field(description="Figures that the framework itself reports.")
    ui: list[UiView]
    outlook: Outlook | None = Field(description="While it waits: its place, what it waits for, and for how long.")

    @classmethod
    def of(
        cls, execution: Execution, prefix: str, live: Mapping[str, Any], outlook: Outlook | None = None
    ) -> ExecutionView:
        return cls(
            id=execution.id,
            owner=execution.owner,
            name=execution.name,
            zapp=execution.zapp,
            parameters=execution.parameters,
            plan=PlanView.of(execution.plan),
            desired=execution.desired,
            state=execution.state,
            # What is stored of a long line's end may be old.
            reason=outlook.reason if outlook else execution.reason,
            outlook=outlook,
            granted=execution.granted,
            attachment=execution.attachment,
            adaptation=execution.adaptation,
            adapted=execution.adapted,
            expected=execution.expected,
            size=execution.size,
            life=LifeView.of(execution),
            created=execution.created,
            updated=execution.updated,
            ended=execution.ended,
            instances=[InstanceView.of(instance) for instance in execution.instances],
            live=dict(live),
            ui=ui_pages(execution, prefix),
        )


class ExecutionList(View):
    """Executions, newest first."""

    executions: list[ExecutionView]
    total: int = Field(description="How many there are, of which these are one page.")


class ClientView(View):
    """How a kernel connects to one framework."""

    framework: str
    module: str
    source: str = Field(description="Text of the framework's Python module that connects.")
    connection: dict[str, str] = Field(description="Given to the module's `connect`; holds secrets.")


class ConnectionView(View):
    """How the owner's kernel connects to an execution."""

    execution: str
    name: str
    clients: list[ClientView]
    ui: list[UiView]


class ZAppView(ZApp):
    """A ZApp on the shelf."""

    attachable: bool = Field(description="Whether a notebook can attach it.")
    server: bool = Field(description="Whether it has a Jupyter server, which only JupyterHub starts.")
    own: bool = Field(description="Whether it is the caller's own.")


class FrameworkView(View):
    """A framework, as something to join in a ZApp."""

    name: str
    title: str
    description: str
    icon: str
    options: tuple[Parameter, ...]
    attachable: bool


class ProblemView(View):
    """A file of the shop that is broken."""

    path: str
    line: int | None
    reason: str


class SourceView(View):
    """A folder of the shop."""

    path: str
    there: bool
    problems: int = Field(description="Broken files in it.")


class ShopView(View):
    """What there is to start, and to build from."""

    zapps: list[ZAppView]
    frameworks: list[FrameworkView]
    problems: list[ProblemView] = Field(description="Broken files; for administrators only.")
    sources: list[SourceView] = Field(
        default=[], description="Folders, of which later ones come before earlier ones; for administrators only."
    )


def ui_pages(execution: Execution, prefix: str) -> list[UiView]:
    """The pages that can be opened now."""
    if execution.state not in REACHABLE:
        return []
    first = {status.process: status for status in execution.instances if status.ordinal == 0}
    return [
        UiView(
            process=process.key,
            port=port.name,
            title=port.title or process.title,
            url=ui_path(prefix, execution.id, process.key, port.name) + "/" + port.path.lstrip("/"),
        )
        for process in execution.plan.processes
        for port in process.ports
        if port.purpose is Purpose.UI and process.key in first and port.name in first[process.key].ports
    ]
