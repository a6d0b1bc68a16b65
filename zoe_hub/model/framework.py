"""Frameworks: building blocks of ZApps, with the processes and the options they take.

Values marked *template* are Jinja expressions over the framework's options, resolved by
composition. Texts may also hold *references* such as ``${secret.auth}`` or
``${master.port.rpc}``, which only the running instance can resolve: see ``references``.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from .base import Document, EnvironmentName, Identifier, Line, Name, Prose, Text
from .parameters import Parameter

Templated = int | float | str
"""A number, or a template that gives one."""


class Protocol(str, Enum):
    """What is spoken on a port."""

    TCP = "tcp"
    HTTP = "http"


class Purpose(str, Enum):
    """Who a port is for."""

    INTERNAL = "internal"
    """The other processes of the execution."""
    CLIENT = "client"
    """The owner's kernel."""
    UI = "ui"
    """The owner's browser, through the Hub."""


class Port(Document):
    """A named port of a process."""

    name: Identifier
    protocol: Protocol = Protocol.TCP
    purpose: Purpose = Purpose.INTERNAL
    number: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The port inside a container; a free one is taken where instances share a host.",
    )
    title: Line = Field(default="", description="What the page behind a `ui` port is called.")
    path: str = Field(default="/", description="Where the page behind a `ui` port begins.")
    headers: dict[str, Text] = Field(
        default_factory=dict,
        description="Sent with every request that Zoe makes or relays to this port; may hold references.",
    )
    keep_prefix: bool = Field(
        default=False,
        description="True: requests through the Hub keep the public prefix in their path; false: it is cut off.",
    )


class ReadinessKind(str, Enum):
    """How readiness is probed."""

    TCP = "tcp"
    HTTP = "http"


class Readiness(Document):
    """An instance is ready when its port accepts a connection, or answers HTTP below 400."""

    port: Identifier
    kind: ReadinessKind = ReadinessKind.TCP
    path: str = "/"
    timeout: float = Field(default=120, gt=0, description="Seconds after which a start counts as failed.")


class RestartPolicy(str, Enum):
    """When an instance that ended is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class Restart(Document):
    """The restart policy of a process and its backoff."""

    policy: RestartPolicy = RestartPolicy.ALWAYS
    limit: int = Field(
        default=5,
        ge=0,
        description="Restarts in a row, without having been ready for `reset` seconds, before giving up.",
    )
    delay: float = Field(
        default=0.5, ge=0, description="Seconds before the first restart; doubles each time, up to 30."
    )
    reset: float = Field(default=60, ge=0, description="Seconds of readiness after which the count starts again.")


class Drain(Document):
    """How one instance is asked to hand over its work before it is taken away (scaling down)."""

    signal: str = Field(pattern=r"^SIG[A-Z0-9]+$")
    timeout: float = Field(default=120, gt=0, description="Seconds; then it is stopped all the same.")
    note: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$",
        description="File in the instance's own folder whose first line says, for people, what it still waits for.",
    )


class Shutdown(Document):
    """How an instance is stopped."""

    signal: str = Field(default="SIGTERM", pattern=r"^SIG[A-Z0-9]+$")
    grace: float = Field(default=5, ge=0, description="Seconds between the signal and SIGKILL.")
    drain: Drain | None = Field(
        default=None, description="Without it, scaling down stops an instance like termination does."
    )


class File(Document):
    """A file written into the instance's own folder before it starts; readable by nobody else."""

    path: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")
    content: Text


class ResourceTemplate(Document):
    """What one instance requests of its node."""

    cpu: Templated = Field(default=0, description="Processors (template).")
    memory: Templated = Field(default=0, description="Bytes, or text with a unit (template).")
    gpu: Templated = Field(default=0, description="Whole graphics processors (template).")


class InstanceTemplate(Document):
    """How many: without the core nothing works; the elastic only make it faster."""

    core: Templated = 1
    elastic: Templated = 0


class Placement(str, Enum):
    """Who starts the instances of a process."""

    BACKEND = "backend"
    """Started by Zoe's back end."""
    SERVER = "server"
    """It is the user's Jupyter server, started by JupyterHub's spawner."""


class Process(Document):
    """One role inside a framework. Runs as one or more instances."""

    name: Identifier
    title: Line = ""
    image: Text = Field(
        default="", description="Container image (template); unused where instances are plain processes."
    )
    command: tuple[Text, ...] = Field(
        default=(), description="Program and arguments (template, references), never given to a shell."
    )
    environment: dict[EnvironmentName, Text] = Field(default_factory=dict)
    files: tuple[File, ...] = ()
    ports: tuple[Port, ...] = ()
    instances: InstanceTemplate = InstanceTemplate()
    resources: ResourceTemplate = ResourceTemplate()
    readiness: Readiness | None = Field(default=None, description="Without it, an instance that runs is ready.")
    restart: Restart = Restart()
    shutdown: Shutdown = Shutdown()
    after: tuple[Identifier, ...] = Field(
        default=(), description="Processes of this framework that must be ready first."
    )
    placement: Placement = Placement.BACKEND

    @model_validator(mode="after")
    def _readiness_names_a_port(self) -> Self:
        if self.readiness and self.readiness.port not in {port.name for port in self.ports}:
            raise ValueError(f"readiness names the port {self.readiness.port!r}, which the process does not have")
        if len({port.name for port in self.ports}) < len(self.ports):
            raise ValueError("two ports have the same name")
        return self


