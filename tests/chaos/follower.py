"""Somebody who follows all events from the first one on, as a browser does: with Last-Event-ID after every break."""

from __future__ import annotations

import asyncio

import httpx

from zoe_hub.client import sse
from zoe_hub.model.events import Event


class Follower:
    """Keeps what it was sent, in that order, doubles included. Bears so many seconds of `silence`; None: any."""

    def __init__(self, url: str, token: str, *, silence: float | None = 60, **query: str) -> None:
        self._silence = silence
        self._url = f"{url.rstrip('/')}/api/v1/events"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self._query = query
        self.events: list[Event] = []
        self.breaks = 0

    async def run(self) -> None:
        """Go on until cancelled."""
        last = "0"
        async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=self._silence), trust_env=False) as http:
            while True:
                try:
                    headers = self._headers | {"Last-Event-ID": last}
                    async with http.stream("GET", self._url, params=self._query, headers=headers) as answer:
                        if answer.status_code == 200:
                            async for message in sse.messages(answer.aiter_lines()):
                                self.events.append(Event.model_validate_json(message.data))
                                assert message.id is not None
                                last = message.id
                except httpx.TransportError:
                    self.breaks += 1
                await asyncio.sleep(0.1)
