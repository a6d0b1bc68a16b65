"""Speaks with the starter in a container, which may be on any machine."""

from __future__ import annotations

import asyncio
import json

PORT = 19_999
"""At which the starter listens: below the ports that instances are given."""
_WITHIN = 5.0
"""Seconds for one question: the container is in the service's own network."""


async def send_signal(address: str, token: str, name: str) -> bool:
    """Whether the program was sent the signal."""
    return await _ask(address, {"token": token, "signal": name}) == b"sent\n"


async def read_note(address: str, token: str, name: str) -> bytes:
    """The beginning of a file in the instance's own folder; nothing where there is none."""
    return await _ask(address, {"token": token, "note": name})


async def _ask(address: str, question: dict[str, str]) -> bytes:
    asking = asyncio.ensure_future(_converse(address, question))
    try:
        await asyncio.wait({asking}, timeout=_WITHIN)
        return asking.result() if asking.done() else b""
    except OSError:
        return b""
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _converse(address: str, question: dict[str, str]) -> bytes:
    reader, writer = await asyncio.open_connection(address, PORT)
    try:
        writer.write(json.dumps(question).encode() + b"\n")
        return await (reader.readline() if "signal" in question else reader.read())
    finally:
        writer.close()
