"""What is to be expected of what waits, or of what is not submitted yet."""

from __future__ import annotations

from pydantic import Field

from .base import Document


class Outlook(Document):
    """As of the moment of the question: whoever comes or goes may change it."""

    now: bool = Field(description="Whether it starts at once.")
    ahead: int = Field(default=0, description="How many others that wait come before it.")
    reason: str = Field(default="", description="What it waits for, or why it starts with less, for people.")
    granted: dict[str, int] = Field(default_factory=dict, description="Instances with which it starts, by process key.")
    wait: float | None = Field(default=None, description="Seconds until it starts, about; null where nobody knows.")
