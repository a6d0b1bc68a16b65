"""How long executions live: what may be asked for, what holds, and why one ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pydantic import Field

from .base import Document
from .durations import Seconds, format_seconds
from .errors import InvalidDocument, InvalidParameter
from .zapp import Category, LifetimeWish, ZApp


class Lifetime(Document):
    """How long one execution lives, in seconds. 0 for `idle`, `detached_idle` and `maximum`: without end."""

    idle: Seconds = Field(default=0, description="Ends after so long without work while tied to a notebook.")
    detached_idle: Seconds = Field(default=0, description="Ends after so long without work while tied to none.")
    maximum: Seconds = Field(default=0, description="Ends so long after it began to run, working or not.")
    keep: Seconds = Field(default=0, description="Its owner may keep it, though idle, for so long from now. 0: not.")
    warning: Seconds = Field(default=300, description="Says so long before that it ends.")

    def idle_while(self, tied: bool) -> int:
        """Seconds without work after which it ends; 0: never."""
        return self.idle if tied else self.detached_idle


class ExpiryCause(str, Enum):
    """Why an execution's time is up."""

    IDLE = "idle"
    MAXIMUM = "maximum"

    def why(self, lifetime: Lifetime, tied: bool) -> str:
        """For people, as the reason of the end."""
        if self is ExpiryCause.IDLE:
            return f"idle for {format_seconds(lifetime.idle_while(tied))}"
        return f"has run for {format_seconds(lifetime.maximum)}, the longest that it may"

    def advice(self, lifetime: Lifetime) -> str:
        """What its owner can do about it, for people."""
        if self is ExpiryCause.IDLE and lifetime.keep:
            return f"use it, or keep it for up to {format_seconds(lifetime.keep)}"
        if self is ExpiryCause.IDLE:
            return "use it"
        return "save what you need; a new one takes over with swap"


class Life(Document):
    """What is known of an execution's life so far."""

    running_since: datetime | None = Field(default=None, description="When it first ran.")
    last_active: datetime | None = Field(
        default=None, description="When it last worked, as far as that was looked for; up to a minute late."
    )
    mark: str = Field(default="", description="What the frameworks said then; a change means that work was done.")
    kept_until: datetime | None = Field(default=None, description="Its owner asked to keep it until then, though idle.")
    expires: datetime | None = Field(default=None, description="It will end then; its owner has been told.")
    cause: ExpiryCause | None = Field(default=None, description="Why it will.")


@dataclass(frozen=True)
class LifetimePolicy:
    """What holds where nothing is said, and what may be said at most. In seconds; 0 for a ceiling: none."""

    idle: int = 0
    detached_idle: int = 3600
    maximum: int = 0
    keep: int = 86_400
    warning: int = 300
    idle_ceiling: int = 0
    maximum_ceiling: int = 0
    keep_ceiling: int = 0

    def resolve(self, zapp: ZApp, asked: LifetimeWish, *, attachable: bool, server: bool) -> Lifetime:
        """The lifetime of a run of this ZApp: as asked at its start, else as the ZApp says, else the defaults.

        What a ZApp says is cut to the ceilings. `server`: it has a notebook server, whose idleness is the Hub's
        business. Raises InvalidParameter for what is asked beyond a ceiling, which it names, and
        InvalidDocument for a ZApp that has a server and says when it is idle.
        """
        said = zapp.lifetime
        if server and (said.idle or said.detached_idle):
            raise InvalidDocument(f"ZApp {zapp.name}: {_SERVER_IDLE}")
        if server and (asked.idle or asked.detached_idle):
            raise InvalidParameter("lifetime.idle", _SERVER_IDLE)
        interactive = zapp.category is Category.INTERACTIVE and attachable and not server
        idle_ceiling = 0 if server else self.idle_ceiling
        return Lifetime(
            idle=_choose("idle", (asked.idle,), (said.idle, self.idle if interactive else 0), idle_ceiling),
            detached_idle=_choose(
                "detached_idle",
                (asked.detached_idle, asked.idle),
                (said.detached_idle, said.idle, self.detached_idle if interactive else 0),
                idle_ceiling,
            ),
            maximum=_choose("maximum", (asked.maximum,), (said.maximum, self.maximum), self.maximum_ceiling),
            keep=_choose("keep", (asked.keep,), (said.keep, self.keep), self.keep_ceiling, zero_is_endless=False),
            warning=_choose("warning", (asked.warning,), (said.warning, self.warning), 0, zero_is_endless=False),
        )


_SERVER_IDLE = "it has a notebook server, and JupyterHub decides when that is idle; a longest life can be set"


def _choose(
    name: str,
    asked: tuple[int | None, ...],
    otherwise: tuple[int | None, ...],
    ceiling: int,
    *,
    zero_is_endless: bool = True,
) -> int:
    def beyond(value: int) -> bool:
        return bool(ceiling) and (value > ceiling or (zero_is_endless and value == 0))

    for value in asked:
        if value is not None:
            if beyond(value):
                wanted = format_seconds(value) if value else "never"
                raise InvalidParameter(f"lifetime.{name}", f"{wanted} is beyond {format_seconds(ceiling)}, the longest")
            return value
    value = next(value for value in otherwise if value is not None)
    return ceiling if beyond(value) else value
