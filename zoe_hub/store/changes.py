"""Changes to executions as values, so that many of them can be stored in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model.execution import ExecutionState, InstanceStatus


@dataclass(frozen=True)
class StateChanged:
    """It was in the state `before` and is in `after` now. Refused when it is not in `before` any more."""

    execution: str
    before: ExecutionState
    after: ExecutionState
    reason: str = ""


@dataclass(frozen=True)
class Explained:
    """Why it waits. The same reason again, or one for an execution that has ended, writes nothing."""

    execution: str
    reason: str


@dataclass(frozen=True)
class Granted:
    """How many instances of each process key may run. The same again writes nothing."""

    execution: str
    granted: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class TerminationRequested:
    """Somebody wants it to end. Writes nothing where that is wished or so already."""

    execution: str
    by: str
    reason: str = ""
    """For people; becomes the execution's, where it is not empty."""


@dataclass(frozen=True)
class InstanceReported:
    """What the back end said. The same again writes nothing; refused when its execution has ended."""

    status: InstanceStatus

    @property
    def execution(self) -> str:
        return self.status.execution


@dataclass(frozen=True)
class InstancesDropped:
    """The ended instances of a process with at least this ordinal are to be forgotten, after scaling down."""

    execution: str
    process: str
    from_ordinal: int


Change = StateChanged | Explained | Granted | TerminationRequested | InstanceReported | InstancesDropped
