"""Executions and their instances, as stored and as shown."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

from pydantic import Field

from .adaptation import Adaptation
from .base import Document
from .lifetime import Life
from .plan import Plan
from .resources import Resources


class ExecutionState(str, Enum):
    """Observed state of an execution. `docs/reference/lifecycle.md` draws the moves."""

    QUEUED = "queued"
    """Stored; its core instances do not fit yet."""
    STARTING = "starting"
    """Admitted; some core instance is not ready yet."""
    RUNNING = "running"
    """All core instances are ready."""
    DEGRADED = "degraded"
    """Was running; a core instance is being restarted."""
    STOPPING = "stopping"
    """Asked to end; instances are going."""
    FAILING = "failing"
    """A core instance could not be kept up; instances are going."""
    COMPLETING = "completing"
    """Its work is done; instances are going."""
    TERMINATED = "terminated"
    FAILED = "failed"
    COMPLETED = "completed"

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset({ExecutionState.TERMINATED, ExecutionState.FAILED, ExecutionState.COMPLETED})


class DesiredState(str, Enum):
    """What the owner wants of an execution."""

    RUNNING = "running"
    TERMINATED = "terminated"


class InstanceState(str, Enum):
    """Observed state of an instance."""

    PENDING = "pending"
    """Ordered; not started yet."""
    STARTING = "starting"
    """Its process exists; it is not ready."""
    READY = "ready"
    RESTARTING = "restarting"
    """It died and waits for its next start."""
    DRAINING = "draining"
    """Asked to hand over its work and go."""
    STOPPED = "stopped"
    """Gone because it was asked to, or ended with status 0 and is not restarted."""
    FAILED = "failed"
    """Gone, and given up."""

    @property
    def ended(self) -> bool:
        return self in (InstanceState.STOPPED, InstanceState.FAILED)


class Attachment(Document):
    """Ties an execution to a notebook."""

    server: str = Field(description="The user server, as `user/` or `user/servername`.")
    kernel: str | None = Field(default=None, description="Identifier of the kernel, kept when it restarts.")
    outlive: bool = Field(
        default=False, description="True: it does not end with that server or kernel, and is idle like a detached one."
    )


class InstanceStatus(Document):
    """One instance as its back end sees it."""

    execution: str
    process: str = Field(description="Key of the process: `framework.process`.")
    ordinal: int = Field(ge=0)
    state: InstanceState
    host: str | None = None
    ports: dict[str, int] = Field(default_factory=dict)
    restarts: int = 0
    exit_code: int | None = Field(default=None, description="Of the last end; negative: minus the signal's number.")
    message: str = Field(default="", description="Why it is in this state, for people.")
    started: datetime | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.execution, self.process, self.ordinal)


class Execution(Document):
    """One run of a ZApp by one owner."""

    id: str
    owner: str
    groups: tuple[str, ...] = Field(
        default=(), description="Of the owner, when it was submitted: their quotas count it."
    )
    name: str = Field(description="Unique among the owner's executions.")
    zapp: str
    parameters: dict[str, Any]
    plan: Plan
    desired: DesiredState
    state: ExecutionState
    reason: str = Field(default="", description="Why it is in this state, for people.")
    granted: dict[str, int] = Field(default_factory=dict, description="Instances granted, by process key.")
    attachment: Attachment | None = None
    adaptation: Adaptation | None = Field(default=None, description="Its size follows its load, between these bounds.")
    adapted: str = Field(default="", description="What adaptation did last, and why, for people.")
    life: Life = Life()
    expected: int | None = Field(
        default=None, description="Seconds that its owner expects it to take, with everything granted."
    )
    learned: float | None = Field(
        default=None,
        description="Where its owner said nothing: instances times seconds that runs like it needed before.",
    )
    created: datetime
    updated: datetime
    ended: datetime | None = None
    instances: tuple[InstanceStatus, ...] = ()
    holds: tuple[Resources, int] | None = Field(
        default=None,
        description="Where its plan is lost: what it is stored to hold altogether, and in how many instances.",
    )
    live: dict[str, Any] = Field(
        default_factory=dict, description="Figures that the framework itself reports; not stored."
    )

    @property
    def tied(self) -> bool:
        """Whether it ends with a notebook server, and with a kernel where its attachment names one."""
        return self.attachment is not None and not self.attachment.outlive

    @property
    def size(self) -> float | None:
        """Seconds that it is expected to take with everything granted: T of the published model. None: nobody knows."""
        if self.expected is not None:
            return float(self.expected)
        count = sum(process.core + process.elastic for process in self.plan.processes)
        return None if self.learned is None or not count else self.learned / count

    @property
    def server(self) -> str | None:
        """The user server that this execution *is*, where its plan has one."""
        return self.attachment.server if self.attachment and self.plan.server else None
