"""What goes on: events as they are stored, and what instances write."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from pydantic import Field

from ...model.errors import ZoeError
from ...model.events import Event
from .. import scopes
from ..access import find_execution
from ..events import Changed, Gap
from ..iteration import closed
from ..logs import follow_logs
from ..operations import Call, Headers, Operation, Query, Reply
from .answers import views
from .executions import readable_owners

RETRY = 2000
"""Milliseconds after which a browser opens a lost stream again."""


class ResumeHeaders(Headers):
    """Where to resume."""

    last_event_id: int | None = Field(
        default=None, alias="last-event-id", ge=0, description="Begin after this event; 0: with the first one."
    )


class EventsHeaders(ResumeHeaders):
    """Where to resume, and with what."""

    prefer: str | None = Field(
        default=None,
        description="`return=representation` (RFC 7240): with each event comes, in its field `now`, the execution as "
        "it is then, as far as no later event is there already.",
    )

    @property
    def with_executions(self) -> bool:
        """Whether that is preferred."""
        wishes = (self.prefer or "").replace(" ", "").lower()
        return "return=representation" in wishes.split(",")


class ResumeQuery(Query):
    """Where to resume, for those who cannot send a header."""

    last_event_id: int | None = Field(default=None, ge=0, description="As the header `Last-Event-ID`.")


class EventsQuery(ResumeQuery):
    """Which events."""

    execution: str | None = Field(default=None, max_length=200, description="Of this execution only.")
    owner: str | None = Field(default=None, max_length=200, description="As for the list of executions.")


class LogsQuery(Query):
    """Which output."""

    process: str | None = Field(
        default=None, max_length=200, description="Key or name of a process; without it, of all of them."
    )
    ordinal: int | None = Field(
        default=None, ge=0, le=10_000, description="Number of the instance; without it, all of them."
    )
    follow: bool = Field(default=False, description="Go on until the instances have ended.")
    tail: int | None = Field(default=None, ge=0, le=1_000_000, description="Begin with the last so many lines of each.")


async def get_events(call: Call) -> Reply:
    """What happens to executions, as server-sent events.

    Without `Last-Event-ID`, begins now. `id` is the event's `seq`, `event` its kind, `data` the event. A
    comment every 5 seconds shows that the stream is alive; the field `keepalive`, which comes first, says how often
    in milliseconds, as `retry` does, so that who hears nothing for longer opens another. A stream ends after an
    hour; resume it. The event `gap`
    (without `id`) says that events after `after` and up to `deleted` may be missing, because executions that ended long
    ago are deleted, or the database is another one than before: read the list of executions afresh, and count on from
    `after`. With `Prefer: return=representation`, the newest event has the execution, too, in a field `now`, so that
    who shows it need not ask for it; where that is missing, ask. The events `shop.changed` and `quotas.changed`
    (without `id`, and not kept) say that the shop's files, or somebody's quota, are other ones than before.
    """
    present = call.headers.with_executions
    if call.query.execution is not None:
        return await _events_of(call, call.query.execution, present)
    owners = readable_owners(call, call.query.owner)
    return Reply(_stream(call, owners, None, present))


async def get_execution_events(call: Call) -> Reply:
    """What happens to one execution, as server-sent events.

    Without `Last-Event-ID`, begins now. `id` is the event's `seq`, `event` its kind, `data` the event. A
    comment every 5 seconds shows that the stream is alive; the field `keepalive`, which comes first, says how often
    in milliseconds. A stream ends after an hour; resume it.
    """
    return await _events_of(call, call.path["id"])


async def get_logs(call: Call) -> Reply:
    """What instances wrote.

    Where several instances are asked for, each line begins with the instance in brackets.
    """
    query: LogsQuery = call.query
    execution = await find_execution(call.context.store, call.who, call.path["id"], scopes.READ_LOGS)
    return Reply(
        await follow_logs(
            call.context.logs, execution, query.process, query.ordinal, follow=query.follow, tail=query.tail
        )
    )


async def _events_of(call: Call, name: str, present: bool = False) -> Reply:
    execution = await find_execution(call.context.store, call.who, name, scopes.READ_EXECUTIONS)
    return Reply(_stream(call, (execution.owner,), execution.id, present))


async def _stream(
    call: Call, owners: tuple[str, ...] | None, execution: str | None, present: bool
) -> AsyncIterator[bytes]:
    after = call.headers.last_event_id if call.headers.last_event_id is not None else call.query.last_event_id
    # Who reads browsers' fields only passes over the second one.
    yield f"retry: {RETRY}\nkeepalive: {round(1000 * call.feed.keepalive)}\n\n".encode()
    async with closed(call.feed.follow(after, owners=owners, execution=execution)) as events:
        async for event in events:
            if event is None:
                yield b": alive\n\n"
            elif isinstance(event, Changed):
                # Without an id, as it is not stored: who missed it reads afresh on connecting.
                yield f"event: {event.value}\ndata: {{}}\n\n".encode()
            elif isinstance(event, Gap):
                # Without an id: who loses the stream now resumes from where it was.
                yield f"event: gap\ndata: {json.dumps(asdict(event))}\n\n".encode()
            else:
                # Who is behind is sent the events alone: to read an execution for each would take the longer, the more
                # there are.
                newest = present and call.feed.is_newest(event)
                yield await _with_execution(call, event) if newest else call.feed.chunk(event)


async def _with_execution(call: Call, event: Event) -> bytes:
    """The event as it is sent, with the execution as it is now."""
    chunk = call.feed.chunk(event)
    try:
        found = await find_execution(call.context.store, call.who, event.execution, scopes.READ_EXECUTIONS)
        (view,) = await views(call, [found])
    except ZoeError:
        return chunk  # whoever asks for it is told why
    return chunk.removesuffix(b"}\n\n") + b',"now":' + view.model_dump_json().encode() + b"}\n\n"


OPERATIONS = (
    Operation(
        "GET",
        "/events",
        get_events,
        scope=scopes.READ_EXECUTIONS,
        query=EventsQuery,
        headers=EventsHeaders,
        media="text/event-stream",
        problems=(404,),
    ),
    Operation(
        "GET",
        "/executions/{id}/events",
        get_execution_events,
        scope=scopes.READ_EXECUTIONS,
        query=ResumeQuery,
        headers=ResumeHeaders,
        media="text/event-stream",
    ),
    Operation(
        "GET",
        "/executions/{id}/logs",
        get_logs,
        scope=scopes.READ_LOGS,
        query=LogsQuery,
        media="text/plain",
        problems=(422,),
    ),
)
