"""Which containers there are and how they are: by the engine's events, and by a list from time to time.

Events only say where to look: what is believed is the engine's answer about the container. A stream that broke is
resumed where it ended, and a list of all containers finds what no event told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from .endings import Seen
from .engine import Engine, EngineAway, EngineRefused
from .names import INSTALLATION, RunKey

log = logging.getLogger(__name__)

_TELLING = frozenset({"start", "die", "oom", "destroy"})
_PAUSE = 1.0
_LOOKED_BACK = 5.0
"""Seconds of events that are asked for again when a stream is resumed: looking twice costs little."""

Listed = Callable[[Sequence[tuple[RunKey, str]]], Awaitable[None]]
Started = Callable[[Mapping[str, str], str], Awaitable[None]]


class Watch:
    """`listed` is told of all containers of instances; `started` of each other one of the installation that starts;
    `parted` each time that the engine's stream of events has ended, as it does with the engine."""

    def __init__(
        self,
        engine: Engine,
        installation: str,
        resync: float,
        listed: Listed,
        started: Started,
        parted: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._labels = [f"{INSTALLATION}={installation}"]
        self._resync = resync
        self._listed = listed
        self._started = started
        self._parted = parted
        self._ended: dict[RunKey, Seen | None] = {}
        self._waiting: dict[RunKey, tuple[str, asyncio.Event]] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._others: set[str] = set()
        """Containers of others that were running when they were listed last."""

    async def run(self) -> None:
        """Follow, for ever."""
        work = [asyncio.ensure_future(self._follow()), asyncio.ensure_future(self._list_again())]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in work:
                if task.done():
                    task.result()
        finally:
            for task in [*work, *self._looking]:
                task.cancel()
            await asyncio.gather(*work, *self._looking, return_exceptions=True)

    async def over(self, key: RunKey, container: str) -> Seen | None:
        """Wait until a run's container has ended; how, or None where the engine knows it no more."""
        event = asyncio.Event()
        self._waiting[key] = (container, event)
        try:
            # It may have ended before anybody waited.
            await self._look_surely(key, container)
            await event.wait()
            return self._ended[key]
        finally:
            self._waiting.pop(key, None)
            self._ended.pop(key, None)

    async def _follow(self) -> None:
        since = await self._engine.surely(self._now)
        told = False
        await self._list()
        while True:
            try:
                async for event in self._engine.events(since=since, labels=self._labels):
                    told = False
                    since = max(since, event.get("timeNano", 0) / 1e9 - _LOOKED_BACK)
                    self._take(event)
            except (EngineAway, EngineRefused) as error:
                if not told:
                    log.warning("Docker's events cannot be followed: %s", error)
                    told = True
            self._parted()
            await asyncio.sleep(_PAUSE)
            # An engine that was started again may not know of what happened in between.
            await self._list()

    async def _list_again(self) -> None:
        while True:
            await asyncio.sleep(self._resync)
            await self._list()

    async def _list(self) -> None:
        try:
            found = await self._engine.containers(self._labels)
            keys = [(key, str(one["Id"])) for one in found if (key := RunKey.of(one.get("Labels") or {}))]
            states = {RunKey.of(one.get("Labels") or {}): one.get("State") for one in found}
            for key, (container, _) in list(self._waiting.items()):
                if states.get(key) != "running":
                    await self._look(key, container)
            await self._listed(keys)
            others = {
                str(one["Id"]): one["Labels"]
                for one in found
                if one.get("State") == "running" and RunKey.of(one.get("Labels") or {}) is None
            }
            new, self._others = others.keys() - self._others, set(others)
            for container in new:
                await self._started(others[container], container)
        except EngineAway:
            return
        except EngineRefused as error:
            log.warning("Docker's containers could not be listed: %s", error)

    def _take(self, event: Mapping[str, Any]) -> None:
        action = str(event.get("Action", "")).split(":")[0]
        if action not in _TELLING:
            return
        actor = event.get("Actor") or {}
        labels, container = actor.get("Attributes") or {}, str(actor.get("ID", ""))
        key = RunKey.of(labels)
        if key is None:
            if action == "start":
                self._task(self._started(labels, container))
        elif key in self._waiting:
            # On a swarm, a run is a service, and events are about its containers.
            self._task(self._look(key, self._waiting[key][0]))

    async def _look_surely(self, key: RunKey, container: str) -> None:
        await self._engine.surely(lambda: self._look(key, container))

    async def _look(self, key: RunKey, container: str) -> None:
        seen = await self._engine.show(container)
        if key in self._waiting and (seen is None or seen.over):
            self._ended[key] = seen
            self._waiting[key][1].set()

    async def _now(self) -> float:
        """By the engine's clock, which need not be ours."""
        text = str((await self._engine.info())["SystemTime"])
        head, _, zone = text.partition(".")
        offset = "+00:00" if zone.endswith("Z") or not zone else zone[-6:]
        return datetime.fromisoformat(head.rstrip("Z") + offset).timestamp()

    def _task(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._safely(work))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    @staticmethod
    async def _safely(work: Awaitable[None]) -> None:
        try:
            await work
        except (EngineAway, EngineRefused) as error:
            log.warning("A container could not be looked at, and will be with the next list: %s", error)