class SecretKind(str, Enum):
    """What a secret is made of."""

    TOKEN = "token"
    """`${secret.NAME}`: 32 bytes as unpadded base64url. `${bearer.NAME}`: a compact JWS signed with them (HS256)."""
    CERTIFICATE = "certificate"
    """`${certificate.NAME}` and `${key.NAME}`: a self-signed certificate and its private key, as PEM."""


class Secret(Document):
    """Something only the processes of one execution, and their owner, know."""

    name: Identifier
    kind: SecretKind = SecretKind.TOKEN


class Client(Document):
    """How a kernel connects: a Python module of the framework's folder, run inside the kernel.

    It defines ``connect(connection: dict) -> dict``, which returns the names to put into the
    user's namespace, and ``disconnect(names: dict) -> None``.
    """

    module: str = Field(default="client.py", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.py$")
    connection: dict[Identifier, Text] = Field(
        default_factory=dict, description="Given to `connect`, and to nobody but the owner; may hold references."
    )


class Activity(Document):
    """Where to see whether a cluster works, read from one of its HTTP ports.

    The expressions are JMESPath over the answer: over its text, every white space a single blank, where it is no JSON.
    A cluster that does not answer counts as one that works.
    """

    process: Identifier
    port: Identifier
    path: str = "/"
    busy: str = Field(description="True, or a number above 0: it works just now.")
    mark: str | None = Field(
        default=None,
        description="Differs whenever work was done since the last look, such as a count of all jobs so far: what came "
        "and went between two looks is seen by that.",
    )


class Page(Document):
    """One page of a framework, and what of it is kept under its name for the expressions that follow."""

    name: Identifier
    path: Text = Field(description="May hold `${NAME}`: what an earlier page gave, such as an identifier.")
    value: str = Field(default="@", description="JMESPath over its JSON answer.")


class Load(Document):
    """How many workers a running cluster could use, read from one of its HTTP ports: what adaptation goes by.

    A worker is what the ZApp's parameter with `scales` counts. The expressions are JMESPath over
    `{NAME: value of that page}`. Said is how many tasks there are, or, by a framework that knows better, how many
    workers it wants. A cluster that does not answer stays as large as it is.
    """

    process: Identifier
    port: Identifier
    pages: tuple[Page, ...] = Field(min_length=1, max_length=8, description="Asked in this order.")
    tasks: str | None = Field(
        default=None, description="Number of tasks that run or could run now, those done included."
    )
    done: str | None = Field(default=None, description="How many of `tasks` are done; none where unsaid.")
    slots: Templated = Field(default=1, description="Tasks that one worker does at the same time (template).")
    workers: str | None = Field(
        default=None, description="How many workers the framework itself wants; goes before `tasks`."
    )
    busy: str | None = Field(
        default=None,
        description="List of the ordinals of workers that have a task: such a one is not sent away. Where unsaid, none "
        "is while there is any task.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.tasks is None and self.workers is None:
            raise ValueError("load says neither `tasks` nor `workers`")
        if len({page.name for page in self.pages}) < len(self.pages):
            raise ValueError("two pages have the same name")
        return self


class Status(Document):
    """Live figures of a running cluster, read from one of its HTTP ports.

    Each field is a JMESPath expression over the JSON answer. The fields `workers`, `cores`,
    `running` and `waiting` (numbers) have a place of their own in every display.
    """

    process: Identifier
    port: Identifier
    path: str = "/"
    fields: dict[Identifier, str]
    activity: tuple[Activity, ...] = Field(
        default=(), description="It is idle when none of these is busy. Without them it is never taken for idle."
    )
    load: Load | None = Field(default=None, description="Without it, its size cannot follow its load.")


class Preparation(Document):
    """A program run once at set-up; its folder (`${cache}`) may be used by every instance."""

    command: tuple[Text, ...]


class Framework(Document):
    """A building block that cannot run alone."""

    apiVersion: Literal["zoe/v1"]
    kind: Literal["Framework"]
    name: Name
    title: Line
    description: Prose = ""
    icon: Line = Field(
        default="",
        max_length=40,
        description="An emoji, or nothing. Pages draw some; for others they show the title's initial.",
    )
    options: tuple[Parameter, ...] = ()
    secrets: tuple[Secret, ...] = ()
    processes: tuple[Process, ...] = Field(min_length=1)
    client: Client | None = Field(default=None, description="Present when a notebook can attach this framework.")
    status: Status | None = None
    preparation: Preparation | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [process.name for process in self.processes]
        if len(set(names)) < len(names):
            raise ValueError("two processes have the same name")
        for number, process in enumerate(self.processes):
            for other in process.after:
                if other not in names[:number]:
                    raise ValueError(f"process {process.name!r} comes after {other!r}, which is not listed before it")
        if len({option.name for option in self.options}) < len(self.options):
            raise ValueError("two options have the same name")
        if self.status:
            ports = {(process.name, port.name) for process in self.processes for port in process.ports}
            places = [(self.status.process, self.status.port), *((a.process, a.port) for a in self.status.activity)]
            if self.status.load:
                places.append((self.status.load.process, self.status.load.port))
            for place in places:
                if place not in ports:
                    raise ValueError(f"status names {'.'.join(place)}, which is no port of this framework")
        return self
