"""What is to be expected of what waits, or of what is not submitted yet."""

from __future__ import annotations

from pydantic import Field

from .base import Document
from .durations import format_seconds


class Outlook(Document):
    """As of the moment of the question: whoever comes or goes may change it."""

    now: bool = Field(description="Whether it starts at once.")
    refused: bool = Field(default=False, description="Whether a quota does not let it in, not even into the queue.")
    ahead: int = Field(default=0, description="How many others that wait come before it.")
    reason: str = Field(default="", description="What it waits for, or why it starts with less, for people.")
    granted: dict[str, int] = Field(default_factory=dict, description="Instances with which it starts, by process key.")
    wait: float | None = Field(
        default=None, description="Seconds until it starts, about; null where nobody knows, or where it is its turn."
    )

    @property
    def sentence(self) -> str:
        """For people."""
        return foretold(self.now, self.reason, self.wait, refused=self.refused)


def foretold(now: bool, reason: str, wait: float | None, *, refused: bool = False) -> str:
    """An outlook as a sentence."""
    if refused:
        return f"Would be refused: {reason.rstrip('.')}."
    if now:
        return f"Starts now, with {reason}." if reason else "Starts now."
    because = f": {reason.rstrip('.')}." if reason else "."
    about = "" if wait is None else f" It starts in about {format_seconds(wait)}."
    return f"Would have to wait in the queue{because}{about}"
