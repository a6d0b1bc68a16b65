"""A listening application with a real store and a shop of its own.

Fixtures: `shop` (folder), `store`, `context`, `site` (the running application), and `alice`, `bob`,
`admin`, `service`, `stranger`: HTTP clients. `ALL` are all callers by token.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.store.writing import moved, stored
from zoe_hub.app import MAX_FORM
from zoe_hub.catalogue import Catalogue
from zoe_hub.model.errors import UnknownName
from zoe_hub.model.execution import ExecutionState, InstanceState, InstanceStatus
from zoe_hub.model.resources import Node, Resources
from zoe_hub.secrets import Secrets
from zoe_hub.store.changes import InstanceReported
from zoe_hub.store.sql import SQLStore
from zoe_hub.web import Caller, StaticIdentities, WebContext, make_app
from zoe_hub.web.events import EventFeed
from zoe_hub.web.scopes import ADMIN_AUDIT, ADMIN_EXECUTIONS, ADMIN_QUOTAS, READ_METRICS, USER_SCOPES

PREFIX = "/hubpath/services/zoe/"
USER = frozenset(USER_SCOPES)
CALLERS = {
    "alice-token": Caller("alice", USER, groups=("staff",)),
    "bob-token": Caller("bob", USER),
    "admin-token": Caller("admin", USER | {ADMIN_EXECUTIONS, ADMIN_AUDIT, ADMIN_QUOTAS, READ_METRICS}),
    "leader-token": Caller("carol", USER | {f"{ADMIN_EXECUTIONS}!group=staff", f"{ADMIN_EXECUTIONS}!user=alice"}),
    "elsewhere-token": Caller("dave", USER | {f"{ADMIN_EXECUTIONS}!group=guests", f"{ADMIN_EXECUTIONS}!user=erin"}),
    "foreign-token": Caller("foreign", frozenset(), kind="service"),
    "auditor-narrowed-token": Caller("admin", frozenset({f"{ADMIN_AUDIT}!user=admin"})),
    "narrowed-token": Caller("admin", frozenset({f"{ADMIN_EXECUTIONS}!user=admin"})),
    "service-token": Caller("spawner", frozenset({ADMIN_EXECUTIONS}), kind="service"),
    "impostor-token": Caller("alice", USER, kind="service"),
    "nothing-token": Caller("alice", frozenset()),
    "filtered-token": Caller("bob", frozenset(f"{scope}!user=alice" for scope in USER_SCOPES)),
}

FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: toy
title: Toy cluster
options:
  - {name: workers, type: integer, default: 1, minimum: 0, maximum: 1000, scales: true}
  - {name: memory, type: memory, default: 64 MiB}
  - {name: motto, type: string, default: hello}
secrets: [{name: auth}]
processes:
  - name: head
    title: Head
    command: [run-head, "--motto={{ motto }}"]
    environment: {TOKEN: "${secret.auth}"}
    files: [{path: settings, content: "private ${secret.auth}"}]
    ports:
      - {name: rpc, purpose: client}
      - {name: web, protocol: http, purpose: ui, title: Toy pages, path: /status, headers: {X-Door: "B ${bearer.auth}"}}
      - {name: deep, protocol: http, purpose: ui, keep_prefix: true}
      - {name: inside, protocol: http}
    resources: {cpu: 1, memory: "{{ memory }}"}
  - name: worker
    command: [run-worker]
    instances: {core: "{{ [workers, 1] | min }}", elastic: "{{ [workers - 1, 0] | max }}"}
    resources: {cpu: 1, memory: "{{ memory }}"}
    after: [head]
client:
  connection:
    address: toy://${head.host}:${head.port.rpc}
    token: ${secret.auth}
status:
  process: head
  port: inside
  fields: {}
  load:
    process: head
    port: inside
    pages: [{name: all, path: /load}]
    tasks: all.tasks
"""
ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: toys
title: Toys
frameworks:
  - framework: toy
    options: {workers: "{{ workers }}", memory: "{{ memory }}", motto: "{{ motto }}"}
parameters:
  - {name: workers, type: integer, default: 1, minimum: 0, maximum: 1000, scales: true}
  - {name: memory, type: memory, default: 64 MiB}
  - {name: motto, type: string, default: hello}
"""
SERVER_FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: desk
title: Desk
processes: [{name: server, placement: server, resources: {cpu: 1}}]
"""
SERVER_ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: desk-app
title: Desk
frameworks: [{framework: desk}]
"""
OWN = {
    "apiVersion": "zoe/v1",
    "kind": "ZApp",
    "name": "mine",
    "title": "Mine",
    "frameworks": [{"framework": "toy", "options": {"workers": 2}}],
}


class Written:
    """Output of instances as a back end would keep it."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, int], bytes] = {}
        self.more = asyncio.Event()
        self.calls: list[dict[str, Any]] = []
        self.silent = False
        self.left = asyncio.Event()

    async def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        self.calls.append({"process": process, "ordinal": ordinal, "follow": follow, "tail": tail})
        if self.silent:
            try:
                await self.more.wait()
            finally:
                self.left.set()
        if (process, ordinal) not in self.texts:
            raise UnknownName("instance", f"{process} {ordinal}")
        yield self.texts[process, ordinal]
        if follow:
            await self.more.wait()
            yield b"more\n"


