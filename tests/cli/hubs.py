"""A JupyterHub that starts servers at once, for `zoe start` of a ZApp with a notebook."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler


class FakeHub:
    """Use it as a context manager. `allowed` is the one token with the scope `servers`."""

    def __init__(self, allowed: str, *, fails: str = "") -> None:
        self.allowed = allowed
        self.fails = fails
        self.started: dict[str, dict[str, Any]] = {}
        self._ready = threading.Event()

    def __enter__(self) -> FakeHub:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hub/api"

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server = HTTPServer(
            Application(
                [
                    (r"/hub/api/users/alice", UserHandler, {"hub": self}),
                    (r"/hub/api/users/alice/server(?:s/([a-z-]+))?", ServerHandler, {"hub": self}),
                    (r"/hub/api/users/alice/server(?:s/([a-z-]+))?/progress", ProgressHandler, {"hub": self}),
                ]
            )
        )
        server.add_sockets(sockets)
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()


class Handler(RequestHandler):
    def initialize(self, hub: FakeHub) -> None:
        self.hub = hub

    def prepare(self) -> None:
        if self.request.headers.get("Authorization") != f"token {self.hub.allowed}":
            raise HTTPError(403)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1]
        self.finish(json.dumps({"status": status_code, "message": getattr(error, "log_message", "")}))


class UserHandler(Handler):
    def get(self) -> None:
        self.write({"servers": {name: {"url": f"/user/alice/{name}"} for name in self.hub.started}})


class ServerHandler(Handler):
    def post(self, name: str | None) -> None:
        if (name or "") in self.hub.started:
            raise HTTPError(400, "alice's server is already running")
        self.hub.started[name or ""] = json.loads(self.request.body)
        self.set_status(202)


class ProgressHandler(Handler):
    def get(self, name: str | None) -> None:
        self.set_header("Content-Type", "text/event-stream")
        end = {"failed": True, "message": self.hub.fails} if self.hub.fails else {"ready": True, "message": "Ready"}
        for event in ({"progress": 0, "message": "Server requested"}, {"progress": 100, **end}):
            self.write(f"data: {json.dumps(event)}\n\n")
