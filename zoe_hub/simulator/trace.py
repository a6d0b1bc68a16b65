"""Traces: what a service was asked for, when, and how much work it was. They hold no names.

A file of JSON lines: a `TraceHead`, and a `TraceLine` for each execution, in the order of submission. Users, executions
and ZApps are numbers by their first appearance, times are seconds from the first submission.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from ..model.base import Document
from ..model.errors import InvalidDocument
from ..model.resources import Node, Resources
from ..model.validation import first_fault
from ..scheduler.requests import Demand
from ..scheduler.shapes import Shape
from .jobs import Job, Workload

_LONGEST_LINE = 1 << 20
"""Characters. Nobody asks for so many different processes."""
_LATEST = 1e10
"""Seconds: three centuries. Sums of much more are not finite, and what never ends would be said not to fit."""
_INSTANCES = 100_000
"""Of one process: as many as there are nodes at most. Each of them is placed by itself."""


class TraceNodes(Document):
    """Nodes that are alike."""

    count: int = Field(ge=1, le=1_000_000)
    capacity: Resources


class TraceHead(Document):
    """The first line of a trace."""

    apiVersion: Literal["zoe/v1"] = "zoe/v1"
    kind: Literal["Trace"] = "Trace"
    nodes: tuple[TraceNodes, ...] = Field(description="The machines at the time of the export.")


class TraceDemand(Document):
    """What one process asked for; its instances are alike."""

    core: int = Field(ge=0, le=_INSTANCES, description="Instances without which it does not run.")
    elastic: int = Field(ge=0, le=_INSTANCES, description="Instances that make it faster.")
    resources: Resources = Field(description="Of one instance.")


class TraceLine(Document):
    """One execution that ran. Its number is its place in the file."""

    user: int = Field(ge=0)
    zapp: int = Field(ge=0)
    submitted: float = Field(ge=0, le=_LATEST, allow_inf_nan=False, description="Seconds since the first submission.")
    admitted: float = Field(
        ge=0, le=_LATEST, allow_inf_nan=False, description="When it was, seconds since the first submission."
    )
    ended: float = Field(
        ge=0, le=_LATEST, allow_inf_nan=False, description="When it was, seconds since the first submission."
    )
    seconds: float = Field(
        ge=0,
        le=_LATEST,
        allow_inf_nan=False,
        description="T of the work model: for how long it would have worked with everything granted. Of one that was "
        "`kept`, for how long it ran.",
    )
    kept: bool = Field(
        default=False,
        description="Whether somebody ended it, not its work: it takes as long, whatever is granted.",
    )
    known: bool = Field(
        default=True, description="False: what was granted is not known any more, and taken for all that was asked."
    )
    priority: int = Field(default=0, ge=-1000, le=1000, description="Class of urgency: a higher one comes first.")
    demands: tuple[TraceDemand, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _something_works(self) -> TraceLine:
        if sum(demand.core + demand.elastic for demand in self.demands) == 0:
            raise ValueError("it asks for no instance")
        if not self.submitted <= self.admitted <= self.ended:
            raise ValueError("it is admitted before it is submitted, or ends before it is admitted")
        return self

    def job(self, number: int) -> Job:
        """What is simulated."""
        demands = tuple(
            Demand(f"p{place}", "instance", demand.core, demand.elastic, Shape.of(demand.resources))
            for place, demand in enumerate(self.demands)
        )
        return Job(number, self.submitted, self.seconds, demands, self.user, self.priority, self.kept)


TRACE_SCHEMA: TypeAdapter[TraceHead | TraceLine] = TypeAdapter(TraceHead | TraceLine)
"""Of one line."""


def head_of(nodes: Sequence[Node]) -> TraceHead:
    """The first line, for these machines."""
    groups: list[TraceNodes] = []
    for node in nodes:
        if groups and groups[-1].capacity == node.capacity:
            groups[-1] = groups[-1].model_copy(update={"count": groups[-1].count + 1})
        else:
            groups.append(TraceNodes(count=1, capacity=node.capacity))
    return TraceHead(nodes=tuple(groups))


def written(line: TraceHead | TraceLine) -> str:
    """A line of the file, with its end. The same line has the same bytes."""
    return json.dumps(line.model_dump(mode="json"), separators=(",", ":"), sort_keys=True) + "\n"


def read_trace(path: Path) -> tuple[Workload, Sequence[TraceLine]]:
    """The workload and its lines. Raises InvalidDocument, which says the file, the line and what is wrong with it."""
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise InvalidDocument("it is empty; `zoe trace export` writes traces", path=str(path))
    head = _document(TraceHead, first[1], path, first[0])
    found: list[TraceLine] = []
    for number, text in lines:
        line = _document(TraceLine, text, path, number)
        if found and line.submitted < found[-1].submitted:
            raise InvalidDocument("it was submitted before the line above it", path=str(path), line=number)
        found.append(line)
    if not found:
        raise InvalidDocument(
            "it holds no execution that ran; `zoe trace export --since` says from when on", path=str(path)
        )
    nodes = [Node(name=f"n{index}", capacity=capacity) for index, capacity in enumerate(_capacities(head))]
    return Workload([line.job(number) for number, line in enumerate(found)], nodes), found


def _capacities(head: TraceHead) -> Iterator[Resources]:
    for group in head.nodes:
        yield from [group.capacity] * group.count


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            number = 0
            while text := file.readline(_LONGEST_LINE):
                number += 1
                if text.strip():
                    yield number, text
    except OSError as error:
        raise InvalidDocument(f"it cannot be read: {error.strerror}", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidDocument("it is not written in UTF-8", path=str(path)) from error


def _document(kind: type[Any], text: str, path: Path, number: int) -> Any:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        fault = first_fault(error)
        place = ".".join(map(str, fault.place))
        what = "the first line of a trace" if kind is TraceHead else "a line of a trace"
        raise InvalidDocument(
            f"this is not {what}: {place + ': ' if place else ''}{fault.sentence}", path=str(path), line=number
        ) from error