@dataclass
class Site:
    """The running application and what a test may turn."""

    url: str
    feed: EventFeed
    context: WebContext
    written: Written
    wakes: list[int] = field(default_factory=list)

    @property
    def api(self) -> str:
        return f"{self.url}api/v1"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "frameworks"
    for name, framework in (("toy", FRAMEWORK), ("desk", SERVER_FRAMEWORK)):
        (root / name).mkdir(parents=True)
        (root / name / "framework.yaml").write_text(framework)
    (root / "toy" / "client.py").write_text("def connect(connection): return {'toy': connection}\n")
    (root / "zapps").mkdir()
    (root / "zapps" / "toys.yaml").write_text(ZAPP)
    (root / "zapps" / "desk-app.yaml").write_text(SERVER_ZAPP)
    return root


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the newest schema, made once."""
    path = tmp_path_factory.mktemp("database") / "zoe.db"

    async def make() -> None:
        store = SQLStore(f"sqlite:///{path}")
        await store.open()
        await store.close()

    asyncio.run(make())
    return path


@pytest_asyncio.fixture
async def store(tmp_path: Path, empty_database: Path) -> AsyncIterator[SQLStore]:
    shutil.copy(empty_database, tmp_path / "zoe.db")
    opened = SQLStore(f"sqlite:///{tmp_path / 'zoe.db'}")
    await opened.open()
    yield opened
    await opened.close()


async def two_machines() -> list[Node]:
    return [Node(name=name, capacity=Resources(cpu=8, memory=2**33)) for name in ("one", "two")]


@asynccontextmanager
async def serve(context: WebContext) -> AsyncIterator[tuple[str, EventFeed]]:
    """The application on a free port; gives its address and its feed of events."""
    app = make_app(context, {"cookie_secret": "the same in all services of a home folder"})
    server = HTTPServer(app, max_body_size=MAX_FORM)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}{context.prefix}", app.settings["feed"]
    finally:
        server.stop()
        await server.close_all_connections()
        await app.settings["close"]()


@pytest_asyncio.fixture
async def site(store: SQLStore, shop: Path) -> AsyncIterator[Site]:
    written, wakes = Written(), []
    context = WebContext(
        store=store,
        catalogue=Catalogue([shop]),
        secrets=Secrets(b"k" * 32),
        identities=StaticIdentities(CALLERS, cookie="login", login="/hub/login"),
        logs=written,
        wake=lambda: wakes.append(1),
        live=lambda execution: {"workers": 1},
        nodes=two_machines,
        public_prefix=PREFIX,
    )
    async with serve(context) as (url, feed):
        yield Site(url=url, feed=feed, context=context, written=written, wakes=wakes)


def client_of(site: Site, token: str | None, **options: Any) -> httpx.AsyncClient:
    headers = {"Authorization": f"token {token}"} if token else {}
    return httpx.AsyncClient(base_url=site.api, headers=headers, timeout=20, trust_env=False, **options)


def _client_fixture(token: str | None) -> Any:
    @pytest_asyncio.fixture
    async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
        async with client_of(site, token) as opened:
            yield opened

    return client


alice = _client_fixture("alice-token")
bob = _client_fixture("bob-token")
admin = _client_fixture("admin-token")
service = _client_fixture("service-token")
stranger = _client_fixture(None)


Starter = Callable[..., Awaitable[str]]


@pytest.fixture
def start(site: Site) -> Starter:
    """Submit for an owner, and have it run with one head whose ports are `ports`."""

    async def run(token: str = "alice-token", ports: Mapping[str, int] | None = None, **body: Any) -> str:
        async with client_of(site, token) as client:
            answer = await client.post("/executions", json={"zapp": "toys", **body})
        assert answer.status_code == 202, answer.text
        execution: str = answer.json()["id"]
        store = site.context.store
        await moved(store, execution, ExecutionState.QUEUED, ExecutionState.STARTING)
        of_head = dict(ports or {"rpc": 7077, "web": 1, "deep": 1, "inside": 1})
        for process, known in (("toy.head", of_head), ("toy.worker", {})):
            await stored(
                store,
                InstanceReported(
                    InstanceStatus(
                        execution=execution,
                        process=process,
                        ordinal=0,
                        state=InstanceState.READY,
                        host="127.0.0.1",
                        ports=known,
                    )
                ),
            )
        await moved(store, execution, ExecutionState.STARTING, ExecutionState.RUNNING)
        return execution

    return run
