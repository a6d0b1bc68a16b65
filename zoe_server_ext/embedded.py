"""Without a Hub: this user's own service, started when somebody first asks for it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from traitlets import Bool, Float
from traitlets.config import Configurable

from zoe_hub.nearby import runtime, servers, starting

from .relay import API, Relay

if TYPE_CHECKING:
    import httpx

    from zoe_hub.nearby.runtime import Runtime


class ZoeEmbedded(Configurable):
    """Zoe in a Jupyter server that no Hub started."""

    enabled = Bool(
        None,
        allow_none=True,
        help="Whether notebooks here may start clusters on this machine, as the server's own user, where no Hub's Zoe "
        "is set up (ZOE_URL). None: yes, except in a server that a JupyterHub started, whose administrator decides "
        "what runs on the machine. What `c.ZoeConfig` says counts for these clusters.",
    ).tag(config=True)
    linger = Float(
        15.0,
        help="Seconds for which this user's service waits for another notebook server when the last one has ended and "
        "no cluster is left. Longer makes the first cluster after a restart a second faster.",
    ).tag(config=True)
    prepare = Bool(
        True,
        help="Prepare a framework in the background when it is first used, so that its later clusters start fast: for "
        "Spark an archive of its classes, half a minute of a processor that nobody else wants. False: only "
        "`zoe prepare` does.",
    ).tag(config=True)

    def begin(self) -> dict[str, Any]:
        """What a service is told of this."""
        return {"linger": self.linger, "prepare": self.prepare}

    def active(self, environment: Mapping[str, str]) -> bool:
        """Whether to be of use; never where a Hub's Zoe is set up."""
        if environment.get("ZOE_URL"):
            return False
        if self.enabled is None:
            return "JUPYTERHUB_API_TOKEN" not in environment and "JUPYTERHUB_SERVICE_PREFIX" not in environment
        return bool(self.enabled)


class OwnService(Relay):
    """Speaks with the service of `home`. Starts it when need be, and again when it was killed.

    `prefix` is the public path of Zoe's pages in this server; `begin` is what else a service that is
    started is told.
    """

    def __init__(self, home: Path, prefix: str, begin: Mapping[str, Any]) -> None:
        super().__init__(str(home), "")
        self.home = home
        self.prefix = prefix
        self.key = secrets.token_urlsafe(32)
        self.on_found: list[Callable[[Runtime], None]] = []
        self._begin = {**begin, "prefix": prefix}
        self._registration: servers.Registration | None = None
        self._found: Runtime | None = None
        self._finding = asyncio.Lock()

    def register(self) -> None:
        """Become a server that clusters can be tied to: they end when this process does. Raises OSError."""
        self._registration = servers.register(self.home)
        self.server = self._registration.name

    async def find(self) -> Runtime:
        """The service, which answers. Raises ServiceUnavailable when it cannot be started."""
        async with self._finding:
            if self._found is None:
                self._found = await asyncio.to_thread(starting.ensure, self.home, self._begin)
                for each in self.on_found:
                    each(self._found)
            return self._found

    async def look_after_what_was_left(self) -> None:
        """Start the service if the last one was cut short with executions alive."""
        if await asyncio.to_thread(runtime.was_cut_short, self.home):
            await self.find()

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[httpx.Response, None]:
        if self._found is None and method == "GET" and self._asks_for_attachments(path, query):
            yield _nothing()
            return
        async with self.pass_on(method, API + path, query, self.asked(headers), body) as answer:
            yield answer

    @asynccontextmanager
    async def pass_on(
        self, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes
    ) -> AsyncGenerator[httpx.Response, None]:
        """One request to a path below the service's prefix. Raises ServiceUnavailable and httpx.TransportError."""
        import httpx

        async with AsyncExitStack() as stack:
            found = await self.find()
            try:
                answer = await stack.enter_async_context(
                    self.send(found.url, found.token, method, path, query, headers, body)
                )
            except httpx.ConnectError:
                # It was killed, and nothing of the request has been read: the next one takes it.
                if self._found is found:
                    self._found = None
                found = await self.find()
                answer = await stack.enter_async_context(
                    self.send(found.url, found.token, method, path, query, headers, body)
                )
            yield answer

    def _asks_for_attachments(self, path: str, query: str) -> bool:
        """What every kernel asks before its first cell. Nothing is tied to a server that has asked for nothing yet."""
        return path.strip("/") == "executions" and parse_qs(query).get("server") == [self.server]

    def public(self, location: str) -> str:
        """An address of the service's, below this server's own prefix."""
        if self._found is not None and location.startswith(self._found.prefix):
            return self.prefix + location.removeprefix(self._found.prefix)
        return location


def _nothing() -> httpx.Response:
    import httpx

    document = httpx.ByteStream(b'{"executions": []}')
    return httpx.Response(200, headers={"Content-Type": "application/json"}, stream=document)
