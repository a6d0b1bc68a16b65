"""Adaptation: a cluster whose size follows its load, between bounds that its owner set."""

from __future__ import annotations

from pydantic import Field

from .base import Document
from .durations import Seconds, format_seconds


class Adaptation(Document):
    """Between how many workers a cluster follows its load."""

    minimum: int = Field(ge=0, le=1_000_000, description="Workers that it keeps, however idle.")
    maximum: int = Field(
        ge=0, le=1_000_000, description="Workers that it asks for at most, however much there is to do."
    )
    hold: Seconds | None = Field(
        default=None,
        description="Fewer workers must have been enough for so long before some are given back: seconds, or text such "
        "as `10 min`. Unsaid: as the service is set.",
    )

    def clamp(self, number: int) -> int:
        """The nearest number within the bounds."""
        return max(self.minimum, min(number, self.maximum))

    def __str__(self) -> str:
        held = "" if self.hold is None else f", kept for {format_seconds(self.hold)}"
        return f"{self.minimum} to {self.maximum}{held}"
