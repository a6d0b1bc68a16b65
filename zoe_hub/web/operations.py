"""How an operation of the REST interface is declared. Routing, checks and documents all follow from it."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from .callers import Caller
from .context import WebContext
from .events import EventFeed

JSON = "application/json"


class Query(BaseModel):
    """Query parameters. Unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Headers(BaseModel):
    """Request headers that mean something to an operation, by their lower-case names."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


@dataclass(frozen=True)
class Call:
    """One request, read and checked."""

    context: WebContext
    feed: EventFeed
    caller: Caller | None
    path: Mapping[str, str]
    query: Any
    headers: Any
    body: Any

    @property
    def who(self) -> Caller:
        """The caller, where the operation needs one."""
        if self.caller is None:
            raise LookupError("an operation without a scope asked for its caller")
        return self.caller


@dataclass(frozen=True)
class Reply:
    """An answer. `content` is a model, plain data, or chunks to be streamed."""

    content: BaseModel | Mapping[str, Any] | AsyncIterator[bytes] | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One method of one path. `scope` is what a caller must hold; none: any caller, or a stranger if `anonymous`."""

    method: str
    path: str
    run: Callable[[Call], Awaitable[Reply]]
    scope: str | None = None
    anonymous: bool = False
    query: type[Query] | None = None
    headers: type[Headers] | None = None
    body: type[BaseModel] | None = None
    response: type[BaseModel] | None = None
    status: int = 200
    media: str = JSON
    problems: tuple[int, ...] = ()
    reads: bool = False
    """Changes nothing, though its method is not GET."""
    also: str | None = None
    """Another scope that will do, whatever its filter: the operation looks whether that fits."""
    large: bool = False
    """Its answer may be large: of those that one caller asks for at the same time, a few are made at once."""

    @property
    def changes(self) -> bool:
        """Whether it asks for a change, of which the audit trail tells."""
        return self.method != "GET" and not self.reads

    @property
    def id(self) -> str:
        """The name of its function: unique in the interface."""
        return self.run.__name__

    @property
    def summary(self) -> str:
        """The first line of its function's docstring, without the full stop."""
        return inspect.cleandoc(self.run.__doc__ or "").partition("\n")[0].removesuffix(".")

    @property
    def description(self) -> str:
        """The rest of its function's docstring."""
        return " ".join(inspect.cleandoc(self.run.__doc__ or "").partition("\n")[2].split())

    @property
    def owned(self) -> bool:
        """Whether it is about executions, whose owners are asked for one by one."""
        return self.path.startswith(("/executions", "/events"))

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status of a problem that this operation may answer."""
        found = {*self.problems, 500}
        if not self.anonymous:
            found |= {401, 403, 429, 503}
        if self.query or self.headers or self.body:
            found.add(400)
        if self.body:
            found |= {413, 415, 422}
        if "{" in self.path:
            found.add(404)
        return tuple(sorted(found))
