"""``zoe admin``: what administrators ask a running service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from .exits import guarded
from .quota_commands import quota

admin = typer.Typer(name="admin", help="Ask a running service how it is, and who did what.", no_args_is_help=True)

admin.add_typer(quota)

Json = Annotated[bool, typer.Option("--json", help="For programs: JSON instead of tables and sentences.")]


@admin.command()
@guarded
def health(context: typer.Context, as_json: Json = False) -> None:
    """Whether the service can do its work: ends with 0 if so, with 1 if not. Needs --url or ZOE_URL, and no token."""
    from . import watching
    from .place import find

    watching.health(find(**context.obj), as_json)


@admin.command()
@guarded
def audit(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option("--since", help="From then on: 2026-03-01, 2026-03-01T09:00, or 30m, 2h, 7d ago."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Before then; written like --since.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="What this user or service asked for.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="Such as submit_execution.")] = None,
    execution: Annotated[str | None, typer.Option("--execution", help="About this execution: its identifier.")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="done, refused or failed.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many lines, the newest.")] = 100,
    as_json: Json = False,
) -> None:
    """Who asked for which change, when, from where, and what came of it: the newest last. With --json, a line each."""
    from ..model.audit import AuditQuery, Outcome
    from ..model.errors import InvalidRequest
    from . import watching
    from .place import find

    if outcome is not None and outcome not in {each.value for each in Outcome}:
        raise InvalidRequest(f"{outcome!r} is no outcome; there are: done, refused, failed.")
    query = AuditQuery(
        since=_time(since),
        until=_time(until),
        caller=user,
        action=action,
        execution=execution,
        outcome=Outcome(outcome) if outcome else None,
        limit=min(limit, 1000),
    )
    watching.audit(find(**context.obj), query, limit, as_json)


@admin.command(name="forget-user")
@guarded
def forget_user(
    context: typer.Context,
    name: str,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Forget a user who was deleted: executions are ended and deleted, and ZApps, so that the next one finds none."""
    from . import forgetting
    from .place import find

    forgetting.forget_user(find(**context.obj), name, yes, as_json)


def _time(text: str | None) -> datetime | None:
    from . import watching

    return None if text is None else watching.time_of(text)
