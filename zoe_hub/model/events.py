"""Events: what happened, in the order in which it was stored."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

from pydantic import Field

from .base import Document


class EventKind(str, Enum):
    """The kinds of event; their names are part of the REST interface."""

    EXECUTION_SUBMITTED = "execution.submitted"
    EXECUTION_STATE_CHANGED = "execution.state_changed"
    EXECUTION_WAITING = "execution.waiting"
    """The reason for which it waits changed."""
    EXECUTION_SCALED = "execution.scaled"
    """Another size is wished: by its owner, or, where a reason is told, by its load."""
    EXECUTION_ADAPTED = "execution.adapted"
    """Its owner said between which sizes it follows its load, or that it does not any more."""
    EXECUTION_GRANTED = "execution.granted"
    """The scheduler gave or took elastic instances. The reason says why, where that was not its owner's wish."""
    EXECUTION_ATTACHED = "execution.attached"
    EXECUTION_DETACHED = "execution.detached"
    EXECUTION_EXPIRING = "execution.expiring"
    """Its time is nearly up: when it will end, why, and what its owner can do."""
    EXECUTION_KEPT = "execution.kept"
    """Its owner asked to keep it, or a warning holds no more because it works again."""
    EXECUTION_TERMINATION_REQUESTED = "execution.termination_requested"
    INSTANCE_STATE_CHANGED = "instance.state_changed"


class Event(Document):
    """One stored change. Frozen: what happened does not change."""

    seq: int = Field(description="Rises by at least one with every event; the id to resume from.")
    time: datetime
    owner: str
    execution: str
    kind: EventKind
    data: dict[str, Any] = Field(default_factory=dict)
