"""The options of ``zoe simulate``."""

from __future__ import annotations

from typing import Annotated

import typer

from .exits import guarded

_Many = list[str]


@guarded
def simulate(
    nodes: Annotated[
        str | None,
        typer.Option("--nodes", metavar="N|+N|-N|NxCPUxMEMORY", help="Machines: 25, +10, -5, +10x32x128GiB."),
    ] = None,
    policy: Annotated[_Many | None, typer.Option("--policy", help="Who is granted how much; may be repeated.")] = None,
    order: Annotated[_Many | None, typer.Option("--order", help="Who comes first; may be repeated.")] = None,
    workload: Annotated[
        _Many | None,
        typer.Option("--workload", "-w", metavar="NAME=VALUE", help="Of a generated one, such as -w load=1.1."),
    ] = None,
    restart: Annotated[
        float, typer.Option("--restart", min=0, help="Seconds until an elastic instance works that was granted.")
    ] = 0.0,
    drain: Annotated[
        float, typer.Option("--drain", min=0, help="Seconds for which one that is taken back holds its place.")
    ] = 0.0,
    size_error: Annotated[
        float, typer.Option("--size-error", min=0, max=10, help="Sigma of the lognormal error of estimated sizes.")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Of these errors.")] = 0,
    fixture: Annotated[
        bool, typer.Option("--fixture", help="Only the mean turnaround of four requests that can be checked by hand.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: JSON instead of tables and sentences.")
    ] = False,
) -> None:
    """What a workload comes to under policies and orders. For administrators; starts nothing."""
    from . import simulating

    if fixture:
        simulating.show_fixture()
        return
    simulating.simulate(
        simulating.Question(
            nodes=nodes,
            policies=policy or ["rigid"],
            orders=order or ["fifo"],
            workload=workload or [],
            restart=restart,
            drain=drain,
            size_error=size_error,
            seed=seed,
        ),
        as_json,
    )
