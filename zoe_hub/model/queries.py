"""Which executions somebody looks for."""

from __future__ import annotations

from pydantic import Field

from .base import Document
from .execution import ExecutionState


class ExecutionQuery(Document):
    """What is not given excludes nothing."""

    owners: tuple[str, ...] | None = Field(default=None, description="Of one of these.")
    live: bool | None = Field(default=None, description="True: those that have not ended; false: those that have.")
    state: ExecutionState | None = None
    name: str | None = None
    server: str | None = Field(default=None, description="Attached to this user server.")
    text: str = Field(default="", description="Part of the name, the ZApp's name or the owner, in either case.")
    offset: int = Field(default=0, ge=0, description="Leave out so many of the newest.")
    limit: int | None = Field(default=None, ge=0)
