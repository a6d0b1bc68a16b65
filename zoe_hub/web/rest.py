"""Runs the operations of the table: who, what, may they, then one function, then the answer."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from tornado.iostream import StreamClosedError
from tornado.web import stream_request_body

from ..documents import MAX_VALUES
from ..model.commands import Submit
from . import scopes
from .access import lacks
from .callers import Caller
from .context import WebContext
from .events import EventFeed
from .handlers import BaseHandler, stranger
from .iteration import closed
from .limits import Meter
from .operations import JSON, Call, Operation, Reply
from .problems import Refused, first_error

MAX_BODY = 256 * 1024
"""Bytes of a request's body. It is read in the one thread that answers everybody, and kept with what it starts."""
READ_AND_DROPPED = 16 * 1024 * 1024
"""Bytes of a body too large that are read all the same, so that the client gets to see the answer."""
MAX_STREAM = 3600.0
"""Seconds after which a stream is ended, so that a right withdrawn does not listen for ever."""
_SEGMENT = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")
_FIRST_CHUNK = 0.5
_MAX_DEPTH = 64


@stream_request_body
class RestHandler(BaseHandler):
    """All operations of one path."""

    has_body = False

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter)
        self._operations: Mapping[str, Operation] = options["operations"]
        self._body = bytearray()
        self._received = 0
        self._task: asyncio.Task[None] | None = None
        self._caller: Caller | None = None
        self._submitted = ""

    @property
    def operation_name(self) -> str:
        operation = self._operations.get(self.request.method or "")
        return operation.id if operation else "unknown"

    @property
    def audits(self) -> bool:  # type: ignore[override]
        operation = self._operations.get(self.request.method or "")
        return operation is not None and operation.changes

    @property
    def audit_target(self) -> str:
        return super().audit_target or self._submitted

    async def prepare(self) -> None:
        # Also of who is refused before it has come: whoever still sends a body does not hear why.
        self.request.connection.set_max_body_size(2 * READ_AND_DROPPED)  # type: ignore[union-attr]
        operation = self._operation()
        self._caller = await self.identify()
        if self._caller is None and not operation.anonymous:
            raise stranger()
        if operation.scope and self._caller and not holds(self._caller, operation):
            raise lacks(operation.scope)
        length = self.request.headers.get("Content-Length", "")
        if operation.body is not None and self._media_type() != JSON:
            raise Refused(415, f"The body must be JSON: send Content-Type: {JSON}.")
        if length.isdecimal() and int(length[:20]) > READ_AND_DROPPED:
            raise _too_large()

    def data_received(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received <= MAX_BODY:
            self._body += chunk

    async def run(self, **path: str) -> None:
        """Answer, whichever the method."""
        self.has_body = True
        operation = self._operation()
        if self._received > MAX_BODY:
            raise _too_large()
        if self._caller is not None:
            self.meter.weigh(self._caller, self._received)
        for segment in path.values():
            if not _SEGMENT.fullmatch(segment):
                raise Refused(404, "There is nothing at this address.")
        self.context.catalogue.refresh()
        query, headers, body = self._query(operation), self._read_headers(operation), self._parsed_body(operation)
        if isinstance(body, Submit):
            self._submitted = body.zapp or (body.definition.name if body.definition else "")
        context = self.context
        if operation.changes:
            context = dataclasses.replace(context, store=self.changing_store(operation.status))
        call = Call(
            context=context,
            feed=self.feed,
            caller=self._caller,
            path=path,
            query=query,
            headers=headers,
            body=body,
        )
        async with self.meter.turn(self._caller if operation.large else None):
            reply = await operation.run(call)
            await self._answer(operation, reply)

    get = post = put = patch = delete = head = options = run

    def on_connection_close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _operation(self) -> Operation:
        operation = self._operations.get(self.request.method or "")
        if operation is None:
            allowed = ", ".join(sorted(self._operations))
            raise Refused(405, f"This address knows the methods {allowed} only.", {"Allow": allowed})
        return operation

    def _media_type(self) -> str:
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def _query(self, operation: Operation) -> Any:
        given: dict[str, str] = {}
        for name, values in self.request.query_arguments.items():
            if len(values) > 1:
                raise Refused(400, f"The query parameter {name[:80]!r} is given twice.", parameter=name[:80])
            given[name] = values[0].decode("utf-8", "replace")
            if "\0" in given[name]:
                raise Refused(400, f"The query parameter {name[:80]!r} holds the character NUL.", parameter=name[:80])
        if operation.query is None:
            if given:
                name = next(iter(given))[:80]
                raise Refused(400, f"There is no query parameter {name!r} here.", parameter=name)
            return None
        return _validated(operation.query, given, "The query parameter")

    def _read_headers(self, operation: Operation) -> Any:
        if operation.headers is None:
            return None
        given = {name.lower(): value for name, value in self.request.headers.items()}
        wanted = {field.alias or name for name, field in operation.headers.model_fields.items()}
        return _validated(operation.headers, {k: v for k, v in given.items() if k in wanted}, "The header")

    def _parsed_body(self, operation: Operation) -> Any:
        if operation.body is None:
            return None
        document = parse_json(bytes(self._body))
        try:
            return operation.body.model_validate(document)
        except ValidationError as error:
            place, sentence = first_error(error)
            where = f"`{place}` in the body" if place else "The body"
            raise Refused(422, f"{where}: {sentence}.".replace("..", "."), parameter=place or None) from None

    async def _answer(self, operation: Operation, reply: Reply) -> None:
        content = reply.content
        if isinstance(content, AsyncIterator):
            await self._stream(operation, reply, content)
            return
        self._begin(reply)
        if content is None:
            return
        self.set_header("Content-Type", JSON)
        if isinstance(content, BaseModel):
            self.finish(content.model_dump_json().encode())
        else:
            self.finish(json.dumps(content, ensure_ascii=False).encode())

    async def _stream(self, operation: Operation, reply: Reply, content: AsyncIterator[bytes]) -> None:
        """Write chunks as they come, until the end, an hour, or the client's leaving."""
        with self.meter.stream(self._caller):
            copying = asyncio.ensure_future(self._copy(operation, reply, content))
            self._task = copying
            try:
                # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation that comes with a chunk.
                await asyncio.wait({copying}, timeout=MAX_STREAM)
            finally:
                copying.cancel()
                await asyncio.gather(copying, return_exceptions=True)
        if copying.cancelled():
            if self.request.connection.stream.closed():  # type: ignore[union-attr]
                return
        elif (error := copying.exception()) is not None and not isinstance(error, StreamClosedError):
            raise error
        if not self._finished:
            self.finish()

    async def _copy(self, operation: Operation, reply: Reply, content: AsyncIterator[bytes]) -> None:
        async with closed(content) as chunks:
            # What is wrong shows with the first chunk: wait a moment for it, so that it can be a problem.
            first = asyncio.ensure_future(anext(chunks, None))
            try:
                await asyncio.wait({first}, timeout=_FIRST_CHUNK)
                if first.done():
                    first.result()
                self._begin(reply)
                self.set_header("Content-Type", operation.media + "; charset=utf-8")
                self.set_header("Cache-Control", "no-store")
                self.set_header("X-Accel-Buffering", "no")
                await self.flush()
                chunk = await first
            finally:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)
            while chunk is not None:
                self.write(chunk)
                await self.flush()
                chunk = await anext(chunks, None)

    def _begin(self, reply: Reply) -> None:
        self.set_status(reply.status)
        if not self._operation().anonymous:
            self.set_header("Cache-Control", "no-cache, private")
        for name, value in reply.headers.items():
            self.set_header(name, value)


