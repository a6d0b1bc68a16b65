"""The handlers under ``zoe/api/v1``: authenticate as the server does, then relay."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from zoe_hub.model.errors import ServiceUnavailable

from .door import Door
from .relay import Relay, problem, without_token

if TYPE_CHECKING:
    import httpx

NOT_SET_UP = "urn:zoe:problem:NotSetUp"

_AWAY = (
    "Zoe's service could not be reached from this Jupyter server. What runs keeps running: "
    "try again, and tell your administrator if it lasts."
)


class RelayHandler(Door, APIHandler):
    """Relays every method and path to the service."""

    auth_resource = "zoe"

    def initialize(self, prefix: str) -> None:
        self._prefix = prefix
        self._relaying: asyncio.Task[None] | None = None
        # Looking is no activity, or a page left open would keep an idle server alive.
        self._track_activity = self.request.method != "GET"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self._relay()

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self._relay()

    @web.authenticated
    @authorized
    async def put(self) -> None:
        await self._relay()

    @web.authenticated
    @authorized
    async def patch(self) -> None:
        await self._relay()

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        await self._relay()

    async def _relay(self) -> None:
        relay: Relay = self.settings["zoe_relay"]
        if not relay.url:
            detail = (
                "Zoe is not set up here: this Jupyter server has no ZOE_URL. Start it from a JupyterHub with Zoe, or "
                "say c.ZoeEmbedded.enabled = True in jupyter_server_config.py, which starts clusters on this machine; "
                "if that is so already, the server's log says why it does not work."
            )
            await self._answer_problem(problem(503, "Zoe is not set up", detail, NOT_SET_UP))
            return
        # A task of its own, so that a client who goes away ends the request to the service as well.
        self._relaying = asyncio.create_task(self._stream(relay))
        try:
            await self._relaying
        except asyncio.CancelledError:
            if not self._relaying.cancelled():
                raise

    async def _stream(self, relay: Relay) -> None:
        import httpx

        path = self.request.path[len(self._prefix) :]
        if ".." in path.split("/"):
            await self._answer_problem(problem(400, "Bad request", "A path may not hold '..'."))
            return
        method = self.request.method or "GET"
        body = relay.fill_in(method, path, self.request.body)
        query = without_token(self.request.query)
        try:
            async with relay.ask(method, path, query, self.request.headers, body) as answer:
                await self._pass_on(relay, answer)
        except StreamClosedError:
            return  # whoever asked has gone
        except ServiceUnavailable as error:
            self.log.warning("Zoe: %s", error)
            await self._answer_away(str(error))
        except httpx.TransportError as error:
            self.log.warning("Zoe: %s could not be asked: %s", relay.url, type(error).__name__)
            await self._answer_away(_AWAY)

    async def _pass_on(self, relay: Relay, answer: httpx.Response) -> None:
        self.set_status(answer.status_code, answer.reason_phrase or None)
        for name, value in relay.headers(answer, self._prefix).items():
            self.set_header(name, value)
        kind = answer.headers.get("Content-Type", "application/json")
        if kind.startswith(("text/event-stream", "text/plain")):
            self.set_header("X-Accel-Buffering", "no")
            await self.flush()
        async for chunk in answer.aiter_raw():
            self.write(chunk)
            await self.flush()
        await self.finish(set_content_type=kind)

    async def _answer_away(self, detail: str) -> None:
        if self._headers_written:
            self.request.connection.stream.close()  # type: ignore[union-attr]  # so that the answer is seen to be cut
            return
        await self._answer_problem(problem(503, "Service unavailable", detail, "urn:zoe:problem:ServiceUnavailable"))

    async def _answer_problem(self, document: dict[str, Any]) -> None:
        self.set_status(document["status"])
        await self.finish(json.dumps(document), set_content_type="application/problem+json")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what the server itself refuses (login, cross-site requests) as a problem too."""
        error = kwargs.get("exc_info", (None, None))[1]
        said = error.log_message if isinstance(error, web.HTTPError) and error.log_message else self._reason
        detail = f"This Jupyter server refused the request: {said}."
        self.finish(json.dumps(problem(status_code, self._reason, detail)), set_content_type="application/problem+json")

    def on_connection_close(self) -> None:
        if self._relaying is not None:
            self._relaying.cancel()
        super().on_connection_close()


def make_handlers(prefix: str) -> list[tuple[str, type[RelayHandler], dict[str, str]]]:
    """What the server's application is given."""
    return [(rf"{prefix}(?:/.*)?", RelayHandler, {"prefix": prefix})]
