"""A line between a browser and a server, which a test cuts, or lets go silent as a network does that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any


class Line:
    """Use it as a context manager; `url` has the server's path, at a port of the line's own."""

    def __init__(self, port: int, path: str) -> None:
        self._target = port
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._made: dict[_Connection, asyncio.Task[Any] | None] = {}
        self._cut = self._silent = False

    def __enter__(self) -> Line:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._take, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self._path}"
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """All connections break, and no new one comes about."""
        self._do(lambda: self._set(cut=True, silent=False))

    def silence(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        self._do(lambda: self._set(cut=False, silent=True))

    def mend(self) -> None:
        """New connections are whole. Those that went silent break, as when a router does not know them any more."""

        def mend() -> None:
            self._set(cut=False, silent=False)
            for each in self._made:
                if each.silent:
                    each.abort()

        self._do(mend)

    def _set(self, *, cut: bool, silent: bool) -> None:
        self._cut, self._silent = cut, silent
        for each in list(self._made):
            if cut:
                each.abort()
            each.silent |= silent

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        connection = _Connection(writer, silent=self._silent)
        self._made[connection] = asyncio.current_task()
        try:
            await connection.relay(reader, self._target)
        finally:
            connection.abort()
            del self._made[connection]

    async def _end(self) -> None:
        self._server.close()
        self._set(cut=True, silent=False)
        await asyncio.gather(*(each for each in self._made.values() if each is not None), return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _do(self, work: Callable[[], None]) -> None:
        async def do() -> None:
            work()

        self._run(do())


class _Connection:
    def __init__(self, writer: asyncio.StreamWriter, *, silent: bool) -> None:
        self._writers = [writer]
        self.silent = silent

    async def relay(self, reader: asyncio.StreamReader, port: int) -> None:
        """Until either side ends it."""
        with contextlib.suppress(OSError):
            answers, questions = await asyncio.open_connection("127.0.0.1", port)
            self._writers.append(questions)
            both = {
                asyncio.ensure_future(self._pass(reader, questions)),
                asyncio.ensure_future(self._pass(answers, self._writers[0])),
            }
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            self.abort()
            await asyncio.gather(*both, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.silent:
                writer.write(data)
                await writer.drain()

    def abort(self) -> None:
        for each in self._writers:
            each.transport.abort()
