"""Quotas as administrators write them: how much users and groups may have at the same time, and over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, StringConstraints, WithJsonSchema

from .base import Document
from .durations import parse_seconds
from .resources import parse_bytes

UNLIMITED = "unlimited"
WINDOW = 30 * 86_400
"""Seconds over which hours of processors are counted where nothing else is said."""
LONGEST_WINDOW = 366 * 86_400
"""Seconds for which is kept what was used."""

_MOST = 1_000_000_000
"""Of anything but memory."""

Unlimited = Literal["unlimited"]


def _processors(value: object) -> object:
    if value is None or value == UNLIMITED:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < inf:
        raise ValueError(f"write a number that is not negative, or {UNLIMITED}")
    _check_most(value)
    return float(value)


def _count(value: object) -> object:
    if value is None or value == UNLIMITED:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < inf or value != int(value):
        raise ValueError(f"write a whole number that is not negative, or {UNLIMITED}")
    _check_most(value)
    return int(value)


def _memory(value: object) -> object:
    try:
        return value if value is None or value == UNLIMITED else parse_bytes(value)
    except ValueError as error:
        raise ValueError(f"{error}, or {UNLIMITED}") from None


def _check_most(value: float) -> None:
    if value > _MOST:
        raise ValueError(f"write a number up to {_MOST:,}, or {UNLIMITED}")


def _window(value: object) -> object:
    if value is None:
        return value
    seconds = parse_seconds(value)
    if not 60 <= seconds <= LONGEST_WINDOW:
        raise ValueError("a window is from 1 minute to 366 days long, such as 30 days")
    return seconds


def _schema(*alternatives: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*alternatives, {"type": "null"}]}, mode="validation")


_NUMBER = {"type": "number", "minimum": 0, "maximum": float(_MOST)}
_WHOLE = {**_NUMBER, "type": "integer"}
_TEXT = {"type": "string"}
_NONE = {"const": UNLIMITED}

Processors = Annotated[float | Unlimited | None, BeforeValidator(_processors), _schema(_NUMBER, _NONE)]
Count = Annotated[int | Unlimited | None, BeforeValidator(_count), _schema(_WHOLE, _NONE)]
Memory = Annotated[int | Unlimited | None, BeforeValidator(_memory), _schema({"type": "number", "minimum": 0}, _TEXT)]
Window = Annotated[
    int | None,
    BeforeValidator(_window),
    _schema({"type": "number", "minimum": 60, "maximum": LONGEST_WINDOW}, _TEXT),
]


class Limits(Document):
    """How much one user, or one group together, may have. What is not said is left to whatever else holds.

    `unlimited` lifts what would hold otherwise.
    """

    cpu: Processors = Field(default=None, description="Processors of all instances together.")
    memory: Memory = Field(default=None, description="Memory of all instances together, such as `64 GiB`.")
    gpu: Count = Field(default=None, description="Graphics processors of all instances together.")
    instances: Count = Field(default=None, description="Instances of all executions together.")
    executions: Count = Field(
        default=None, description="Executions that have not ended, notebook servers and those that wait included."
    )
    cpu_hours: Processors = Field(
        default=None, description="Hours of granted processors within `window`: 4 processors for 6 hours are 24."
    )
    window: Window = Field(
        default=None,
        description="The last so many days that `cpu_hours` are counted in, such as `30 days`, which is the default.",
    )

    _unread: tuple[str, ...] = PrivateAttr(default=())

    @property
    def unread(self) -> tuple[str, ...]:
        """What another version of Zoe said in words that this one does not know. Until it is known, nothing grows."""
        return self._unread

    def without(self, unread: Iterable[str]) -> Limits:
        """The same, of a document that says more."""
        copy = self.model_copy()
        copy._unread = tuple(unread)
        return copy

    @property
    def said(self) -> dict[str, Any]:
        """What it says something about."""
        return self.model_dump(exclude_none=True)


class GroupLimits(Document):
    """What holds for the members of a group."""

    each: Limits = Field(
        default=Limits(),
        description="For each member, unless `users` says something else. Of several groups, the most counts.",
    )
    together: Limits = Field(default=Limits(), description="For all members together.")

    @property
    def unread(self) -> tuple[str, ...]:
        """As of `Limits`, of both halves."""
        return tuple(sorted({*self.each.unread, *self.together.unread}))


SubjectName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
"""Of a user or a group, as JupyterHub calls them."""


class Quotas(Document):
    """The file of quotas."""

    apiVersion: Literal["zoe/v1"]
    kind: Literal["Quotas"]
    everybody: Limits = Field(default=Limits(), description="For each user, unless a group or `users` says otherwise.")
    groups: Mapping[SubjectName, GroupLimits] = Field(
        default_factory=dict, description="By the group's name at the Hub."
    )
    users: Mapping[SubjectName, Limits] = Field(default_factory=dict, description="By the user's name.")

    @classmethod
    def none(cls) -> Quotas:
        """No limit for anybody."""
        return cls(apiVersion="zoe/v1", kind="Quotas")
