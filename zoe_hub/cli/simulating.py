"""``zoe simulate``: what a workload would have been with other machines, another policy or another order."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..documents import read_document
from ..model.errors import InvalidRequest
from ..model.quotas import Quotas
from ..model.validation import first_fault
from ..scheduler import methods
from ..simulator import plots
from ..simulator.engine import Conditions
from ..simulator.fixture import EXPECTED, fixture
from ..simulator.generator import Settings, generate
from ..simulator.jobs import Workload
from ..simulator.measures import Spread, rounded, spreads
from ..simulator.nodes import machines, read_nodes
from ..simulator.runs import Run, runs
from ..simulator.trace import TraceLine, read_trace
from .output import emit, say, table

POLICY, ORDER = "elastic", "fifo"
"""Where nothing else is said, as in a service's configuration."""
_NODES = 25
"""Of a generated workload, where nothing else is said."""


@dataclass(frozen=True)
class Question:
    """What is to be simulated."""

    trace: Path | None = None
    nodes: str | None = None
    policies: Sequence[str] = ()
    orders: Sequence[str] = ()
    workload: Sequence[str] = ()
    """Of a generated one: `name=value`."""
    restart: float = 0.0
    drain: float = 0.0
    size_error: float = 0.0
    seed: int = 0
    quotas: Path | None = None
    plots: Path | None = None
    plot_format: str = "svg"


@contextmanager
def asked_of(trace: Path | None, config: Path | None, since: str | None, until: str | None) -> Iterator[Path | None]:
    """The trace to simulate: that of a file, or, where times are said, what the service's database holds of them."""
    if since is None and until is None:
        if config is not None:
            raise InvalidRequest("--config is about a service's database: say with --since from when on.")
        yield trace
        return
    if trace is not None:
        raise InvalidRequest(
            f"--since and --until are about this machine's service; {trace} is as it was exported. Leave one out."
        )
    # Here, because it takes a moment to import all that a service is made of.
    from .tracing import export_trace
    from .watching import time_of

    bounds = [time_of(text) if text else None for text in (since, until)]
    with TemporaryDirectory(prefix="zoe-simulate-") as folder:
        path = Path(folder) / "trace"
        if not export_trace(config, path, None, *bounds).executions:
            raise InvalidRequest("Nothing that was submitted then has run; say with --since from when on.")
        yield path


def show_fixture(beside: Sequence[str] = ()) -> None:
    """A line for each published policy: name and mean turnaround. Exits with 1 where one is not as expected.

    Raises InvalidRequest where something is said `beside`, which could change nothing.
    """
    if beside:
        raise InvalidRequest(f"--fixture is always the same. Leave out {', '.join(beside)}.")
    means = {run.policy: run.summary.turnaround.mean for run in runs(fixture(), list(EXPECTED), ["fifo"], Conditions())}
    for name, mean in means.items():
        # Thirds of a second are not exact in binary.
        print(f"{name:<10} {round(mean, 9)}")
    if any(round(mean, 9) != EXPECTED[name] for name, mean in means.items()):
        say(f"zoe: expected {', '.join(f'{name} {mean}' for name, mean in EXPECTED.items())}.")
        sys.exit(1)


def simulate(question: Question, as_json: bool) -> None:
    """Print a table for each figure, or JSON; write plots where they are wanted."""
    # In any case, as the service's settings.
    question = replace(
        question,
        policies=[name.lower() for name in question.policies],
        orders=[name.lower() for name in question.orders],
    )
    for name in question.policies:
        methods.policy(name)
    for name in question.orders:
        methods.order(name)
    if question.plots is not None:
        plots.check(question.plots)
    workload, lines = _workload(question)
    conditions = Conditions(question.restart, question.drain, question.size_error, question.seed)
    quotas = _quotas(question.quotas, workload) if question.quotas is not None else None
    was = _as_it_was(lines) if lines else None
    with _progress(len(workload.jobs)) as told:
        found = list(runs(workload, question.policies, question.orders, conditions, told, quotas))
    if as_json:
        document = {"jobs": len(workload.jobs), "nodes": len(workload.nodes)}
        recorded = {"recorded": {name: rounded(asdict(spread)) for name, spread in was.items()}} if was else {}
        emit({**document, **recorded, "runs": [run.document() for run in found]})
    else:
        _show(found, was)
    if question.plots is not None:
        for path in plots.plot_runs(found, question.plots, question.plot_format):
            say(f"zoe: {path} is written.")
    why = "do not fit on these nodes" + ("" if quotas is None else ", or are more than a quota allows")
    for run in found:
        if run.summary.unserved:
            say(
                f"zoe: {run.summary.unserved} of {run.summary.jobs} never ended under {run.policy}, {run.order}: they "
                f"{why}. Turnaround, queueing and slowdown are those of the others."
            )


