"""Waiting until an execution is where it should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from ..model.errors import ExecutionEnded, ServiceUnavailable
from ..model.events import Event
from .streams import PATIENCE
from .views import ExecutionView


class Watching(Protocol):
    """What waiting needs of a client."""

    async def execution(self, execution: str) -> ExecutionView: ...

    def events(self, execution: str | None = None, *, after: int | None = None) -> AsyncGenerator[Event, None]: ...


async def wait(
    client: Watching,
    execution: str,
    done: Callable[[ExecutionView], bool],
    *,
    on_event: Callable[[Event, ExecutionView], None] | None = None,
    timeout: float | None = None,
) -> ExecutionView:
    """What `ZoeClient.wait` promises."""
    waiting = asyncio.ensure_future(_wait(client, execution, done, on_event))
    try:
        # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation that comes with the result.
        in_time, _ = await asyncio.wait({waiting}, timeout=timeout)
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    if not in_time:
        raise TimeoutError(f"{execution} was not where it should be within {timeout:g} seconds.")
    return waiting.result()


async def _wait(
    client: Watching,
    execution: str,
    done: Callable[[ExecutionView], bool],
    on_event: Callable[[Event, ExecutionView], None] | None,
) -> ExecutionView:
    view = await client.execution(execution)
    if _settled(view, done):
        return view
    # From the first event on: whatever happened between the reading above and the stream's opening is in it.
    arrived: asyncio.Queue[Event | BaseException] = asyncio.Queue()
    reader = asyncio.create_task(_collect(client, view.id, arrived))
    try:
        while True:
            batch = [await arrived.get()]
            while not arrived.empty():
                batch.append(arrived.get_nowait())
            view = await _patiently(client, view.id)
            for item in batch:
                if isinstance(item, BaseException):
                    raise item
                if on_event is not None:
                    on_event(item, view)
            if _settled(view, done):
                return view
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _patiently(client: Watching, execution: str) -> ExecutionView:
    """The execution; like its events, also when the service is away for a while."""
    clock = asyncio.get_running_loop().time
    since = clock()
    while True:
        try:
            return await client.execution(execution)
        except ServiceUnavailable:
            if clock() - since > PATIENCE:
                raise
        await asyncio.sleep(1)


async def _collect(client: Watching, execution: str, arrived: asyncio.Queue[Event | BaseException]) -> None:
    try:
        async with aclosing(client.events(execution, after=0)) as events:
            async for event in events:
                arrived.put_nowait(event)
    except Exception as error:  # handed to whoever waits
        arrived.put_nowait(error)


def _settled(view: ExecutionView, done: Callable[[ExecutionView], bool]) -> bool:
    if done(view):
        return True
    if view.state.ended:
        raise ExecutionEnded(view.ending)
    return False
