"""A cluster's HTTP port that says what a test lets it say."""

from __future__ import annotations

import json
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from typing_extensions import Self


class Cluster:
    """Use it as an async context manager. `answer` is a status, a text, or a document to send as JSON, or its bytes."""

    def __init__(self) -> None:
        self.answer: Any = {"busy": False, "done": 0}
        self.paths: list[str] = []
        self.headers = HTTPHeaders()
        self.answer_headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        cluster = self

        class How(RequestHandler):
            def get(self) -> None:
                cluster.paths.append(self.request.path)
                cluster.headers = self.request.headers
                for name, value in cluster.answer_headers.items():
                    self.set_header(name, value)
                if isinstance(cluster.answer, int):
                    self.set_status(cluster.answer)
                elif isinstance(cluster.answer, bytes):
                    self.set_header("Content-Type", "application/json")
                    self.write(cluster.answer)
                elif isinstance(cluster.answer, str):
                    self.set_header("Content-Type", "text/html; charset=utf-8")
                    self.write(cluster.answer)
                else:
                    self.set_header("Content-Type", "text/json")
                    self.write(json.dumps(cluster.answer))

        self._server = HTTPServer(Application([(r".*", How)]))
        sockets = bind_sockets(0, "127.0.0.1")
        self._server.add_sockets(sockets)
        self.port: int = sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.stop()
        await self._server.close_all_connections()
