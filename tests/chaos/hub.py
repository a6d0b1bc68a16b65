"""As much of a Hub as the service needs when nothing but the service is killed: it knows tokens."""

from __future__ import annotations

import json
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from zoe_hub.web.scopes import ADMIN_EXECUTIONS, USER_SCOPES

ACCESS = "access:services!service=zoe"
OWNERS = ("alice", "bob")
PREFIX = "/services/zoe/"


def token_of(name: str) -> str:
    return f"{name}-token"


_WHO = {
    token_of(name): {"name": name, "kind": "user", "scopes": [ACCESS, *(f"{s}!user={name}" for s in USER_SCOPES)]}
    for name in OWNERS
} | {token_of("zoe"): {"name": "zoe", "kind": "service", "scopes": [ACCESS, ADMIN_EXECUTIONS]}}


class _Who(RequestHandler):
    def get(self) -> None:
        token = self.request.headers.get("Authorization", "").removeprefix("token ")
        self.set_status(200 if token in _WHO else 403)
        self.finish(json.dumps(_WHO.get(token, {})))


class _Server(RequestHandler):
    """Every user's servers run."""

    def get(self, name: str) -> None:
        servers = {"": {"name": "", "ready": True, "stopped": False, "pending": None}}
        self.finish(json.dumps({"name": name, "kind": "user", "servers": servers}))


class SmallHub:
    """Use it as a context manager, in a running event loop."""

    def __enter__(self) -> SmallHub:
        rules = [("/hub/api/user", _Who), ("/hub/api/users/([^/]+)", _Server)]
        self._server = HTTPServer(Application(rules))  # type: ignore[arg-type]
        sockets = bind_sockets(0, "127.0.0.1")
        self._server.add_sockets(sockets)
        self.port: int = sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def environment(self, home: Path, service_port: int) -> dict[str, str]:
        """What the Hub tells its service."""
        return {
            "ZOE_HOME": str(home),
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.port}/hub/api",
            "JUPYTERHUB_API_TOKEN": token_of("zoe"),
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_SERVICE_NAME": "zoe",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{service_port}",
            "JUPYTERHUB_CLIENT_ID": "service-zoe",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps(["access:services", ACCESS]),
        }
