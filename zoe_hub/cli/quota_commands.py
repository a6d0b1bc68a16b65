"""``zoe admin quota``: how much users and groups may have."""

from __future__ import annotations

from typing import Annotated

import typer

from .exits import guarded

quota = typer.Typer(name="quota", help="How much users and groups may have.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="For programs: JSON instead of tables and sentences.")]
User = Annotated[str | None, typer.Option("--user", help="Of this user.")]
Group = Annotated[str | None, typer.Option("--group", help="Of this group of the Hub.")]
Everybody = Annotated[bool, typer.Option("--everybody", help="Of each user of whom nothing else is said.")]


@quota.command()
@guarded
def ls(context: typer.Context, as_json: Json = False) -> None:
    """All quotas that were set here, or are in the administrator's file."""
    from . import quotas
    from .place import find

    quotas.ls(find(**context.obj), as_json)


@quota.command(name="set")
@guarded
def set_(
    context: typer.Context,
    limits: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE…", help="Such as cpu=16 memory=64GiB gpu=unlimited. Others are taken off."),
    ],
    user: User = None,
    group: Group = None,
    everybody: Everybody = False,
    together: Annotated[
        bool, typer.Option("--together", help="With --group: for all members together, not for each.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Set what holds for a user, a group or everybody, in place of what the file says of them."""
    from ..model.errors import InvalidRequest
    from . import quotas
    from .place import find

    kind, name = quotas.subject(user, group, everybody)
    if together and kind != "group":
        raise InvalidRequest("--together is about the members of a group: say which, with --group NAME.")
    quotas.put(find(**context.obj), kind, name, limits, together, as_json)


@quota.command()
@guarded
def rm(
    context: typer.Context, user: User = None, group: Group = None, everybody: Everybody = False, as_json: Json = False
) -> None:
    """Take back what was set; what the file says holds then."""
    from . import quotas
    from .place import find

    kind, name = quotas.subject(user, group, everybody)
    quotas.rm(find(**context.obj), kind, name, as_json)