def parse_json(body: bytes) -> Any:
    """The document in a body. Raises Refused 400 for what is not strictly JSON, or cannot be stored."""
    try:
        document = json.loads(body, parse_constant=_no_constant)
        # Lone surrogates and NUL pass the parser, and no database.
        if "\x00" in json.dumps(document, ensure_ascii=False).encode().decode() or b"\\u0000" in body:
            raise ValueError("a text holds the character NUL")
    except RecursionError:
        raise Refused(400, "The body is nested too deeply.") from None
    except UnicodeError:
        raise Refused(400, "The body is no valid JSON: it is not proper Unicode in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Refused(
            400, f"The body is no valid JSON: {error.msg} in line {error.lineno}.", line=error.lineno
        ) from None
    except ValueError as error:
        raise Refused(400, f"The body is no valid JSON: {error}.") from None
    depth, values = _extent(document)
    if depth > _MAX_DEPTH:
        raise Refused(400, f"The body is nested deeper than {_MAX_DEPTH} levels.")
    if values > MAX_VALUES:
        raise Refused(400, f"The body holds more than {MAX_VALUES:,} values.")
    return document


def _extent(value: Any) -> tuple[int, int]:
    """How deep it is, and how many values it holds."""
    depth, values, level = 0, 1, [value]
    while level := [
        x for v in level if isinstance(v, (dict, list)) for x in (v.values() if isinstance(v, dict) else v)
    ]:
        depth += 1
        values += len(level)
    return depth, values


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def holds(caller: Caller, operation: Operation) -> bool:
    """Whether the caller has the operation's scope, for anything at all."""
    if operation.scope is None or caller.may(operation.scope):
        return True
    if operation.also is not None and scopes.holds(caller.scopes, operation.also, caller.user):
        return True
    # A filter may fit the execution that is meant: the operation itself looks.
    return operation.owned and scopes.holds(caller.scopes, operation.scope, caller.user)


def _validated(model: type[BaseModel], given: Mapping[str, str], what: str) -> Any:
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        place, sentence = first_error(error)
        raise Refused(400, f"{what} {place!r} is not as it should be: {sentence}.", parameter=place) from None


def _too_large() -> Refused:
    return Refused(413, f"The body is larger than {MAX_BODY // 1024} KiB.")
