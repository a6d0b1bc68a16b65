"""Kernels that go for good: what is tied to them ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode

from jupyter_events import EventLogger
from traitlets import Float
from traitlets.config import LoggingConfigurable

from zoe_hub.model.errors import ServiceUnavailable

from .relay import Relay

KERNEL_ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"


class ZoeKernels(LoggingConfigurable):
    """Watches which kernels this server has."""

    grace = Float(
        20.0,
        min=0,
        help="Seconds for which a kernel must be gone from this server before the clusters that are tied to it end. "
        "Restarting a kernel or loading a page anew takes nothing away, however long; this is for kernels that come "
        "back under the same identifier, as some extensions have them.",
    ).tag(config=True)
    interval = Float(
        5.0, min=0.1, help="Seconds between two looks at the list of kernels; the service is asked only of changes."
    ).tag(config=True)

    def watch(
        self, relay: Relay, kernels: Callable[[], Iterable[str]], events: EventLogger | None
    ) -> asyncio.Task[None]:
        """Begin, in the running loop.

        `kernels` gives the identifiers of those that there are now; by the server's `events` also those are known that
        were there only between two looks.
        """
        self._heard_of: set[str] = set()
        if events is not None:
            events.add_listener(schema_id=KERNEL_ACTIONS, listener=self._hear)
        self._relay = relay
        self._begun = datetime.now(timezone.utc)
        self._kernels = kernels
        self._due: dict[str, list[float]] = {}
        self._complained = False
        # Kept by the object: the loop itself holds its tasks weakly.
        self._task = asyncio.create_task(self._run())
        return self._task

    async def _hear(self, logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        if kernel := data.get("kernel_id"):
            self._heard_of.add(kernel)

    async def _run(self) -> None:
        known: set[str] = set()
        begun = time.monotonic()
        looked_back = False
        while True:
            await asyncio.sleep(self.interval)
            there, now = set(self._kernels()), time.monotonic()
            for kernel in (known | self._heard_of) - there - self._due.keys():
                # Twice: what a dying kernel asked for may be stored after it was gone.
                self._due[kernel] = [now + self.grace, now + 3 * self.grace + self.interval]
            for kernel in there:
                self._due.pop(kernel, None)
            known, self._heard_of = there, set()
            try:
                if not looked_back and now - begun >= self.grace:
                    await self._end_those_of(lambda kernel, there=there: kernel not in there, left=True)  # type: ignore[misc]
                    looked_back = True
                await self._tell(now)
            except _NotNow as error:
                if not self._complained:
                    self.log.warning("Zoe: what is tied to kernels that ended is not ended yet: %s", error)
                self._complained = True
            else:
                self._complained = False

    async def _tell(self, now: float) -> None:
        due = {kernel for kernel, times in self._due.items() if times[0] <= now}
        if due:
            await self._end_those_of(due.__contains__)
        for kernel in due:
            self._due[kernel].pop(0)
            if not self._due[kernel]:
                del self._due[kernel]

    async def _end_those_of(self, gone: Callable[[str], bool], *, left: bool = False) -> None:
        """End what is tied to kernels of this server that are gone. Raises _NotNow when the service cannot be told.

        `left`: only what is older than this server. A kernel that it never had may be another program's, such as one
        that runs a notebook in a terminal: what such a kernel asked for since goes on.
        """
        query = urlencode({"live": "true", "server": self._relay.server})
        found = await self._ask("GET", "/executions", query)
        for execution in found.get("executions", []):
            attachment = execution.get("attachment") or {}
            kernel = attachment.get("kernel")
            if kernel is None or attachment.get("outlive") or not gone(kernel):
                continue
            if left and _moment(execution["created"]) >= self._begun:
                continue
            self.log.info("Zoe: kernel %s is gone, so %s ends", kernel, execution["name"])
            await self._ask("DELETE", f"/executions/{quote(execution['id'])}/kernels/{quote(kernel, safe='')}")

    async def _ask(self, method: str, path: str, query: str = "") -> dict[str, Any]:
        import httpx

        try:
            async with self._relay.ask(method, path, query, {"Accept": "application/json"}, b"") as answer:
                body = await answer.aread()
        except (httpx.HTTPError, ServiceUnavailable) as error:
            raise _NotNow(str(error) or type(error).__name__) from error
        if not (answer.is_success or answer.status_code == 404):
            raise _NotNow(f"the service answered {answer.status_code}")
        try:
            document = json.loads(body)
        except ValueError as error:
            raise _NotNow("the service did not answer in JSON") from error
        return document if isinstance(document, dict) else {}


def _moment(text: str) -> datetime:
    # As Python 3.10 reads it.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class _NotNow(Exception):
    """The service cannot be told just now."""