def _workload(question: Question) -> tuple[Workload, Sequence[TraceLine]]:
    """The workload, and what the trace says of it where it is one."""
    if question.trace is not None:
        if question.workload:
            raise InvalidRequest("-w is for generated workloads; a trace is as it was. Leave one of them out.")
        workload, lines = read_trace(question.trace)
        _tell(lines)
        nodes = read_nodes(question.nodes, workload.nodes) if question.nodes else workload.nodes
        if not nodes:
            raise InvalidRequest(
                "The trace holds no machines: the service had none when it was exported. Say them with --nodes, such "
                "as --nodes 25x32x128GiB."
            )
        return Workload(workload.jobs, nodes), lines
    settings = _settings(question.workload)
    nodes = read_nodes(question.nodes, machines(_NODES)) if question.nodes else machines(_NODES)
    return generate(settings, nodes), ()


def _as_it_was(lines: Sequence[TraceLine]) -> dict[str, Spread]:
    times = ((line.submitted, line.admitted, line.ended, line.seconds) for line in lines)
    return dict(zip(("turnaround", "queueing", "slowdown"), spreads(times), strict=True))


def _quotas(path: Path, workload: Workload) -> Quotas:
    quotas = read_document(path, Quotas)
    users = {job.user_name for job in workload.jobs}
    if unknown := [name for name in quotas.users if name not in users]:
        last = max(job.user for job in workload.jobs)
        say(
            f"zoe: {path} says something of {', '.join(unknown)}, but the workload has no such users; those that it "
            f"has are called u0 to u{last}."
        )
    left_out = ["limits of groups, because workloads hold none"] if quotas.groups else []
    if any(limits.cpu_hours is not None for limits in (quotas.everybody, *quotas.users.values())):
        left_out.append("`cpu_hours`")
    if any(limits.executions is not None for limits in (quotas.everybody, *quotas.users.values())):
        left_out.append("`executions`, by which a service refuses what is submitted here")
    if left_out:
        say(f"zoe: of {path} are left out: {'; '.join(left_out)}.")
    return quotas


def _tell(lines: Sequence[TraceLine]) -> None:
    unknown, kept = sum(not line.known for line in lines), sum(line.kept for line in lines)
    if unknown:
        say(
            f"zoe: of {unknown} of {len(lines)} executions the trace does not know what they were granted; they count "
            "as if it had been all that they asked for."
        )
    if kept:
        say(
            f"zoe: {kept} of {len(lines)} executions were ended by somebody, not by their work; they take as long "
            "whatever they are granted."
        )


def _settings(given: Sequence[str]) -> Settings:
    values = {}
    for item in given:
        name, equals, values[name] = item.partition("=")
        if not equals:
            raise InvalidRequest(f"{item!r} says nothing of a workload; write -w NAME=VALUE, such as -w load=1.1.")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        fault = first_fault(error)
        known = ", ".join(Settings.model_fields)
        name = ".".join(map(str, fault.place))
        if fault.kind == "extra_forbidden":
            raise InvalidRequest(f"A workload has no {name!r}; it has {known}.") from error
        raise InvalidRequest(f"-w {name + '=…: ' if name else ''}{fault.sentence}.") from error


@contextmanager
def _progress(jobs: int) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[tuple[str, str], Any] = {}

        def told(policy: str, order: str, ended: int) -> None:
            task = tasks.get((policy, order))
            if task is None:
                task = tasks[policy, order] = bar.add_task(f"{policy}, {order}", total=jobs)
            bar.update(task, completed=ended)

        yield told


def _show(found: Sequence[Run], was: Mapping[str, Spread] | None) -> None:
    head = ("policy", "order", "mean", "median", "p95", "p99")
    for figure, show in (("turnaround", _time), ("queueing", _time), ("slowdown", _times)):
        print(figure.capitalize())
        spreads = [(run.policy, run.order, getattr(run.summary, figure)) for run in found]
        if was is not None:
            spreads.insert(0, ("as it was", "", was[figure]))
        rows = [
            (policy, order, *map(show, (spread.mean, spread.median, spread.p95, spread.p99)))
            for policy, order, spread in spreads
        ]
        table(head, rows, empty="")
    print("Allocation, line, and elastic instances")
    table(
        ("policy", "order", "CPU", "memory", "GPU", "in line", "at most", "taken back", "restarted", "never ended"),
        [
            (
                run.policy,
                run.order,
                *(f"{100 * part:.1f} %" for part in (run.summary.cpu, run.summary.memory, run.summary.gpu)),
                f"{run.summary.waiting:.1f}",
                str(run.summary.longest_line),
                str(run.summary.reclaimed),
                str(run.summary.restarts),
                str(run.summary.unserved),
            )
            for run in found
        ],
        empty="",
    )


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} s"


def _times(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
