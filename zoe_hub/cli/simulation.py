"""The options of ``zoe simulate`` and ``zoe trace``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .exits import guarded

POLICIES = "rigid, malleable, flexible, flexible-preemptive, zoe-2018, elastic"
ORDERS = "fifo, dynsize, and sjf, srpt and hrrn, each also with -2d, -3d or -share"
"""In words here, because whoever only wants help should not wait for all of them to be imported."""

_Many = list[str]
_YEAR = 366 * 86_400


trace = typer.Typer(name="trace", help="What was asked of a service, without names.", no_args_is_help=True)


@trace.command(name="export")
@guarded
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; without it, stdout.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="The service's configuration file. Default: ZOE_CONFIG_FILE's.")
    ] = None,
    nodes: Annotated[
        str | None, typer.Option("--nodes", metavar="N|NxCPUxMEMORY", help="Machines, where it is not those of now.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="What was submitted then or later: 2026-03-01, or 30d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Submitted before then; written like --since.")] = None,
) -> None:
    """Write what was asked of the service, when, and how much work it was. On the service's machine, as its user."""
    from . import tracing
    from .watching import time_of

    tracing.export_trace(config, output, nodes, time_of(since) if since else None, time_of(until) if until else None)


@guarded
def simulate(
    context: typer.Context,
    trace: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TRACE]", help="Of `zoe trace export`; without it and without --since, one is generated."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="What this machine's service was asked for since 2026-03-01, or 30d ago."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Before then only; written like --since.")] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="With --since: the service's configuration file. Default: ZOE_CONFIG_FILE's."),
    ] = None,
    nodes: Annotated[
        str | None,
        typer.Option("--nodes", metavar="N|+N|-N|NxCPUxMEMORY", help="Machines: 25, +10, -5, +10x32x128GiB."),
    ] = None,
    policy: Annotated[
        _Many | None,
        typer.Option("--policy", help=f"Who is granted how much: {POLICIES}. May be repeated. Default: elastic."),
    ] = None,
    order: Annotated[
        _Many | None, typer.Option("--order", help=f"Who comes first: {ORDERS}. May be repeated. Default: fifo.")
    ] = None,
    workload: Annotated[
        _Many | None,
        typer.Option("--workload", "-w", metavar="NAME=VALUE", help="Of a generated one, such as -w load=1.1."),
    ] = None,
    restart: Annotated[
        float,
        typer.Option("--restart", min=0, max=_YEAR, help="Seconds until an elastic instance works that was granted."),
    ] = 0.0,
    drain: Annotated[
        float,
        typer.Option("--drain", min=0, max=_YEAR, help="Seconds for which one that is taken back holds its place."),
    ] = 0.0,
    size_error: Annotated[
        float, typer.Option("--size-error", min=0, max=10, help="Sigma of the lognormal error of estimated sizes.")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Of these errors.")] = 0,
    quotas: Annotated[
        Path | None, typer.Option("--quotas", metavar="FILE", help="Quotas of users, who are called u0, u1, and so on.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="FOLDER", help="Draw box plots, and allocation over time, there.")
    ] = None,
    plot_format: Annotated[Literal["svg", "png"], typer.Option("--plot-format", help="Of the plots.")] = "svg",
    fixture: Annotated[
        bool, typer.Option("--fixture", help="Only the mean turnaround of four requests that can be checked by hand.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: JSON instead of tables and sentences.")
    ] = False,
) -> None:
    """What a trace would have come to with other machines, policies or orders. Starts nothing."""
    from . import simulating

    if fixture:
        simulating.show_fixture(_said_beside(context, "fixture"))
        return
    with simulating.asked_of(trace, config, since, until) as workload_of:
        question = simulating.Question(
            trace=workload_of,
            nodes=nodes,
            policies=policy or [simulating.POLICY],
            orders=order or [simulating.ORDER],
            workload=workload or [],
            restart=restart,
            drain=drain,
            size_error=size_error,
            seed=seed,
            quotas=quotas,
            plots=plots,
            plot_format=plot_format,
        )
        simulating.simulate(question, as_json)


def _said_beside(context: typer.Context, option: str) -> list[str]:
    """What stands on the command line besides this option."""
    return [
        max(each.opts, key=len) if each.param_type_name == "option" else "TRACE"
        for each in context.command.params
        if each.name not in (None, option)
        and (source := context.get_parameter_source(str(each.name))) is not None
        and source.name == "COMMANDLINE"
    ]
