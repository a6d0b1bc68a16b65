"""One event loop in a thread of its own, and how calls get into it and back out.

All of Zoe's input and output happens in that loop. What must happen where the user called from (the framework's
`connect`, the display under the cell) is handed back to the caller.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Caller(Protocol):
    """Where a call came from. Its methods are used in the portal's loop."""

    async def call(self, function: Callable[[], T]) -> T:
        """Run a function that may block, at the caller's; return what it returns."""
        ...

    def show(self, function: Callable[[], None]) -> None:
        """Run a quick function at the caller's, soon; in order."""
        ...


class Portal:
    """A background event loop. Survives a fork by starting anew in the child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._loop.run_forever, name="zoe", daemon=True).start()
            return self._loop

    def run(self, make: Callable[[Caller], Coroutine[Any, Any, T]]) -> T:
        """Run to its end, blocking this thread; works while another event loop runs in it.

        KeyboardInterrupt cancels the coroutine, waits for it to clean up, and is raised again.
        """
        caller = _BlockedCaller(self.loop)
        outcome: Future[T] = Future()
        tasks: list[asyncio.Task[None]] = []

        async def body() -> None:
            try:
                outcome.set_result(await make(caller))
            except BaseException as error:  # raised again in the caller's thread
                outcome.set_exception(error)
            finally:
                caller.inbox.put(None)

        self.loop.call_soon_threadsafe(lambda: tasks.append(self.loop.create_task(body())))
        broken: KeyboardInterrupt | Exception | None = None
        while True:
            try:
                item = caller.inbox.get()
                if item is None:
                    break
                item()
            except (KeyboardInterrupt, Exception) as error:  # an Exception here is one of the display
                if isinstance(broken, KeyboardInterrupt) and isinstance(error, KeyboardInterrupt):
                    raise
                if broken is None:
                    self.loop.call_soon_threadsafe(lambda: tasks[0].cancel())
                broken = error
        if broken is not None:
            raise broken
        return outcome.result()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin it in the loop, and wait for nothing."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def run_async(self, make: Callable[[Caller], Coroutine[Any, Any, T]]) -> T:
        """Run to its end without blocking the calling loop. Cancelling it cancels the coroutine."""
        caller = _AwaitingCaller(asyncio.get_running_loop())
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(make(caller), self.loop))


class _BlockedCaller:
    """A thread that waits in `Portal.run`, and meanwhile runs what it is given."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    async def call(self, function: Callable[[], T]) -> T:
        result: asyncio.Future[T] = self._loop.create_future()

        def settle(method: Callable[[Any], None], value: Any) -> None:
            if not result.done():
                method(value)

        def item() -> None:
            try:
                value = function()
            except KeyboardInterrupt:
                raise  # `run` cancels whoever awaits the result
            except StopIteration as error:  # a future cannot hold it
                self._loop.call_soon_threadsafe(settle, result.set_exception, RuntimeError(str(error)))
            except BaseException as error:  # raised again where it is awaited
                self._loop.call_soon_threadsafe(settle, result.set_exception, error)
            else:
                self._loop.call_soon_threadsafe(settle, result.set_result, value)

        self.inbox.put(item)
        return await result

    def show(self, function: Callable[[], None]) -> None:
        self.inbox.put(function)


class _AwaitingCaller:
    """A coroutine of another loop. What may block runs in a worker thread, so that its loop goes on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._context = contextvars.copy_context()

    async def call(self, function: Callable[[], T]) -> T:
        context = self._context.copy()
        return await asyncio.get_running_loop().run_in_executor(None, lambda: context.run(function))

    def show(self, function: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(function, context=self._context.copy())


def beside(loop: asyncio.AbstractEventLoop) -> Caller:
    """A caller for what nobody waits for in a cell: what may block runs in a worker thread."""
    return _AwaitingCaller(loop)


portal = Portal()
"""The one of this process."""
