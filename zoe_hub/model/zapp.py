"""ZApps: frameworks, joined and configured, with the parameters a user may choose."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import Self

from .base import Document, Identifier, Line, Name, Prose
from .durations import Seconds
from .parameters import Parameter


class Category(str, Enum):
    """How an application behaves over time."""

    INTERACTIVE = "interactive"
    """A person works with it."""
    BATCH = "batch"
    """It ends by itself."""
    SUPPORT = "support"
    """Long-running, for everybody."""


Option = Annotated[str, StringConstraints(max_length=1000)]
"""Rendered in the service, also when users send it: the length bounds how long that takes."""

MAX_PATTERNS = 16


class Part(Document):
    """One framework inside a ZApp."""

    framework: Name
    options: dict[Identifier, bool | int | float | Option] = Field(
        default_factory=dict,
        description="Values for the framework's options; text is a template over the ZApp's parameters.",
    )


class LifetimeWish(Document):
    """How long it should live: seconds, or text such as `2h`; 0 or `never`: without end. Unsaid: as the service is set.

    The administrator's ceilings hold.
    """

    idle: Seconds | None = Field(default=None, description="End it after so long without work.")
    detached_idle: Seconds | None = Field(
        default=None, description="The same while it is tied to no notebook; where unsaid, as `idle`."
    )
    maximum: Seconds | None = Field(default=None, description="End it so long after it began to run, working or not.")
    keep: Seconds | None = Field(
        default=None, description="Its owner may keep it, though idle, for at most so long from now. 0: not at all."
    )
    warning: Seconds | None = Field(default=None, description="Say so long before that it ends.")


class ZApp(Document):
    """What a user picks in the shop."""

    apiVersion: Literal["zoe/v1"]
    kind: Literal["ZApp"]
    name: Name
    title: Line
    description: Prose = ""
    icon: Line = Field(default="", max_length=40)
    category: Category = Category.INTERACTIVE
    frameworks: tuple[Part, ...] = Field(min_length=1, max_length=16)
    parameters: tuple[Parameter, ...] = Field(default=(), max_length=100)
    lifetime: LifetimeWish = LifetimeWish()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({part.framework for part in self.frameworks}) < len(self.frameworks):
            raise ValueError("a framework is listed twice")
        if len({parameter.name for parameter in self.parameters}) < len(self.parameters):
            raise ValueError("two parameters have the same name")
        if sum(parameter.pattern is not None for parameter in self.parameters) > MAX_PATTERNS:
            raise ValueError(f"more than {MAX_PATTERNS} parameters have a pattern")
        return self
