"""What the REST interface says of quotas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from ..model.quotas import GroupLimits, Limits
from ..scheduler.allowances import Allowance, Dimension
from ..scheduler.quotas import Accounts
from .views import View


class UserView(View):
    """What one execution uses, or used within the window."""

    user: str = Field(description="Empty for users who were forgotten.")
    execution: str = Field(description="Its name; empty for what other members of a group use.")
    used: float


class UseView(View):
    """One dimension of a quota."""

    dimension: str = Field(description="`cpu`, `memory` (bytes), `gpu`, `instances`, `executions`, or `cpu_hours`.")
    limit: float | None = Field(description="None: not limited.")
    source: str = Field(
        description="Who is said to have it: `everybody`, `group …`, or `user …`; empty without a limit."
    )
    used: float
    window: int | None = Field(description="Seconds in which `cpu_hours` are counted; none for what is held at once.")
    free_in: int | None = Field(description="Seconds until there are some again, where `cpu_hours` are used up.")
    by: list[UserView] = Field(description="The largest first.")


class SubjectView(View):
    """What a user, or a group together, may have and uses."""

    kind: str = Field(description="`user` or `group`.")
    name: str
    uses: list[UseView]

    @classmethod
    def of(cls, allowance: Allowance, accounts: Accounts, seen_by: str | None) -> SubjectView:
        """`seen_by` sees the names of its own executions only; none sees all."""
        subject = allowance.subject
        spent = accounts.spent.get(subject)
        return cls(
            kind=subject.kind,
            name=subject.name,
            uses=[
                UseView(
                    dimension=dimension.value,
                    limit=None if bound is None else dimension.plain(bound.limit),
                    source="" if bound is None else bound.source,
                    used=_round(dimension, accounts.used(subject, dimension)),
                    window=allowance.window if dimension is Dimension.CPU_HOURS else None,
                    free_in=spent.free_in if spent and dimension is Dimension.CPU_HOURS else None,
                    by=list(_users(dimension, accounts.by(subject, dimension), seen_by)),
                )
                for dimension in Dimension
                for bound in (allowance.bounds.get(dimension),)
            ],
        )


class OwnQuotaView(View):
    """What a user may have and uses."""

    user: str
    groups: list[str] = Field(description="Of the user, at the Hub.")
    own: SubjectView
    together: list[SubjectView] = Field(description="Of those groups that have limits for all members together.")


class EntryView(View):
    """What was said about one subject."""

    kind: str = Field(description="`everybody`, `group` or `user`.")
    name: str = Field(description="Empty for everybody.")
    source: str = Field(description="`stored` over the REST interface, or in the `file`.")
    limits: dict[str, Any] = Field(description="`Limits`; of a group: what `each` member and all `together` may have.")
    hides_file: bool = Field(description="The file says something else, which does not count.")
    unread: list[str] = Field(
        default=[],
        description="What another version of Zoe stored that this one cannot read: nothing grows until then.",
    )

    @classmethod
    def of(
        cls, kind: str, name: str, stored: Limits | GroupLimits | None, file: Limits | GroupLimits | None
    ) -> EntryView:
        said = stored if stored is not None else file
        return cls(
            kind=kind,
            name=name,
            source="stored" if stored is not None else "file",
            limits=said.model_dump(exclude_none=True) if said is not None else {},
            hides_file=stored is not None and file is not None and stored != file,
            unread=list(said.unread) if said is not None else [],
        )


class QuotasView(View):
    """All quotas that were said."""

    quotas: list[EntryView] = Field(description="Everybody first, then groups, then users, by name.")
    file: str | None = Field(description="Path of the administrator's file; none without one.")
    problem: str | None = Field(description="Why the file as it is now does not count: what it said before does.")


class SubjectQuotaView(View):
    """What was said about one subject, and what it uses."""

    entry: EntryView | None = Field(description="None: nothing was said about it by name.")
    use: SubjectView


def _users(dimension: Dimension, by: dict[tuple[str, str], int], seen_by: str | None) -> Iterable[UserView]:
    others = 0
    for (user, name), used in sorted(by.items(), key=lambda each: (-each[1], each[0])):
        if seen_by is None or user == seen_by:
            yield UserView(user=user, execution=name, used=_round(dimension, used))
        else:
            others += used
    if others:
        yield UserView(user="", execution="", used=_round(dimension, others))


def _round(dimension: Dimension, amount: int) -> float:
    plain = dimension.plain(amount)
    return round(plain, 3) if isinstance(plain, float) else plain
