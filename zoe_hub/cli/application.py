"""The commands and their options. What they do is in modules that are imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .admin import admin
from .exits import EXIT_CODES, guarded
from .simulation import simulate, trace

application = typer.Typer(
    name="zoe",
    help="Notebooks with elastic clusters, from the command line.",
    epilog="Finds the service through --url and --token-file, which stand before the command, else through ZOE_API_URL "
    "and ZOE_API_TOKEN (set in a user's server), else through ZOE_URL and ZOE_TOKEN (or JUPYTERHUB_API_TOKEN); without "
    "any of them, your own that runs without a Hub.  Exit codes: " + EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="For programs: JSON instead of tables and sentences.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter of the ZApp; may be repeated."),
]
ADMINISTRATORS = "For administrators"
"""Commands that most people never need, below the others in the help."""
ExecutionName = Annotated[str, typer.Argument(metavar="NAME", help="Name or identifier of an execution.")]
ZAppName = Annotated[str, typer.Argument(metavar="ZAPP", help="Name in the shop.")]
Folders = Annotated[
    list[Path] | None,
    typer.Option("--folder", help="A folder of further frameworks and ZApps; may be repeated."),
]


def _version(value: bool) -> None:
    if value:
        from .. import __version__

        typer.echo(f"zoe {__version__}")
        raise typer.Exit


@application.callback()
def common(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option("--url", help="The service, such as https://hub.example.org/services/zoe.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="A file that holds nothing but the token.")
    ] = None,
    hub_url: Annotated[
        str | None,
        typer.Option("--hub-url", help="JupyterHub's API, such as https://hub.example.org/hub/api; to start servers."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Options for all commands."""
    context.obj = {"url": url, "token_file": token_file, "hub_url": hub_url}


@application.command()
@guarded
def shop(context: typer.Context, as_json: Json = False) -> None:
    """What there is to start."""
    from . import executions

    executions.shop(_place(context), as_json)


@application.command()
@guarded
def plan(context: typer.Context, zapp: ZAppName, parameter: Parameters = None, as_json: Json = False) -> None:
    """What a start would run and need. Starts nothing."""
    from . import executions

    executions.plan(_place(context), zapp, _parameters(parameter), as_json)


@application.command()
@guarded
def start(
    context: typer.Context,
    zapp: ZAppName,
    parameter: Parameters = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the execution, or of the server.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it runs.")] = True,
    expect: Annotated[
        str | None, typer.Option("--expect", help="How long you expect it to run with all that it asks for: 2h.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a ZApp. One with a notebook becomes a server of yours at the Hub."""
    from . import executions

    executions.start(_place(context), zapp, _parameters(parameter), name, wait, as_json, expected=expect)


@application.command()
@guarded
def ls(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Also what has ended.")] = False,
    owner: Annotated[str | None, typer.Option("--owner", help="Somebody else's; for administrators.")] = None,
    as_json: Json = False,
) -> None:
    """Your executions."""
    from . import executions

    executions.ls(_place(context), all_, owner, as_json)


@application.command()
@guarded
def show(context: typer.Context, name: ExecutionName, as_json: Json = False) -> None:
    """One execution with its instances."""
    from . import executions

    executions.show(_place(context), name, as_json)


@application.command()
@guarded
def scale(
    context: typer.Context,
    name: ExecutionName,
    number: Annotated[int | None, typer.Argument(metavar="N", help="How many workers.", min=0)] = None,
    parameter: Parameters = None,
    as_json: Json = False,
) -> None:
    """Change the number of workers, or with -p other parameters that may change while it runs."""
    from . import executions

    executions.scale(_place(context), name, number, _parameters(parameter), as_json)


@application.command()
@guarded
def adapt(
    context: typer.Context,
    name: ExecutionName,
    minimum: Annotated[int | None, typer.Option("--min", min=0, help="Workers that it keeps, however idle.")] = None,
    maximum: Annotated[int | None, typer.Option("--max", min=0, help="Workers that it asks for at most.")] = None,
    hold: Annotated[
        str | None, typer.Option("--hold", help="How long fewer must have been enough first, such as 10min.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Let it stay as large as it is.")] = False,
    as_json: Json = False,
) -> None:
    """Let the number of workers follow the load, between two bounds."""
    from . import adapting

    adapting.adapt(_place(context), name, minimum, maximum, hold, off, as_json)


@application.command()
@guarded
def keep(
    context: typer.Context,
    name: ExecutionName,
    span: Annotated[str, typer.Argument(metavar="TIME", help="How long from now, such as 2h; 0 takes it back.")],
    as_json: Json = False,
) -> None:
    """Keep an execution, though idle, for a while from now."""
    from . import lives

    lives.keep(_place(context), name, span, as_json)


@application.command()
@guarded
def logs(
    context: typer.Context,
    name: ExecutionName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it has ended.")] = False,
    process: Annotated[
        str | None, typer.Option("--process", help="Only this process, such as master or spark.master.")
    ] = None,
    ordinal: Annotated[int | None, typer.Option("--ordinal", min=0, help="Only this instance of it.")] = None,
    tail: Annotated[int | None, typer.Option("--tail", min=0, help="Only so many last lines.")] = None,
    as_json: Json = False,
) -> None:
    """What its instances wrote."""
    from . import executions

    executions.logs(_place(context), name, process, ordinal, follow, tail, as_json)


@application.command()
@guarded
def terminate(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Names or identifiers of executions.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """End executions; returns when nothing of them runs any more."""
    from . import executions

    executions.terminate(_place(context), names, yes, as_json)


@application.command()
@guarded
def events(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only of this execution.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    as_json: Json = False,
) -> None:
    """What happened."""
    from . import executions

    executions.events(_place(context), name, follow, as_json)


@application.command()
@guarded
def quota(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option("--owner", help="Somebody else's; for administrators.")] = None,
    as_json: Json = False,
) -> None:
    """What you may have, what of it is used, and by what."""
    from . import quotas

    quotas.own(_place(context), owner, as_json)


@application.command(rich_help_panel=ADMINISTRATORS)
@guarded
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, or folders of frameworks and ZApps.")],
    as_json: Json = False,
) -> None:
    """Check files of frameworks, ZApps and quotas: each problem as path:line: reason."""
    from . import administration

    administration.validate(paths, as_json)


@application.command(rich_help_panel=ADMINISTRATORS)
@guarded
def schema(kind: Annotated[str, typer.Argument(metavar="framework|zapp|quotas|trace")]) -> None:
    """The JSON Schema of a kind of file."""
    from . import administration

    administration.schema(kind)


@application.command(rich_help_panel=ADMINISTRATORS)
@guarded
def prepare(folder: Folders = None, as_json: Json = False) -> None:
    """Run the preparation of all frameworks, for fast starts. On the service's machine."""
    from . import administration

    administration.prepare(folder or [], as_json)


application.add_typer(admin, rich_help_panel=ADMINISTRATORS)
application.add_typer(trace, rich_help_panel=ADMINISTRATORS)
application.command(rich_help_panel=ADMINISTRATORS)(simulate)


def _place(context: typer.Context) -> Any:
    from .place import find

    return find(**context.obj)


def _parameters(given: list[str] | None) -> dict[str, str]:
    from ..model.errors import InvalidRequest

    parameters = {}
    for item in given or []:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise InvalidRequest(f"{item!r} is no parameter; write -p NAME=VALUE, such as -p workers=2.")
        parameters[name] = value
    return parameters
