"""How the end of a run is noticed; no engine is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest

from zoe_hub.backends.docker.endings import Seen
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import RunKey, container_labels
from zoe_hub.backends.docker.watch import Watch

KEY = RunKey("x1", "test.worker", 0, 1)
LABELS = container_labels("mine", KEY, "alice", 1)


class SwarmThatEndsOne:
    """A run is a service here, whose container ends: the event is about the container."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def surely(self, ask: Any) -> Any:
        return await ask()

    async def info(self) -> dict[str, Any]:
        return {"SystemTime": "2026-01-01T00:00:00.0Z"}

    async def containers(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        return [{"Id": "the-service", "Labels": LABELS, "State": "running"}]

    async def show(self, container: str) -> Seen | None:
        if container != "the-service":
            return None
        return Seen(container, "exited", code=3) if self.ended.is_set() else Seen(container, "running")

    async def events(self, *, since: float, labels: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        await self.ended.wait()
        yield {"Action": "die", "Actor": {"ID": "its-container", "Attributes": LABELS}}
        await asyncio.Event().wait()


@pytest.mark.timeout(30)
async def test_an_event_about_its_container_tells_of_the_end_of_a_service() -> None:
    async def nothing(*_: object) -> None:
        pass

    engine = SwarmThatEndsOne()
    watch = Watch(cast(Engine, engine), "mine", 1000.0, nothing, nothing)
    running = asyncio.create_task(watch.run())
    try:
        over = asyncio.create_task(watch.over(KEY, "the-service"))
        await asyncio.sleep(0)
        engine.ended.set()
        seen = await over
        assert seen is not None
        assert seen.code == 3
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
