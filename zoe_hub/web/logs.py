"""The output of one instance as it is, or of several, line by line under their names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ..model.errors import InvalidRequest, UnknownName
from ..model.execution import Execution
from ..model.framework import Placement
from ..model.plan import ProcessPlan
from .context import LogSource
from .iteration import closed

_QUEUED = 16
_PIECE = 64 * 1024
"""Bytes of lines that are handed on together: one by one, a log of short lines would take all the time there is."""
_LONGEST = 64 * 1024
"""Bytes after which a line is broken, so that one without an end does not fill the memory."""


async def follow_logs(
    source: LogSource,
    execution: Execution,
    process: str | None,
    ordinal: int | None,
    *,
    follow: bool,
    tail: int | None,
) -> AsyncIterator[bytes]:
    """Chunks of output. Raises UnknownName for a process or instance that never was, before the first chunk."""
    keys = _keys(execution, process)
    present = [
        (i.process, i.ordinal) for i in execution.instances if i.process in keys and ordinal in (None, i.ordinal)
    ]
    if not present and len(keys) == 1 and ordinal is not None:
        present = [(keys[0], ordinal)]
    if not present:
        if ordinal is not None:
            raise UnknownName("instance", f"{process or execution.name} {ordinal}")
        return _nothing()
    streams = [
        (f"{key} {number}", source.logs(execution.id, key, number, follow=follow, tail=tail)) for key, number in present
    ]
    return streams[0][1] if len(streams) == 1 else _merge(streams)


def _keys(execution: Execution, process: str | None) -> Sequence[str]:
    ours: list[ProcessPlan] = [p for p in execution.plan.processes if p.placement is Placement.BACKEND]
    if process is None:
        return [p.key for p in ours]
    chosen = [p.key for p in ours if process in (p.key, p.name)]
    if process in chosen:
        return [process]
    if len(chosen) > 1:
        raise InvalidRequest(f"{process!r} may be {' or '.join(chosen)}: say which.")
    if not chosen:
        raise UnknownName("process", process, [p.key for p in ours])
    return chosen


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _merge(streams: Sequence[tuple[str, AsyncIterator[bytes]]]) -> AsyncIterator[bytes]:
    arrived: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_QUEUED)
    tasks = [asyncio.create_task(_copy(label, stream, arrived)) for label, stream in streams]
    try:
        left = len(tasks)
        while left:
            item = await arrived.get()
            if item is None:
                left -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(label: str, stream: AsyncIterator[bytes], arrived: asyncio.Queue[bytes | BaseException | None]) -> None:
    prefix, rest = f"[{label}] ".encode(), b""
    try:
        async with closed(stream):
            async for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LONGEST:
                    lines, rest = [*lines, rest], b""
                piece = bytearray()
                for line in lines:
                    piece += prefix + line + b"\n"
                    if len(piece) >= _PIECE:
                        await arrived.put(bytes(piece))
                        piece.clear()
                if piece:
                    await arrived.put(bytes(piece))
        if rest:
            await arrived.put(prefix + rest + b"\n")
        await arrived.put(None)
    except UnknownName:
        # An instance that was ordered and never started has written nothing.
        await arrived.put(None)
    except Exception as error:  # raised again by whoever reads
        await arrived.put(error)
