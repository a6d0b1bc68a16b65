"""The audit trail: who asked for which change, when, from where, and what came of it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from pydantic import Field

from .base import Document


class Outcome(str, Enum):
    """What came of a request for a change."""

    DONE = "done"
    """What was asked for is stored; so it says also where nothing was left to change."""
    REFUSED = "refused"
    """Nothing was changed; `status` says why."""
    FAILED = "failed"
    """The service could not answer. A line `done` of the same request says that the change was made before."""

    @classmethod
    def of(cls, status: int) -> Outcome:
        """The outcome that an HTTP status tells of."""
        return cls.FAILED if status >= 500 else cls.REFUSED if status >= 400 else cls.DONE


class AuditEntry(Document):
    """A request for a change, as far as it is known before it is carried out."""

    request: str = Field(description="The request's identifier: of its answer's `X-Request-Id`, and in the log.")
    action: str = Field(description="The operation, by its `operationId`.")
    caller: str | None = Field(default=None, description="Who asked; none for somebody whom nobody knows.")
    kind: str | None = Field(default=None, description="What the caller is: `user` or `service`.")
    address: str = Field(default="", description="From where, as told by the proxies that are trusted.")
    target: str = Field(default="", description="What the address of the request names: an execution, or a ZApp.")
    status: int = Field(description="The HTTP status of the answer.")


class AuditLine(AuditEntry):
    """One line of the trail. Frozen: it is neither changed nor taken back."""

    id: int = Field(default=0, description="Rises from line to line.")
    time: datetime
    execution: str | None = Field(default=None, description="Identifier of the execution.")
    owner: str | None = Field(default=None, description="Whose it is.")
    outcome: Outcome
    count: int = Field(default=1, description="For how many requests this line stands: 1, or more refused ones.")


class AuditQuery(Document):
    """Which lines. What is not given excludes nothing; an empty `caller` means those whom nobody knows."""

    caller: str | None = None
    action: str | None = None
    execution: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = Field(default=None, description="Lines with a lower `id`: the next page.")
    limit: int = 100
