"""Server-sent events, read line by line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One message of a stream. `id` is the newest that the stream has said, as browsers keep it."""

    event: str
    data: str
    id: str | None


async def messages(lines: AsyncIterable[str]) -> AsyncGenerator[Message, None]:
    """Messages from the lines of a stream. A message that the end of the stream cuts off is dropped."""
    event, data, last = "message", list[str](), None
    async for line in lines:
        if not line:
            if data:
                yield Message(event, "\n".join(data), last)
            event, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last = value
