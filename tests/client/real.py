"""The real service (store, composition, controller, web) over a back end in memory, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.backends.fakes import FailingBackend, InstantBackend
from tests.client.fakes import CLIENT, TOKEN
from zoe_hub.backends.base import Backend
from zoe_hub.catalogue import Catalogue
from zoe_hub.controller.controller import Controller
from zoe_hub.model.resources import Resources
from zoe_hub.secrets import Secrets
from zoe_hub.store.sql import SQLStore
from zoe_hub.web import Caller, StaticIdentities, WebContext, make_app
from zoe_hub.web.scopes import ADMIN_AUDIT, ADMIN_EXECUTIONS, ADMIN_QUOTAS, USER_SCOPES

PREFIX = "/services/zoe/"

FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: toy
title: Toy cluster
options:
  - {name: workers, type: integer, default: 1, minimum: 0, maximum: 100, scales: true}
secrets: [{name: auth}]
processes:
  - name: head
    title: Head
    command: [run-head]
    ports: [{name: rpc, purpose: client}, {name: web, protocol: http, purpose: ui, title: Toy pages}]
    resources: {cpu: 1}
  - name: worker
    title: Worker
    command: [run-worker]
    instances: {core: "{{ [workers, 1] | min }}", elastic: "{{ [workers - 1, 0] | max }}"}
    resources: {cpu: 1}
    after: [head]
client:
  connection: {address: "toy://${head.host}:${head.port.rpc}", token: "${secret.auth}"}
"""
ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: toys
title: Toys
frameworks: [{framework: toy, options: {workers: "{{ workers }}"}}]
parameters: [{name: workers, type: integer, default: 2, minimum: 0, maximum: 100, scales: true}]
"""


def write_shop(folder: Path, framework: str) -> Path:
    """A shelf with toys."""
    shop = folder / "shop"
    (shop / "toy").mkdir(parents=True)
    (shop / "zapps").mkdir()
    (shop / "toy" / "framework.yaml").write_text(framework)
    (shop / "toy" / "client.py").write_text(CLIENT)
    (shop / "zapps" / "toys.yaml").write_text(ZAPP)
    return shop


class RealZoe:
    """Use it as a context manager; `url` is what a client takes. The machines have `cpus` processors."""

    token = TOKEN
    owner = "alice"
    server = "alice/"

    def __init__(self, folder: Path, *, cpus: float = 8, failing: bool = False) -> None:
        self._folder = folder
        capacity = Resources(cpu=cpus, memory=2**36)
        self._backend: Backend = FailingBackend(capacity=capacity) if failing else InstantBackend(capacity)
        self._ready = threading.Event()
        write_shop(folder, FRAMEWORK)

    def __enter__(self) -> RealZoe:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        store, secrets = SQLStore(f"sqlite:///{self._folder / 'zoe.db'}"), Secrets(b"k" * 32)
        await store.open()
        await self._backend.open()
        controller = Controller(store, self._backend, secrets, prefix=PREFIX, interval=0.5)
        context = WebContext(
            store=store,
            catalogue=Catalogue([self._folder / "shop"]),
            secrets=secrets,
            identities=StaticIdentities(
                {
                    TOKEN: Caller("alice", frozenset(USER_SCOPES)),
                    "admin-token": Caller(
                        "admin", frozenset({*USER_SCOPES, ADMIN_AUDIT, ADMIN_EXECUTIONS, ADMIN_QUOTAS})
                    ),
                }
            ),
            logs=self._backend,
            wake=controller.wake,
            live=lambda execution: {},
            nodes=self._backend.nodes,
            public_prefix=PREFIX,
        )
        app = make_app(context)
        server = HTTPServer(app)
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server.add_sockets(sockets)
        running = asyncio.create_task(controller.run())
        self._ready.set()
        await self._stop.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.stop()
        await server.close_all_connections()
        await app.settings["close"]()
        await self._backend.close()
        await store.close()
