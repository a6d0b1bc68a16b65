"""A way to the engine that can be cut, as if the engine were started again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from typing_extensions import Self


class Way:
    """A socket that leads to the engine's. Use it as an asynchronous context manager."""

    def __init__(self, place: Path, engine: str) -> None:
        self.host = f"unix://{place}"
        self._place = place
        self._engine = engine.removeprefix("unix://")
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def mend(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._place)

    async def cut(self) -> None:
        """Every connection breaks, and none can be made."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._place.unlink(missing_ok=True)
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(self._engine)
        except OSError:
            writer.close()
            return
        self._open |= {writer, back}
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._open -= {writer, back}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.close()
