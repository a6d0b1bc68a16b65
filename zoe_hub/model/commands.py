"""Commands: what somebody wants, as the REST interface takes it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError
from typing_extensions import Self

from .base import Document, Name
from .durations import Span
from .errors import InvalidParameter
from .execution import Attachment
from .validation import first_fault
from .zapp import LifetimeWish, ZApp


class Submit(Document):
    """Run a ZApp. Exactly one of `zapp` and `definition` is given."""

    zapp: str | None = Field(default=None, max_length=200, description="Name in the shop.")
    definition: ZApp | None = Field(default=None, description="A ZApp of the user's own, not stored in the shop.")
    parameters: dict[str, Any] = Field(default_factory=dict)
    name: Name | None = Field(
        default=None, description="Unique among the owner's executions; chosen by Zoe when absent."
    )
    attachment: Attachment | None = None
    lifetime: LifetimeWish | None = Field(default=None, description="Instead of what the ZApp says.")
    expected: Span | None = Field(
        default=None,
        gt=0,
        description="How long its owner expects it to run with everything granted: seconds, or text such as `2h`. "
        "Said, it is believed; unsaid, it is learned from earlier runs.",
    )
    owner: str | None = Field(
        default=None, min_length=1, max_length=255, description="Only with the scope custom:zoe:admin:executions."
    )

    @classmethod
    def of(cls, **members: Any) -> Self:
        """From what a person typed. Raises InvalidParameter, with a sentence, for what cannot be one."""
        try:
            return cls(**members)
        except ValidationError as error:
            fault = first_fault(error)
            raise InvalidParameter(".".join(map(str, fault.place)), fault.sentence) from None


class Modify(Document):
    """Change the parameters that may change while an execution runs."""

    parameters: dict[str, Any] = Field(min_length=1)


class KeepAlive(Document):
    """Keep an execution, though idle, for a while from now."""

    seconds: Span = Field(description="Seconds, or text such as `2h`; 0 takes an earlier wish back.")


class Report(Document):
    """The spawner's word about an instance that it runs itself."""

    state: str = Field(pattern="^(starting|ready|stopped|failed)$")
    host: str | None = Field(default=None, max_length=255)
    message: str = Field(default="", max_length=2000)
