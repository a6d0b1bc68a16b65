"""Whether an instance is ready, asked at its real port."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ..model.framework import Readiness, ReadinessKind

Probe = Callable[[], Awaitable[bool]]
_ANSWER_WITHIN = 5.0
"""Seconds for one attempt: the first answer of a program that has just started may be slow."""


class Pace:
    """How often to ask: fast while few are starting, because nobody should wait for us; slower when many are."""

    def __init__(self) -> None:
        self._asking = 0

    async def until(self, probe: Probe) -> None:
        """Ask until the answer is yes."""
        self._asking += 1
        try:
            while True:
                if await probe():
                    return
                await asyncio.sleep(max(0.05, 0.004 * self._asking))
        finally:
            self._asking -= 1


def make_probe(readiness: Readiness, host: str, port: int, headers: Mapping[str, str]) -> Probe:
    """A question to ask again and again; false for whatever is no good answer."""

    async def ask() -> bool:
        # Not asyncio.wait_for: before Python 3.12 it can lose the cancellation by which asking ends.
        attempt = asyncio.ensure_future(_ask(readiness, host, port, headers))
        try:
            await asyncio.wait({attempt}, timeout=_ANSWER_WITHIN)
            return attempt.done() and attempt.result()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            return False
        finally:
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)

    return ask


async def _ask(readiness: Readiness, host: str, port: int, headers: Mapping[str, str]) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        if readiness.kind is ReadinessKind.TCP:
            return True
        lines = [f"GET {readiness.path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", "Accept: */*"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header holds a line break")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        version, status, *_ = (await reader.readline()).decode("latin-1").split()
        return version.startswith("HTTP/") and 200 <= int(status) < 400
    finally:
        writer.close()
