"""Quotas as the service tells of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..model.durations import format_seconds
from ..model.resources import format_bytes, format_hours
from .views import View

HEAD = ("whose", "of", "used", "limit", "by")
NO_LIMIT = "-"
_TOLD = 6


def amount(dimension: str, value: float) -> str:
    """An amount of a dimension, for people."""
    if dimension == "cpu_hours":
        return format_hours(value)
    return format_bytes(int(value)) if dimension == "memory" else f"{value:.12g}"


class UserView(View):
    """What one execution uses; without a name, other members of a group together."""

    user: str = ""
    execution: str = ""
    used: float = 0


class UseView(View):
    """One dimension of a quota."""

    dimension: str
    limit: float | None = None
    source: str = ""
    used: float = 0
    window: int | None = None
    free_in: int | None = None
    by: tuple[UserView, ...] = ()

    @property
    def what(self) -> str:
        """The dimension, for people."""
        words = self.dimension.replace("_", " ")
        return f"{words} in {format_seconds(self.window)}" if self.window else words

    @property
    def most(self) -> str:
        """The limit, for people."""
        if self.limit is None:
            return NO_LIMIT
        again = f", some again in {format_seconds(self.free_in)}" if self.free_in else ""
        return amount(self.dimension, self.limit) + again

    @property
    def users(self) -> str:
        """What it is used by, for people."""
        told = [
            f"{each.execution or 'other members'} ({amount(self.dimension, each.used)})" for each in self.by[:_TOLD]
        ]
        return ", ".join([*told, *(["…"] if len(self.by) > _TOLD else [])])


class SubjectView(View):
    """What a user, or a group together, may have and uses."""

    kind: str
    name: str
    uses: tuple[UseView, ...] = ()


class OwnQuotaView(View):
    """What a user may have and uses: `own`, and `together` with the other members of groups."""

    user: str
    groups: tuple[str, ...] = ()
    own: SubjectView
    together: tuple[SubjectView, ...] = ()

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """A table under `HEAD`, of what is limited or used."""
        subjects = [("you", self.own), *((f"group {its.name}", its) for its in self.together)]
        return [
            (whose, use.what, amount(use.dimension, use.used), use.most, use.users)
            for whose, its in subjects
            for use in its.uses
            if use.limit is not None or use.used
        ]


class EntryView(View):
    """What was said about one subject."""

    kind: str
    name: str = ""
    source: str = ""
    limits: dict[str, Any] = Field(default_factory=dict)
    hides_file: bool = False
    unread: tuple[str, ...] = ()


class QuotasView(View):
    """All that was said."""

    quotas: tuple[EntryView, ...] = ()
    file: str | None = None
    problem: str | None = None
