"""What the service goes on telling: events and logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import httpx
from pydantic import ValidationError

from ..model.errors import ServiceUnavailable, TooManyRequests
from ..model.events import Event
from . import sse
from .requests import Requests, path_of

PATIENCE = 120.0
"""Seconds for which whoever follows an execution bears that the service is away. The Hub restarts it within 30."""
_DOUBT = 3
"""Attempts one after the other that failed, until the service is said to be away: a restarted proxy is not."""
_GAP = "gap"
"""What the service calls that events are missing."""
_SILENCE = 35.0
"""Seconds without even a keepalive, which comes every 5 and from services of before every 15, after which an event
stream is opened anew: JupyterHub's proxy does not pass on that a service was killed."""


class Streams(Requests):
    """Events and logs, each as an asynchronous generator that reads on where a connection breaks, as far as it can."""

    async def events(
        self,
        execution: str | None = None,
        *,
        after: int | None = None,
        patience: float = PATIENCE,
        on_gap: Callable[[], None] | None = None,
        on_connection: Callable[[bool], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Events as they are stored, of everything one may see or of one execution. Never ends by itself.

        `after`: begin behind this `seq` (0: from the first one); without it, from now on. A lost stream is
        resumed where it broke. `on_gap` is called where events are missing, because executions that ended long ago
        are deleted, or the database is another one: read afresh what there is. Of one execution that is kept, none is
        ever missing. `on_connection` hears whether the stream stands: yes whenever it is opened, and no whenever
        another attempt to open it anew has failed, from the third one on. Raises ServiceUnavailable when the service
        was away for `patience` seconds.
        """
        clock = asyncio.get_running_loop().time
        last, failures, since = after, 0, clock()

        def gapped(behind: int) -> None:
            nonlocal last
            last = behind  # of another database than before, the numbers are lower
            if on_gap is not None:
                on_gap()

        while True:
            try:
                async with aclosing(self._stream_events(execution, last, gapped)) as stream:
                    async for event in stream:
                        failures, since = 0, clock()
                        if event is None and on_connection is not None:
                            on_connection(True)
                        if event is None or (last is not None and event.seq <= last):
                            continue
                        last = event.seq
                        yield event
            except httpx.TransportError as error:
                if clock() - since > patience and failures:
                    raise self._away(error) from error
                if isinstance(error, httpx.TimeoutException):
                    failures = max(failures, _DOUBT)  # who hangs has been waited for long enough
            except ServiceUnavailable:
                if clock() - since > patience:
                    raise
            except TooManyRequests as error:
                if clock() - since > patience:
                    raise
                await asyncio.sleep(error.retry_after)
            if failures >= _DOUBT and on_connection is not None:
                on_connection(False)
            await asyncio.sleep(min(0.1 * 2**failures, 5.0))
            failures += 1

    async def _stream_events(
        self, execution: str | None, after: int | None, gapped: Callable[[int], None]
    ) -> AsyncGenerator[Event | None, None]:
        """Events of one connection; None for its opening."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        query = {} if execution is None else {"execution": execution}
        timeout = httpx.Timeout(self._timeout, read=_SILENCE)
        async with self._http.stream("GET", "/events", params=query, headers=headers, timeout=timeout) as response:
            if response.status_code != 200:
                await response.aread()
                raise self._refusal(response)
            yield None
            async with aclosing(sse.messages(response.aiter_lines())) as messages:
                async for message in messages:
                    if message.event == _GAP:
                        gapped(int(json.loads(message.data)["after"]))
                        continue
                    try:
                        yield Event.model_validate_json(message.data)
                    except ValidationError:
                        continue  # a kind of event that only a newer version knows

    async def logs(
        self,
        execution: str,
        process: str | None = None,
        ordinal: int | None = None,
        *,
        follow: bool = False,
        tail: int | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """What instances wrote, in chunks. With `follow`, until they have ended."""
        query = {"process": process, "ordinal": ordinal, "tail": tail, "follow": "true" if follow else None}
        params = {key: value for key, value in query.items() if value is not None}
        timeout = httpx.Timeout(self._timeout, read=None if follow else self._timeout)
        headers = {"Accept": "text/plain"}
        try:
            request = self._http.stream(
                "GET", path_of(execution, "logs"), params=params, timeout=timeout, headers=headers
            )
            async with request as response:
                if response.status_code != 200:
                    await response.aread()
                    raise self._refusal(response)
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx.TransportError as error:
            raise self._away(error) from error
