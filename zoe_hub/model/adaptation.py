"""Adaptation: a cluster whose size follows its load, between bounds that its owner set."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from .base import Document
from .durations import Span, format_seconds


def _whole(value: object) -> object:
    """Neither `true` nor "1" nor 1.0: whoever writes that means something else."""
    if isinstance(value, bool) or not isinstance(value, int):
        text = repr(value)
        short = text if len(text) <= 60 else text[:57] + "…"
        raise ValueError(f"{short} is no number of workers; give a whole number, such as 4")
    return value


Workers = Annotated[int, BeforeValidator(_whole)]


class Adaptation(Document):
    """Between how many workers a cluster follows its load."""

    minimum: Workers = Field(ge=0, le=1_000_000, description="Workers that it keeps, however idle.")
    maximum: Workers = Field(
        ge=0, le=1_000_000, description="Workers that it asks for at most, however much there is to do."
    )
    hold: Span | None = Field(
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
